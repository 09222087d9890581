package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/webtest"
)

// query is names and values in turn as a part of an address.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q.Encode()
}

func TestRuns(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.SignIn(v1.ScopeRead)
	if text := b.Page("/runs").Main(); !strings.Contains(text, "There are no runs yet.") {
		t.Errorf("without runs it says %s", text)
	}
	w.Ran("acme/shop", "test", store.StateFailed)
	w.Accept(webtest.Fork("acme/shop"))
	feature := webtest.Push("acme/till")
	feature.Event.Ref, feature.Event.Branch, feature.Event.Sender = "refs/heads/feature/x", "feature/x", "mona"
	w.Accept(feature)
	for filter, want := range map[string]string{
		"":                                                  "3 2 1",
		query("repository", " acme/shop "):                  "2 1",
		query("branch", "feature/x"):                        "3",
		query("branch", "refs/pull/7/head"):                 "2",
		query("state", "waiting-approval"):                  "2",
		query("event", "pull_request"):                      "2",
		query("function", "test"):                           "1",
		query("pr", "#7"):                                   "2",
		query("sender", "mona"):                             "3",
		query("since", "2020-01-01", "until", "2099-12-31"): "3 2 1",
		query("until", "2020-01-01"):                        "",
		query("since", "2099-01-01T00:00:00Z"):              "",
	} {
		page := b.Page("/runs?" + filter)
		var got []string
		for _, row := range page.Class("run") {
			got = append(got, strings.TrimPrefix(webtest.Attr(row, "id"), "run-"))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s has the runs %q, want %q", filter, got, want)
		}
		if want == "" && !strings.Contains(page.Main(), "No run is as you ask for.") {
			t.Errorf("%s says %s", filter, page.Main())
		}
		if shown := slices.Contains(page.Links(), "/runs?"); shown {
			t.Error("a link has nothing to ask for")
		}
	}
	for filter, want := range map[string]string{
		query("pr", "seven", "branch", "x"):   "The pull request is a number",
		query("pr", "0", "branch", "x"):       "The pull request is a number",
		query("since", "soon", "branch", "x"): "Days are written like",
		query("state", "fine", "branch", "x"): "expected value to be one of",
		query("cursor", "x", "branch", "x"):   "is no cursor of this list",
	} {
		a := b.Get("/runs?" + filter)
		page := a.Page(t)
		if a.Status != http.StatusUnprocessableEntity || !strings.Contains(page.Main(), want) || !strings.Contains(a.Text, `name="branch" value="x"`) {
			t.Errorf("%s gives %d: %s", filter, a.Status, page.Main())
		}
	}
	if a := w.Stranger().Get("/runs?state=failed"); a.Status != http.StatusSeeOther || a.Location != "/sign-in?to=%2Fruns%3Fstate%3Dfailed" {
		t.Errorf("a stranger gets %d to %s", a.Status, a.Location)
	}
}

func TestPagesOfRuns(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	for n := range 120 {
		d := webtest.Push("acme/shop")
		d.Skip = fmt.Sprint("skipped ", n)
		w.Accept(d)
	}
	b := w.SignIn(v1.ScopeRead)
	seen, path, live := map[string]bool{}, "/runs?repository=acme%2Fshop", true
	for range 3 {
		page := b.Page(path)
		for _, row := range page.Class("run") {
			seen[webtest.Attr(row, "id")] = true
		}
		if got := strings.Contains(page.Source, "data-live"); got != live {
			t.Errorf("%s is live: %t", path, got)
		}
		path, live = "", false
		for _, to := range page.Links() {
			if strings.Contains(to, "cursor=") {
				path = to
			}
		}
		if path != "" && !strings.Contains(path, "repository=acme%2Fshop") {
			t.Errorf("the next page is not of the same: %s", path)
		}
	}
	if len(seen) != 120 || path != "" {
		t.Errorf("three pages have %d runs, and then comes %q", len(seen), path)
	}
}
