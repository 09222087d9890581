package settings

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/yamlfile"
)

var mirrorWebhookKeys = []string{"path", "vendor", KeyWebhookSecrets}

// MirrorWebhook is a webhook of a mirror's own.
type MirrorWebhook struct {
	// Path is where it is received, empty for /webhooks/NAME.
	Path string
	// Vendor is the forge that sends it.
	Vendor string
	// Secrets are one or two, each of which makes a delivery valid.
	Secrets []Secret
	// Line is where it starts in the file, for messages.
	Line int
}

// MirrorEvent selects events.
type MirrorEvent struct {
	// Vendor is empty for every forge. With a forge, named or not, the event must
	// be of the mirror's repository.
	Vendor string
	// Name is that of the event, Filter its filter or a glob, empty for all.
	Name, Filter string
}

func (r reader) mirrorWebhook(e yamlfile.Entry) *MirrorWebhook {
	entries, ok := r.Mapping(e.Value, e.Name)
	if !ok {
		return nil
	}
	w := &MirrorWebhook{Vendor: events.VendorGithub, Line: e.Value.Line}
	secret := false
	for _, part := range entries {
		switch part.Name {
		case "path":
			w.Path = r.webhookPath(part)
		case "vendor":
			if i := r.choice(part, vendors); i >= 0 {
				w.Vendor = vendors[i]
			}
		case KeyWebhookSecrets:
			secret = true
			w.Secrets = r.webhookSecrets(part)
		default:
			r.Unknown(part, e.Name, mirrorWebhookKeys)
		}
	}
	if !secret {
		r.Fail(e.Value, "the webhook of a mirror needs %s, as nobody else's deliveries are taken", KeyWebhookSecrets)
	}
	return w
}

// taken are the paths that the agent serves itself, and all below those that end with
// a slash. A test holds the pages' own to what package web says.
var taken = []string{
	"/", "/healthz", "/readyz", "/metrics", "/api/", "/webhooks/", "/tags/", "/repos", "/ping/",
	"/badges/", "/events/", "/functions/", "/mirrors/", "/modules/", "/registries/", "/repositories/", "/runs/", "/schedules/",
	"/settings/", "/sign-in/", "/sign-out/", "/signed/", "/static/", "/try/",
}

func (r reader) webhookPath(e yamlfile.Entry) string {
	s := r.matching(e, urlPath, "the path of a URL, such as /gwg/shop: letters, digits, dashes, dots, underscores, tildes and slashes")
	if s == "" {
		return ""
	}
	s = strings.TrimSuffix(s, "/")
	if path.Clean(s) != s {
		r.Fail(e.Value, "%s has an empty part, or one of dots", e.Name)
		return ""
	}
	if slices.ContainsFunc(taken, func(t string) bool { return s == strings.TrimSuffix(t, "/") || t != "/" && strings.HasPrefix(s+"/", t) }) {
		r.Fail(e.Value, "%s is one that the agent serves itself; without it the webhook is at /webhooks/NAME", e.Name)
		return ""
	}
	return s
}

var urlPath = regexp.MustCompile(`^/[A-Za-z0-9._~/-]{0,200}$`)

func (r reader) mirrorEvents(e yamlfile.Entry) []MirrorEvent {
	var on []MirrorEvent
	for _, s := range r.some(e, checkMirrorEvent) {
		switch words := strings.Fields(s); len(words) {
		case 1:
			on = append(on, MirrorEvent{Name: words[0]})
		case 2:
			on = append(on, MirrorEvent{Vendor: words[0], Name: words[1]})
		case 3:
			on = append(on, MirrorEvent{Vendor: words[0], Name: words[1], Filter: words[2]})
		}
	}
	return on
}

func checkMirrorEvent(s string) error {
	words := strings.Fields(s)
	if len(words) > 3 {
		return errors.New("write EVENT, VENDOR EVENT or VENDOR EVENT FILTER, such as push or mirror updated docs")
	}
	if len(words) == 1 {
		return checkEvent(words[0])
	}
	for _, word := range words[:2] {
		if !eventName.MatchString(word) {
			return errors.New("write EVENT, VENDOR EVENT or VENDOR EVENT FILTER, such as push or mirror updated docs")
		}
	}
	return nil
}
