package server

import (
	"net/http"
	"strings"

	"github.com/franela/pocketci/events"
)

// headerLimit is the longest value of a header that is kept, in bytes. Longer ones are
// cut.
const headerLimit = 200

// keptByAll and kept are the headers that people are shown of a delivery: those that say
// what was sent, by which program and for which of the forge's webhooks. None of them
// proves anything or lets anybody in; what is not in here is not kept.
var (
	keptByAll = []string{"Content-Type"}
	kept      = map[string][]string{
		events.VendorGithub: {"User-Agent", "X-Github-Event", "X-Github-Delivery", "X-Github-Hook-Id", "X-Github-Hook-Installation-Target-Type",
			"X-Github-Hook-Installation-Target-Id", "X-Github-Enterprise-Host", "X-Github-Enterprise-Version"},
		events.VendorGitlab: {"User-Agent", "X-Gitlab-Event", "X-Gitlab-Event-Uuid", "X-Gitlab-Webhook-Uuid", "X-Gitlab-Instance"},
		events.VendorGitea: {"User-Agent", "X-Gitea-Event", "X-Gitea-Event-Type", "X-Gitea-Delivery", "X-Forgejo-Event", "X-Forgejo-Event-Type",
			"X-Forgejo-Delivery"},
		events.VendorBitbucket: {"User-Agent", "X-Event-Key", "X-Hook-Uuid", "X-Request-Uuid", "X-Attempt-Number"},
	}
)

// keptHeaders returns the headers of a delivery that are kept. Of what belongs to no
// forge that is the content type alone: any other header may be its password.
func keptHeaders(vendor string, h http.Header) map[string]string {
	found := map[string]string{}
	for _, list := range [][]string{keptByAll, kept[vendor]} {
		for _, name := range list {
			value := h.Get(name)
			if len(value) > headerLimit {
				value = value[:headerLimit] + "…"
			}
			if value != "" {
				found[name] = strings.ToValidUTF8(value, "\uFFFD")
			}
		}
	}
	return found
}
