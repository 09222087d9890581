// Package forgetest is the suite that every client of a forge passes, against a
// stand-in for the forge's API that refuses whatever the real one would.
package forgetest

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/forge"
)

// World is the stand-in, seen from the side of its people. All of it is about the
// repository acme/shop and its pull request 7, which ANNA, who may write, opened
// from her branch "feature" at the commit [Head] onto "main" at [Base].
type World interface {
	// Status is what is shown beside a commit in a context: its state in
	// pocketci's words, its description and its link. How many there are with
	// that context says whether they were updated.
	Status(sha, context string) (state forge.State, description, url string, count int)
	// Comments are the texts of the comments on the pull request in order.
	Comments() []string
	// AddComment has somebody comment on the pull request and returns the id.
	AddComment(author, body string) string
	// Reaction is the sign that a comment got.
	Reaction(comment string) forge.Reaction
	// Webhooks are the addresses of the webhooks of the repository, with whether
	// a secret is set.
	Webhooks() map[string]bool
	// Fail answers the next n requests with a status and header.
	Fail(n, status int, header http.Header)
	// Requests is how many requests there were.
	Requests() int
	// Token makes the API accept this token alone from now on.
	Token(token string)
}

// What the World holds.
const (
	Repository = "acme/shop"
	Head       = "1111111111111111111111111111111111111111"
	Base       = "2222222222222222222222222222222222222222"
	// TokenOfTests is the token that a client is made with.
	TokenOfTests = "token-of-the-tests"
)

// The people: ANNA may write, REED may read, NEIL is unknown. ANNA and MARA, who
// may read, have had pull requests merged.
const (
	Anna = "anna"
	Reed = "reed"
	Mara = "mara"
	Neil = "neil"
)

// Options describe a client.
type Options struct {
	// Vendor is what it must say.
	Vendor string
	// New makes a stand-in and a client for it whose back-off is a millisecond.
	New func(t *testing.T) (forge.Forge, World)
	// CannotRedeliver says that the forge has no redelivery.
	CannotRedeliver bool
	// CannotReact says that the forge has no reactions, and that the client
	// answers [forge.ErrUnsupported].
	CannotReact bool
}

// Run runs the suite.
func Run(t *testing.T, o Options) {
	t.Run("vendor", func(t *testing.T) {
		if f, _ := o.New(t); f.Vendor() != o.Vendor {
			t.Errorf("%q, want %q", f.Vendor(), o.Vendor)
		}
	})
	t.Run("people", o.people)
	t.Run("pull request", o.pullRequest)
	t.Run("status", o.status)
	t.Run("comment", o.comment)
	t.Run("react", o.react)
	t.Run("webhooks", o.webhooks)
	t.Run("failures", o.failures)
}

func (o *Options) people(t *testing.T) {
	f, _ := o.New(t)
	for person, want := range map[string]struct{ write, merged bool }{
		Anna: {true, true}, Reed: {false, false}, Mara: {false, true}, Neil: {false, false},
		"": {false, false}, "../" + Anna: {false, false}, "a?b=c": {false, false},
	} {
		if write, err := f.CanWrite(t.Context(), Repository, person); err != nil || write != want.write {
			t.Errorf("%q can write: %v, %v", person, write, err)
		}
		if merged, err := f.HasMerged(t.Context(), Repository, person); err != nil || merged != want.merged {
			t.Errorf("%q has merged: %v, %v", person, merged, err)
		}
	}
	for _, repository := range []string{"acme/gone", "acme", "../..", ""} {
		if write, err := f.CanWrite(t.Context(), repository, Anna); write {
			t.Errorf("in %q she can write: %v", repository, err)
		}
	}
}

func (o *Options) pullRequest(t *testing.T) {
	f, _ := o.New(t)
	p, err := f.PullRequest(t.Context(), Repository, 7)
	if err != nil {
		t.Fatal(err)
	}
	p.Title = strings.TrimSpace(p.Title)
	want := forge.PullRequest{
		Number: 7, Author: Anna, Title: "Sell more", HeadSHA: Head, BaseSHA: Base, HeadRef: "feature", BaseRef: "main", Open: true,
	}
	if p != want {
		t.Errorf("%+v, want %+v", p, want)
	}
	if _, err := f.PullRequest(t.Context(), Repository, 8); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
}

func (o *Options) status(t *testing.T) {
	f, w := o.New(t)
	ref := ""
	began := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	const context = "pocketci/ci/lintOnPush"
	for _, s := range []forge.Status{
		{State: forge.StatePending, Description: "waits"},
		{State: forge.StateRunning, Description: "runs", URL: "https://ci.example.com/runs/1", Started: began},
		{State: forge.StateFailed, Description: "failed: two tests", URL: "https://ci.example.com/runs/1", Started: began, Ended: began.Add(time.Minute)},
		{State: forge.StateRunning, Description: "runs again", URL: "https://ci.example.com/runs/1", Started: began.Add(time.Hour)},
		{State: forge.StateAborted, Description: "superseded by run 2", Started: began, Ended: began.Add(time.Minute)},
		{State: forge.StateSucceeded, Description: strings.Repeat("long ", 100), Started: began, Ended: began.Add(time.Minute)},
	} {
		s.Context, s.ExternalID = context, "call-1"
		var err error
		if ref, err = f.SetStatus(t.Context(), Repository, Head, s, ref); err != nil {
			t.Fatalf("%s: %v", s.State, err)
		}
		state, description, url, count := w.Status(Head, context)
		if !alike(state, s.State) || !strings.HasPrefix(s.Description, strings.TrimRight(description, "….")) || description == "" || url != s.URL && s.URL != "" {
			t.Errorf("%s is shown as %s, %q, %q", s.State, state, description, url)
		}
		if count < 1 {
			t.Errorf("%s: %d statuses", s.State, count)
		}
	}
	skipped := forge.Status{Context: "pocketci/ci/testOnPush", State: forge.StateSkipped, Description: "skipped: no matching changes"}
	if _, err := f.SetStatus(t.Context(), Repository, Head, skipped, ""); err != nil {
		t.Fatal(err)
	}
	if state, description, _, _ := w.Status(Head, skipped.Context); !alike(state, forge.StateSucceeded) && state != forge.StateSkipped || description != skipped.Description {
		t.Errorf("skipped is shown as %s, %q", state, description)
	}
	if _, err := f.SetStatus(t.Context(), "acme/gone", Head, skipped, ""); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("in a repository that is not there: %v", err)
	}
}

// alike reports whether a forge shows a state as well as it can: most know no
// running beside pending, and no abort beside a failure.
func alike(got, want forge.State) bool {
	switch want {
	case forge.StateRunning:
		return got == forge.StateRunning || got == forge.StatePending
	case forge.StateAborted:
		return got == forge.StateAborted || got == forge.StateFailed
	}
	return got == want
}

func (o *Options) comment(t *testing.T) {
	f, w := o.New(t)
	w.AddComment(Reed, "first")
	w.AddComment(Reed, "I can write "+forge.MarkerOf("plan")+" too")
	for _, body := range []string{"one", "two **bold**", "two **bold**"} {
		if err := f.Comment(t.Context(), Repository, 7, forge.Comment{Marker: "plan", Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Comment(t.Context(), Repository, 7, forge.Comment{Marker: "help", Body: "other"}); err != nil {
		t.Fatal(err)
	}
	got := w.Comments()
	if len(got) != 4 || got[0] != "first" || !strings.HasPrefix(got[1], "I can write") ||
		!strings.Contains(got[2], "two **bold**") || !strings.Contains(got[2], forge.MarkerOf("plan")) || !strings.Contains(got[3], "other") {
		t.Errorf("comments %q", got)
	}
	if err := f.Comment(t.Context(), Repository, 8, forge.Comment{Marker: "plan", Body: "x"}); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("on a pull request that is not there: %v", err)
	}
}

func (o *Options) react(t *testing.T) {
	f, w := o.New(t)
	for _, r := range []forge.Reaction{forge.ReactionSeen, forge.ReactionRefused} {
		id := w.AddComment(Anna, "/retest")
		err := f.React(t.Context(), Repository, 7, id, r)
		if o.CannotReact {
			if !errors.Is(err, forge.ErrUnsupported) {
				t.Errorf("error %v", err)
			}
			continue
		}
		if err != nil || w.Reaction(id) != r {
			t.Errorf("%s became %q: %v", r, w.Reaction(id), err)
		}
	}
}

func (o *Options) webhooks(t *testing.T) {
	f, w := o.New(t)
	const base = "https://ci.example.com"
	for i, created := range []bool{true, false} {
		hook, isNew, err := f.InstallWebhook(t.Context(), Repository, forge.NewWebhook{URL: base + "/webhooks/x", Secret: "s3cret-of-hooks"})
		if err != nil || isNew != created || hook.ID == "" || hook.URL != base+"/webhooks/x" || !hook.Active || len(hook.Events) == 0 {
			t.Fatalf("installed %d times: %+v, %v, %v", i, hook, isNew, err)
		}
	}
	if _, _, err := f.InstallWebhook(t.Context(), Repository, forge.NewWebhook{URL: "https://elsewhere.example.com/hook", Secret: "s3cret-of-hooks"}); err != nil {
		t.Fatal(err)
	}
	if got := w.Webhooks(); len(got) != 2 || !got[base+"/webhooks/x"] {
		t.Errorf("webhooks %v", got)
	}
	found, err := f.Webhooks(t.Context(), Repository, base)
	if err != nil || len(found) != 1 || found[0].URL != base+"/webhooks/x" {
		t.Errorf("found %+v, %v", found, err)
	}
	_, err = f.Redeliver(t.Context(), Repository, found[0].ID, time.Now().Add(-time.Hour))
	if o.CannotRedeliver != errors.Is(err, forge.ErrUnsupported) || !o.CannotRedeliver && err != nil {
		t.Errorf("redeliver: %v", err)
	}
}

func (o *Options) failures(t *testing.T) {
	status := forge.Status{Context: "pocketci/ci/x", State: forge.StateSucceeded, Description: "ok"}
	t.Run("that pass", func(t *testing.T) {
		f, w := o.New(t)
		w.Fail(2, http.StatusBadGateway, nil)
		if _, err := f.SetStatus(t.Context(), Repository, Head, status, ""); err != nil {
			t.Errorf("after two of them: %v", err)
		}
	})
	t.Run("that stay", func(t *testing.T) {
		f, w := o.New(t)
		w.Fail(100, http.StatusBadGateway, nil)
		_, err := f.SetStatus(t.Context(), Repository, Head, status, "")
		if err == nil || w.Requests() > 8 {
			t.Errorf("%d requests, %v", w.Requests(), err)
		}
		secretless(t, err)
	})
	t.Run("a limit", func(t *testing.T) {
		f, w := o.New(t)
		w.Fail(1, http.StatusTooManyRequests, http.Header{"Retry-After": {"60"}})
		for range 2 {
			_, err := f.SetStatus(t.Context(), Repository, Head, status, "")
			limit, ok := errors.AsType[*forge.LimitError](err)
			if !ok || time.Until(limit.Until) < 50*time.Second {
				t.Errorf("error %v", err)
			}
		}
		if n := w.Requests(); n != 1 {
			t.Errorf("%d requests in spite of the limit", n)
		}
	})
	for name, code := range map[string]int{"a wrong token": http.StatusUnauthorized, "no permission": http.StatusForbidden} {
		t.Run(name, func(t *testing.T) {
			f, w := o.New(t)
			w.Fail(100, code, nil)
			_, err := f.SetStatus(t.Context(), Repository, Head, status, "")
			permission, ok := errors.AsType[*forge.PermissionError](err)
			if !ok || permission.Status != code || permission.Needs == "" || permission.Doing == "" {
				t.Errorf("error %v", err)
			}
			secretless(t, err)
			if may, err := f.CanWrite(t.Context(), Repository, Anna); may || err == nil {
				t.Errorf("can write: %v, %v", may, err)
			}
		})
	}
	t.Run("a token that the forge does not know", func(t *testing.T) {
		f, w := o.New(t)
		w.Token("another")
		_, err := f.PullRequest(t.Context(), Repository, 7)
		if permission, ok := errors.AsType[*forge.PermissionError](err); !ok || !permission.Stops() {
			t.Errorf("error %v", err)
		}
		secretless(t, err)
	})
}

func secretless(t *testing.T, err error) {
	t.Helper()
	if err != nil && slices.ContainsFunc([]string{TokenOfTests, "s3cret"}, func(s string) bool { return strings.Contains(err.Error(), s) }) {
		t.Errorf("the error shows a credential: %v", err)
	}
}
