package web_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/web/webtest"
)

func TestWebhooksPage(t *testing.T) {
	t.Parallel()
	at := time.Now().Add(-time.Minute)
	w := webtest.New(t, webtest.Options{API: func(o *api.Options) {
		o.Webhooks = func() []v1.Webhook {
			return []v1.Webhook{
				{Name: "deploy", Path: "/webhooks/deploy", Vendor: "webhook", Methods: []string{"POST", "PUT"}, Unproven: true, Waits: true, Filters: 2,
					Last: &v1.WebhookDelivery{At: at, Status: 401, Reason: "the signature is wrong " + evil}},
				{Name: "github", Path: "/webhooks/github", Vendor: "github", Methods: []string{"POST"}, Root: true, Last: &v1.WebhookDelivery{At: at, Status: 202, Event: "e1", Run: 7}},
				{Name: "quiet", Path: "/webhooks/quiet", Vendor: "webhook", Methods: []string{"POST"}},
			}
		}
	}})
	page := w.SignIn(v1.ScopeRead).Page("/settings/webhooks")
	shownAsText(t, page)
	for _, want := range []string{"refused deploy webhook, answers with what functions return, anybody may send, 2 filters", "POST PUT https://ci.example/webhooks/deploy",
		"1 min ago , answered 401 Unauthorized: the signature is wrong", "ok github", "answered 202 Accepted", "no delivery yet quiet", "nothing since the agent was started"} {
		if !strings.Contains(page.Main(), want) {
			t.Errorf("the page has no %q: %s", want, page.Main())
		}
	}
	for _, want := range []string{"/runs/7", "/events/e1"} {
		if !slices.Contains(page.Links(), want) {
			t.Errorf("no link leads to %s", want)
		}
	}
}
