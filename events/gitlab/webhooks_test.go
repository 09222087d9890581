package gitlab_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events/gitlab/gitlabtest"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

func TestWebhooksOfGroup(t *testing.T) {
	t.Parallel()
	c, w := newWorld(t, "")
	const address = "https://ci.example.com/webhooks/x"
	for i, created := range []bool{true, false} {
		h, isNew, err := c.InstallWebhook(t.Context(), "acme", forge.NewWebhook{URL: address, Secret: token})
		if err != nil || isNew != created || h.URL != address || !slices.Contains(h.Events, "merge_requests_events") {
			t.Errorf("installed %d times: %+v, %v, %v", i, h, isNew, err)
		}
	}
	if len(w.Hooks) != 1 || w.Hooks[0].Owner != "acme" || w.Hooks[0].Token != token || !w.Hooks[0].Verifies {
		t.Errorf("webhooks %+v", w.Hooks)
	}
	w.Attempts = []gitlabtest.Object{attempt(3, "a", "502", "")}
	if n, err := c.Redeliver(t.Context(), "acme", "1", time.Now()); n != 1 || err != nil || !slices.Equal(w.Resent, []int{3}) {
		t.Errorf("resent %d, %v, %v", n, w.Resent, err)
	}
	for _, owner := range []string{"", "..", "acme?x", "acme/../x"} {
		if _, err := c.Webhooks(t.Context(), owner, address); err == nil {
			t.Errorf("there are webhooks of %q", owner)
		}
	}
	if _, err := c.Webhooks(t.Context(), "gone", address); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestInstallWithSigningToken(t *testing.T) {
	t.Parallel()
	c, w := newWorld(t, "")
	hook := forge.NewWebhook{URL: "https://ci.example.com/webhooks/x", Secret: signingToken}
	if _, _, err := c.InstallWebhook(t.Context(), forgetest.Repository, hook); err != nil || w.Hooks[0].Signing != signingToken || w.Hooks[0].Token != "" {
		t.Errorf("webhook %+v, %v", w.Hooks[0], err)
	}
	c, w = newWorld(t, "")
	w.Old = true
	if _, _, err := c.InstallWebhook(t.Context(), forgetest.Repository, hook); err == nil || !strings.Contains(err.Error(), "GitLab 19.0") {
		t.Errorf("an old GitLab: %v", err)
	}
}

// What people switched on stays on, and what GitLab gave up is seen.
func TestRepairWebhook(t *testing.T) {
	t.Parallel()
	c, w := newWorld(t, "")
	w.Hooks = []*gitlabtest.Hook{
		{ID: 1, URL: "https://ci.example.com.evil.example/webhooks/x"}, {ID: 2, URL: "https://ci.example.com/a"},
		{ID: 3, URL: "https://ci.example.com/a/webhooks/x", Issues: true, Alert: "disabled"}, {ID: 4, URL: "https://ci.example.com/ab"},
	}
	got, err := c.Webhooks(t.Context(), forgetest.Repository, "https://CI.example.com/a/")
	if err != nil || len(got) != 2 || got[0].ID != "2" || got[1].ID != "3" || got[1].Active {
		t.Errorf("webhooks %+v, %v", got, err)
	}
	h, created, err := c.InstallWebhook(t.Context(), forgetest.Repository, forge.NewWebhook{URL: w.Hooks[2].URL, Secret: token})
	if err != nil || created || !slices.Contains(h.Events, "issues_events") || !slices.Contains(h.Events, "push_events") || w.Hooks[2].Token != token {
		t.Errorf("%+v, %v", h, err)
	}
}

// attempt is a delivery as GitLab lists it.
func attempt(id int, key, code, answered string) gitlabtest.Object {
	a := gitlabtest.Object{
		"id": id, "url": "https://ci.example.com/webhooks/x", "trigger": "push_hooks", "request_headers": gitlabtest.Object{"Content-Type": "application/json"},
		"request_data": gitlabtest.Object{"object_kind": "push"}, "response_headers": gitlabtest.Object{}, "response_body": "", "execution_duration": 1.07, "response_status": code,
	}
	if key != "" {
		a["request_headers"].(gitlabtest.Object)["Idempotency-Key"] = key
	}
	if answered != "" {
		a["response_headers"] = gitlabtest.Object{"Date": answered}
	}
	return a
}

func TestRedeliver(t *testing.T) {
	t.Parallel()
	c, w := newWorld(t, "")
	w.Hooks = []*gitlabtest.Hook{{ID: 1, URL: "https://ci.example.com/webhooks/x"}}
	signed := attempt(3, "s", "internal error", "")
	signed["request_headers"].(gitlabtest.Object)["webhook-timestamp"] = "1614265330"
	w.Attempts = []gitlabtest.Object{
		attempt(12, "f", "400", ""),
		attempt(11, "e", "internal error", ""),
		attempt(10, "d", "200", "Sun, 26 May 2024 03:03:19 GMT"),
		attempt(9, "c", "503", "Sun, 26 May 2024 03:03:19 GMT"),
		attempt(8, "d", "internal error", ""), // succeeded since
		attempt(7, "e", "internal error", ""), // failed again since
		attempt(6, "", "internal error", ""),  // of a GitLab without keys
		attempt(5, "", "502", ""),
		attempt(4, "b", "503", "Sat, 25 May 2024 03:03:19 GMT"), // before
		signed, // before
	}
	since := time.Date(2024, 5, 26, 0, 0, 0, 0, time.UTC)
	n, err := c.Redeliver(t.Context(), forgetest.Repository, "1", since)
	if want := []int{5, 6, 9, 11}; n != len(want) || err != nil || !slices.Equal(w.Resent, want) {
		t.Errorf("resent %d: %v, want %v: %v", n, w.Resent, want, err)
	}
	// Five a minute.
	n, err = c.Redeliver(t.Context(), forgetest.Repository, "1", since)
	if _, ok := errors.AsType[*forge.LimitError](err); n != 1 || !ok || c.Limited() == nil {
		t.Errorf("resent %d, %v", n, err)
	}
}

func TestRedeliverWhatIsNotThere(t *testing.T) {
	t.Parallel()
	c, w := newWorld(t, "")
	for _, id := range []string{"", "x", "-1", "1/events"} {
		if _, err := c.Redeliver(t.Context(), forgetest.Repository, id, time.Now()); err == nil {
			t.Errorf("webhook %q is there", id)
		}
	}
	if _, err := c.Redeliver(t.Context(), forgetest.Repository, "1", time.Now()); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("error %v", err)
	}
	w.Hooks, w.Old = []*gitlabtest.Hook{{ID: 1, URL: "https://ci.example.com"}}, true
	if _, err := c.Redeliver(t.Context(), forgetest.Repository, "1", time.Now()); !errors.Is(err, forge.ErrUnsupported) {
		t.Errorf("an old GitLab: %v", err)
	}
}
