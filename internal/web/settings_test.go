package web_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/webtest"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	w := webtest.New(t, webtest.Options{API: func(o *api.Options) {
		o.Version = "1.2.3" + evil
		o.Checks = func(context.Context) map[string]string {
			return map[string]string{"engine": "timed out", "database": "ok", evil: "failed"}
		}
		o.Configuration = func() v1.Configuration {
			return v1.Configuration{File: "/etc/agent.yaml" + evil, LoadedAt: time.Now().Add(-time.Hour), Error: "line 3: " + evil, Restart: []string{"runners"}}
		}
	}})
	w.Accept(webtest.Push("acme/shop"))
	w.Accept(webtest.Fork("acme/shop"))
	page := w.SignIn(v1.ScopeRead).Page("/settings")
	harmless(t, page)
	for _, want := range []string{"timed out engine", "ok database", "1 run, the first for", "agent-1", "1 h ago", "runners", "1.2.3", "0 calls"} {
		if !strings.Contains(page.Main(), want) {
			t.Errorf("there is no %q: %s", want, page.Main())
		}
	}
	if slices.Contains(page.Links(), "/settings/keys") {
		t.Error("who may not see keys is led to them")
	}
	if page = w.SignIn(v1.ScopeAdmin).Page("/settings"); !slices.Contains(page.Links(), "/settings/keys") {
		t.Error("nothing leads to the keys")
	}
}

func TestKeysPage(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.SignIn(v1.ScopeAdmin)
	a := b.Post("/settings/keys", url.Values{"name": {"bot " + strings.TrimSuffix(evil, "\u202egpj.exe\x1b[31m")}, "scope": {"run"}, "login": {"mona"}, "days": {"30"}})
	page := a.Page(t)
	if a.Status != http.StatusCreated || strings.Contains(a.Text, "<img") {
		t.Fatalf("making a key gives %d: %s", a.Status, page.Main())
	}
	at := strings.Index(page.Main(), "pci_")
	if at < 0 {
		t.Fatalf("the secret is not shown: %s", page.Main())
	}
	secret, _, _ := strings.Cut(page.Main()[at:], " ")
	key, err := w.Store.Authenticate(t.Context(), secret)
	if err != nil || key.Scope != "run" || key.Login != "mona" || key.ExpiresAt.Before(time.Now().Add(29*24*time.Hour)) || key.ExpiresAt.After(time.Now().Add(31*24*time.Hour)) {
		t.Fatalf("the key is %+v (%v)", key, err)
	}
	if a.Header.Get("Cache-Control") != "no-store" || a.Location != "" || strings.Contains(strings.Join(a.Header["Set-Cookie"], ""), "pci_") {
		t.Errorf("the secret may be kept: %v", a.Header)
	}
	// It is shown once.
	page = b.Page("/settings/keys")
	if strings.Contains(page.Source, "pci_") {
		t.Error("the secret is shown again")
	}
	if !strings.Contains(page.Main(), "key for admin (yours)") || !strings.Contains(page.Main(), "mona") || !strings.Contains(page.Main(), "in 29 d") && !strings.Contains(page.Main(), "in 30 d") {
		t.Errorf("the list is %s", page.Main())
	}
	path := "/settings/keys/" + key.ID + "/delete"
	if !slices.Contains(page.Links(), path) {
		t.Fatalf("nothing leads to %s: %v", path, page.Links())
	}
	// A link deletes nothing; it asks.
	if page = b.Page(path); !slices.Contains(page.Actions(), path) || !strings.Contains(page.Main(), "onerror=alert(1)") || strings.Contains(page.Source, "<img") {
		t.Errorf("it does not ask: %s", page.Main())
	}
	if _, err := w.Store.Authenticate(t.Context(), secret); err != nil {
		t.Errorf("asking has deleted it: %v", err)
	}
	if a := b.Post(path, nil); a.Status != http.StatusSeeOther || a.Location != "/settings/keys" {
		t.Errorf("deleting gives %d to %q", a.Status, a.Location)
	}
	if _, err := w.Store.Authenticate(t.Context(), secret); err == nil {
		t.Error("the key counts still")
	}
	for _, a := range []*webtest.Answer{b.Post(path, nil), b.Get(path)} {
		if a.Status != http.StatusNotFound || !strings.Contains(a.Text, "There is no such key") {
			t.Errorf("once more it gives %d", a.Status)
		}
	}
}

// What was typed is kept, with what is wrong with it.
func TestKeysThatCannotBeMade(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.SignIn(v1.ScopeAdmin)
	for name, c := range map[string]struct {
		form url.Values
		want string
	}{
		"no name":        {url.Values{"scope": {"read"}, "login": {"mona-typed"}}, "name"},
		"no scope":       {url.Values{"name": {"bot"}, "scope": {"root"}, "login": {"mona-typed"}}, "scope"},
		"a name of two":  {url.Values{"name": {"a\nb"}, "scope": {"read"}, "login": {"mona-typed"}}, "name"},
		"no days":        {url.Values{"name": {"bot"}, "scope": {"read"}, "days": {"-1"}, "login": {"mona-typed"}}, "number of days"},
		"an evil name":   {url.Values{"name": {evil}, "scope": {"read"}, "login": {"mona-typed"}}, "name"},
		"far too long":   {url.Values{"name": {strings.Repeat("x", 200)}, "scope": {"read"}, "login": {"mona-typed"}}, "name"},
		"for ever, less": {url.Values{"name": {"bot"}, "scope": {"read"}, "days": {"99999999"}, "login": {"mona-typed"}}, "number of days"},
	} {
		a := b.Post("/settings/keys", c.form)
		page := a.Page(t)
		faults := page.Class("fault")
		if a.Status != http.StatusUnprocessableEntity || len(faults) != 1 || !strings.Contains(webtest.Text(faults[0]), c.want) {
			t.Errorf("%s: gives %d: %s", name, a.Status, page.Main())
			continue
		}
		if !strings.Contains(a.Text, `value="mona-typed"`) || strings.Contains(a.Text, "<img") {
			t.Errorf("%s: what was typed is gone", name)
		}
	}
	if keys, err := w.Store.Keys(t.Context()); err != nil || len(keys) != 3 {
		t.Errorf("there are %d keys (%v)", len(keys), err)
	}
}

// Whoever deletes his own key is signed out, and every session of it ends.
func TestDeletingOnesOwnKey(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b, other := w.SignIn(v1.ScopeAdmin), w.SignIn(v1.ScopeAdmin)
	key, err := w.Store.Authenticate(t.Context(), w.Keys[v1.ScopeAdmin])
	if err != nil {
		t.Fatal(err)
	}
	path := "/settings/keys/" + key.ID + "/delete"
	if page := b.Page(path); !strings.Contains(page.Main(), "will be signed out") {
		t.Errorf("it does not say so: %s", page.Main())
	}
	if a := b.Post(path, nil); a.Location != "/sign-in" {
		t.Errorf("it leads to %q", a.Location)
	}
	for _, b := range []*webtest.Browser{b, other} {
		if a := b.Get("/settings"); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, "/sign-in") {
			t.Errorf("a page gives %d to %q", a.Status, a.Location)
		}
	}
}

func TestAuditPage(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	for range 150 {
		if err := w.Store.Note(t.Context(), store.Actor{Person: "mona" + evil, Remote: evil}, "sync", "mirror "+evil, "because "+evil); err != nil {
			t.Fatal(err)
		}
	}
	b := w.SignIn(v1.ScopeAdmin)
	page := b.Page("/settings/audit")
	harmless(t, page)
	if rows := page.Tag("tr"); len(rows) != 101 || !strings.Contains(webtest.Text(rows[1]), "key for admin sign-in session ") {
		t.Errorf("there are %d rows", len(rows)-1)
	}
	at := slices.IndexFunc(page.Links(), func(to string) bool { return strings.Contains(to, "cursor=") })
	if at < 0 {
		t.Fatal("nothing leads to older entries")
	}
	page = b.Page(page.Links()[at])
	if rows := page.Tag("tr"); len(rows) != 1+154-100 || strings.Contains(page.Source, "cursor=") {
		t.Errorf("the next page has %d rows", len(rows)-1)
	}
	if a := b.Get("/settings/audit?cursor=nonsense"); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("nonsense gives %d", a.Status)
	}
}

func TestConfigurationPage(t *testing.T) {
	t.Parallel()
	w := webtest.New(t, webtest.Options{API: func(o *api.Options) {
		o.Loaded = func() v1.LoadedConfiguration {
			return v1.LoadedConfiguration{
				Configuration: v1.Configuration{File: "/etc/agent.yaml"}, Text: "forks: never\nx: " + evil + "\n", Warnings: []string{"the file " + evil + " can be read by others"},
				Flags:     []v1.Flag{{Name: "listen", Variable: "POCKETCI_LISTEN", Value: evil, From: "variable"}, {Name: "queue", Variable: "POCKETCI_QUEUE", From: "default"}},
				Variables: []v1.Variable{{Name: "GITHUB_TOKEN", Set: true, For: "agent"}, {Name: "SHOP" + evil, For: "configuration"}},
			}
		}
	}})
	b := w.SignIn(v1.ScopeAdmin)
	page := b.Page("/settings/configuration")
	harmless(t, page)
	for _, want := range []string{"forks: never", "--listen", "POCKETCI_LISTEN", "GITHUB_TOKEN set the agent", "not set agent.yaml or a flag", "can be read by others", "/etc/agent.yaml"} {
		if !strings.Contains(page.Main(), want) {
			t.Errorf("there is no %q: %s", want, page.Main())
		}
	}
	// An agent that has nothing to tell says so.
	if page := webtest.New(t).SignIn(v1.ScopeAdmin).Page("/settings/configuration"); !strings.Contains(page.Main(), "tells of no flags") || !strings.Contains(page.Main(), "none: the agent does what its flags") {
		t.Errorf("the page is %s", page.Main())
	}
}
