package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
)

func TestWebhooks(t *testing.T) {
	at := time.Date(2026, 11, 25, 13, 0, 0, 0, time.UTC)
	hooks := []v1.Webhook{
		{Name: "deploy", Path: "/webhooks/deploy", Vendor: "webhook", Methods: []string{"POST"}, Unproven: true, Last: &v1.WebhookDelivery{At: at, Status: 401, Reason: "not for you"}},
		{Name: "github", Path: "/webhooks/github", Vendor: "github", Methods: []string{"POST"}, Root: true},
	}
	f := newFixture(t, func(o *api.Options, _ *http.Server) { o.Webhooks = func() []v1.Webhook { return hooks } })
	var list v1.Webhooks
	f.get("/webhooks", &list)
	want := append([]v1.Webhook{}, hooks...)
	want[0].URL, want[1].URL = "https://ci.example/webhooks/deploy", "https://ci.example/webhooks/github"
	if diff := cmp.Diff(want, list.Webhooks); diff != "" {
		t.Error(diff)
	}
	f.do("", http.MethodGet, "/webhooks", nil, http.StatusUnauthorized, nil)
	without := newFixture(t)
	without.get("/webhooks", &list)
	if list.Webhooks == nil || len(list.Webhooks) > 0 {
		t.Errorf("without any there are %+v", list)
	}
}
