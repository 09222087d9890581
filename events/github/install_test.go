package github_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events/github/githubtest"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

const hookURL = "https://ci.example.com/webhooks/github"

func TestInstallWebhookRepairs(t *testing.T) {
	for name, old := range map[string]map[string]any{
		"inactive":      {"active": false, "events": []any{"*"}, "config": map[string]any{"url": hookURL, "content_type": "json"}},
		"sends forms":   {"active": true, "events": []any{"*"}, "config": map[string]any{"url": hookURL, "content_type": "form"}},
		"no secret":     {"active": true, "events": []any{}, "config": map[string]any{"url": hookURL, "content_type": "json"}},
		"pushes alone":  {"active": true, "events": []any{"push"}, "config": map[string]any{"url": hookURL, "content_type": "json"}},
		"believes all":  {"active": true, "events": []any{"*"}, "config": map[string]any{"url": hookURL, "content_type": "json", "insecure_ssl": "1"}},
		"another slash": {"active": true, "events": []any{"*"}, "config": map[string]any{"url": "https://CI.example.com:443/webhooks/github/", "content_type": "json"}},
	} {
		for _, owner := range []string{forgetest.Repository, "acme"} {
			w := githubtest.New(t, githubtest.OfGitHub).Serve()
			hooks := w.Hooks
			if owner == "acme" {
				hooks = w.OrgHooks
			}
			hooks[5] = map[string]any{"active": true, "events": []any{"push"}, "config": map[string]any{"url": "https://elsewhere.example.com/webhooks/github"}}
			hooks[6] = old
			hook, created, err := w.Client().InstallWebhook(t.Context(), owner, forge.NewWebhook{URL: hookURL, Secret: "s3cret-of-hooks"})
			if err != nil || created || hook.ID != "6" || hook.URL != hookURL || !hook.Active || !slices.Contains(hook.Events, "*") && !slices.Contains(hook.Events, "issue_comment") {
				t.Errorf("%s of %s: %+v, %t, %v", name, owner, hook, created, err)
			}
			config := hooks[6]["config"].(map[string]any)
			if config["content_type"] != "json" || config["insecure_ssl"] != "0" || config["secret"] != "s3cret-of-hooks" || len(hooks) != 2 {
				t.Errorf("%s of %s: %v", name, owner, hooks)
			}
		}
	}
}

// A webhook is for events that it can be for, and keeps those that somebody added.
func TestInstallWebhookEvents(t *testing.T) {
	for _, file := range []string{githubtest.OfGitHub, githubtest.OfEnterpriseServer} {
		w := githubtest.New(t, file).Serve()
		hook, _, err := w.Client().InstallWebhook(t.Context(), forgetest.Repository, forge.NewWebhook{URL: hookURL, Secret: "s3cret-of-hooks"})
		if err != nil || !slices.Contains(hook.Events, "push") {
			t.Fatalf("%+v, %v", hook, err)
		}
		for _, event := range hook.Events {
			if types := githubtest.Describe(t, file).WebhookTypes(event); !slices.Contains(types, "repository") || !slices.Contains(types, "organization") {
				t.Errorf("%s: %s is for %v", file, event, types)
			}
		}
		for _, hooks := range w.Hooks {
			hooks["events"] = []any{"star", "push"}
		}
		again, _, err := w.Client().InstallWebhook(t.Context(), forgetest.Repository, forge.NewWebhook{URL: hookURL, Secret: "s3cret-of-hooks"})
		if want := append(slices.Clone(hook.Events), "star"); err != nil || !slices.Equal(again.Events, slices.Sorted(slices.Values(want))) {
			t.Errorf("%+v, %v", again, err)
		}
	}
}

func TestInstallWebhookOfAnOrganisation(t *testing.T) {
	for _, isApp := range []bool{false, true} {
		w := githubtest.New(t, githubtest.OfGitHub).Serve()
		f := forge.Forge(w.Client())
		if isApp {
			w = githubtest.NewApp(t, githubtest.OfGitHub).Serve()
			f = w.AppClient()
		}
		hook, created, err := f.InstallWebhook(t.Context(), "acme", forge.NewWebhook{URL: hookURL, Secret: "s3cret-of-hooks"})
		if err != nil || !created || len(w.OrgHooks) != 1 || len(w.Hooks) != 0 {
			t.Fatalf("%+v, %t, %v: %v", hook, created, err, w.OrgHooks)
		}
		found, err := f.Webhooks(t.Context(), "acme", "https://ci.example.com")
		if err != nil || len(found) != 1 || found[0].ID != hook.ID {
			t.Errorf("found %+v, %v", found, err)
		}
		w.Missed = []map[string]any{missedDelivery(1, "a", 500)}
		if n, err := f.Redeliver(t.Context(), "acme", hook.ID, time.Now().Add(-time.Hour)); n != 1 || err != nil || w.Again[0] != "Organization "+hook.ID+" 1" {
			t.Errorf("redelivered %d: %v, %v", n, err, w.Again)
		}
	}
}

func TestInstallWebhookRefuses(t *testing.T) {
	w := githubtest.New(t, githubtest.OfGitHub).Serve()
	for name, hook := range map[string]forge.NewWebhook{
		"no secret": {URL: hookURL}, "a blank secret": {URL: hookURL, Secret: " \n"}, "no address": {Secret: "s3cret"},
		"no web address": {URL: "ftp://ci.example.com", Secret: "s3cret"}, "credentials in it": {URL: "https://u:s3cret@ci.example.com", Secret: "s3cret"},
	} {
		if got, _, err := w.Client().InstallWebhook(t.Context(), forgetest.Repository, hook); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if w.Requests() != 0 {
		t.Errorf("requests %v", w.Since(0))
	}
}

func TestWebhooksBelow(t *testing.T) {
	w := githubtest.New(t, githubtest.OfGitHub).Serve()
	for i, address := range []string{
		"https://ci.example.com", "https://ci.example.com/webhooks/github", "http://CI.example.com/webhooks/github/team", "https://ci.example.com:8443/",
		"https://ci.example.com.evil.example/", "https://elsewhere.example.com/", "urn:webhooks", "https://ci.example.com/webhooksy",
	} {
		w.Hooks[int64(i+1)] = map[string]any{"active": i != 0, "events": []any{"push"}, "config": map[string]any{"url": address}}
	}
	for i := range 120 { // they are on the second page
		w.Hooks[int64(-i-1)] = map[string]any{"active": true, "events": []any{}, "config": map[string]any{"url": "https://" + strconv.Itoa(i) + ".example.com"}}
	}
	for below, want := range map[string][]string{
		"https://ci.example.com":           {"1", "2", "3", "8"},
		"https://ci.example.com/":          {"1", "2", "3", "8"},
		"https://ci.example.com/webhooks":  {"2", "3"},
		"https://ci.example.com:8443":      {"4"},
		"https://nobody.example.com":       nil,
		"https://ci.example.com/webhooks/": {"2", "3"},
	} {
		found, err := w.Client().Webhooks(t.Context(), forgetest.Repository, below)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, hook := range found {
			ids = append(ids, hook.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("below %s: %v, want %v", below, ids, want)
		}
	}
}

func missedDelivery(id int, guid string, code int) map[string]any {
	return map[string]any{"id": id, "guid": guid, "status_code": code, "delivered_at": time.Now().UTC().Format(time.RFC3339)}
}

func TestClientRedelivers(t *testing.T) {
	w := githubtest.New(t, githubtest.OfGitHub).Serve()
	w.Hooks[6] = map[string]any{"active": true, "events": []any{"*"}, "config": map[string]any{"url": hookURL}}
	w.Missed = []map[string]any{missedDelivery(4, "a", 200), missedDelivery(3, "b", 0), missedDelivery(2, "a", 502), missedDelivery(1, "c", 504)}
	n, err := w.Client().Redeliver(t.Context(), forgetest.Repository, "6", time.Now().Add(-time.Hour))
	if want := []string{"Repository 6 1", "Repository 6 3"}; n != 2 || err != nil || !slices.Equal(w.Again, want) {
		t.Errorf("%d: %v, %v, want %v", n, err, w.Again, want)
	}
	if _, err := w.Client().Redeliver(t.Context(), forgetest.Repository, "7", time.Now()); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a webhook that is gone: %v", err)
	}
	for _, id := range []string{"", "x", "-1", "6/deliveries"} {
		if _, err := w.Client().Redeliver(t.Context(), forgetest.Repository, id, time.Now()); err == nil {
			t.Errorf("%q is a webhook", id)
		}
	}
}
