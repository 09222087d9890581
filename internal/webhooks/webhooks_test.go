package webhooks_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/targets"
	"github.com/franela/pocketci/internal/webhooks"
)

// value gives each secret a value of its own, and none to NONE.
func value(s settings.Secret) (string, error) {
	if s.Env == "NONE" {
		return "", errors.New("the variable NONE is not set")
	}
	return "the value of " + s.Env, nil
}

// intake receives what a file says, with a store in a directory.
type intake struct {
	*testing.T
	url   string
	store *store.Store
}

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DataDir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func receive(t *testing.T, s *store.Store, file string) *intake {
	t.Helper()
	conf, err := settings.Parse("agent.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	resolver := targets.Resolver{Store: s, Forges: func() []targets.Forge {
		return []targets.Forge{{URL: "https://git.example.com", Has: func(name string) bool { return strings.HasPrefix(name, "acme/") }}}
	}}
	var hooks []server.Hook
	for _, w := range conf.Webhooks {
		hook, err := webhooks.Open(conf.File, w, value, resolver.Aim)
		if err != nil {
			t.Fatal(err)
		}
		hooks = append(hooks, hook)
	}
	for _, c := range conf.Converge {
		hook, err := webhooks.OpenConverge(conf.File, c, value, resolver.Aim)
		if err != nil {
			t.Fatal(err)
		}
		hooks = append(hooks, hook)
	}
	log := slog.New(slog.DiscardHandler)
	a := agent.New(agent.Config{Store: s, Log: log})
	handler, err := server.New(server.Options{Hooks: hooks, Sink: a, Runs: a, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(handler)
	t.Cleanup(web.Close)
	return &intake{t, web.URL, s}
}

// send sends a body with headers, name and value in turn.
func (in *intake) send(method, hook, body string, header ...string) (int, map[string]any) {
	in.Helper()
	r, err := http.NewRequestWithContext(in.Context(), method, in.url+"/webhooks/"+hook, strings.NewReader(body))
	if err != nil {
		in.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		in.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		in.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(data, &answer); err != nil {
		in.Errorf("the answer is not JSON: %s", data)
	}
	if strings.Contains(string(data), "the value of") {
		in.Errorf("the answer has a secret: %s", data)
	}
	return response.StatusCode, answer
}

// event is the one that was answered with, with its run.
func (in *intake) event(answer map[string]any) (store.Event, store.Run) {
	in.Helper()
	id, _ := answer["id"].(string)
	e, err := in.store.Event(in.Context(), id)
	if err != nil {
		in.Fatal(err)
	}
	run, err := in.store.RunByNumber(in.Context(), int64(answer["run"].(float64)))
	if err != nil {
		in.Fatal(err)
	}
	return e, run
}

const file = `webhooks:
  - name: signed
    verify: {hmac: {header: X-Sig, prefix: sha256=, secrets: [{from-env: NEW}, {from-env: OLD}]}}
    filter: /action
    dedup: /id
    filters: [{path: /env, is-equal-to: production}]
    calls: acme/shop
  - {name: token, verify: {bearer: {tokens: [{from-env: T}]}}, calls: {repository: other/site, clone-url: "https://x.example.com/other/site", ref: v2}}
  - {name: login, verify: {basic: {username: ci, passwords: [{from-env: P}]}}, calls: acme/shop, trusted: false}
  - {name: open, verify: {none: true}, methods: [GET, POST], content-types: "*/*", max-size: 8, headers: X-Kind, query: q, calls: acme/shop}
  - {name: lost, verify: {none: true}, trusted: true, calls: nobody/knows}
  - {name: stored, verify: {none: true}, calls: {module: site}}
`

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	in := receive(t, s, file)
	production := `{"action":"deployed","id":7,"env":"production"}`
	for name, c := range map[string]struct {
		method, hook, body string
		header             []string
		status             int
		says               string
		want               string // vendor event filter delivery repository ref trusted
		payload, skipped   string
	}{
		"signed":            {"POST", "signed", production, []string{"X-Sig", sign("the value of NEW", production)}, 202, "", "webhook signed deployed 7 acme/shop@https://git.example.com/acme/shop.git  true", production, ""},
		"signed, filtered":  {"POST", "signed", `{"id":"x"}`, []string{"X-Sig", sign("the value of OLD", `{"id":"x"}`)}, 202, "the filter /env", "webhook signed  x acme/shop@https://git.example.com/acme/shop.git  true", `{"id":"x"}`, `the filter /env is-equal-to "production" does not hold: there is no such value`},
		"signed by another": {"POST", "signed", production, []string{"X-Sig", sign("the value of T", production)}, 401, "does not fit", "", "", ""},
		"without a key":     {"POST", "signed", `{}`, []string{"X-Sig", sign("the value of NEW", `{}`)}, 400, "/id: is missing", "", "", ""},
		"not JSON":          {"POST", "signed", `{`, []string{"X-Sig", sign("the value of NEW", `{`)}, 400, "line 1", "", "", ""},
		"a token":           {"POST", "token", `[]`, []string{"Authorization", "Bearer the value of T"}, 202, "", "webhook token   other/site@https://x.example.com/other/site refs/heads/v2 true", "[]", ""},
		"another token":     {"POST", "token", `[]`, []string{"Authorization", "Bearer nothing"}, 401, "another token", "", "", ""},
		"a login":           {"POST", "login", `1`, []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("ci:the value of P"))}, 202, "", "webhook login   acme/shop@https://git.example.com/acme/shop.git  false", "1", ""},
		"open":              {"POST", "open", "\x01", []string{"Content-Type", "x/y", "X-Kind", "k"}, 202, "", "webhook open   acme/shop@https://git.example.com/acme/shop.git  false", `{"method":"POST","headers":{"X-Kind":"k"},"query":{},"body":{"content_type":"x/y","base64":"AQ=="}}`, ""},
		"open by GET":       {"GET", "open?q=1&z=2", "", []string{"Content-Type", "text/plain"}, 202, "", "webhook open   acme/shop@https://git.example.com/acme/shop.git  false", `{"method":"GET","headers":{},"query":{"q":["1"]},"body":{"content_type":"text/plain","text":""}}`, ""},
		"open, too large":   {"POST", "open", "123456789", nil, 413, "larger than 8 bytes", "", "", ""},
		"another method":    {"PUT", "open", "1", nil, 405, "this path takes GET, POST", "", "", ""},
		"of nobody known":   {"POST", "lost", "{}", nil, 202, "", "webhook lost   -  true", "{}", "it is not known where the repository nobody/knows is cloned from"},
		"no stored module":  {"POST", "stored", "{}", nil, 202, "", "webhook stored   -  false", "{}", "there is no stored module site"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &intake{t, in.url, in.store}
			status, answer := in.send(c.method, c.hook, c.body, c.header...)
			if status != c.status || !strings.Contains(fmt.Sprint(answer), c.says) {
				t.Fatalf("%d %v, want %d %q", status, answer, c.status, c.says)
			}
			if _, said := answer["reason"]; said && c.hook != "signed" {
				t.Errorf("anybody is told %v", answer)
			}
			if c.want == "" {
				return
			}
			e, run := in.event(answer)
			repository := "-"
			if e.Repository != nil {
				repository = e.Repository.FullName + "@" + e.Repository.CloneURL
			}
			if got := fmt.Sprintf("%s %s %s %s %s %s %t", e.Vendor, e.Name, e.Filter, e.Delivery, repository, e.Ref, e.Trusted); got != c.want {
				t.Errorf("the event is %q, want %q", got, c.want)
			}
			if string(e.Payload) != c.payload || e.Hook != e.Name {
				t.Errorf("the payload is %s, the hook %s", e.Payload, e.Hook)
			}
			if (run.State == store.StateSkipped) != (c.skipped != "") || !strings.Contains(run.Reason, c.skipped) {
				t.Errorf("the run is %s: %q", run.State, run.Reason)
			}
		})
	}
}

// A delivery that comes again after a restart is known by its key, and so is one that
// two agents get at once.
func TestKeysSurvive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	body := `{"id":"one","env":"production"}`
	header := []string{"X-Sig", sign("the value of NEW", body)}
	s := openStore(t, dir)
	status, first := receive(t, s, file).send("POST", "signed", body, header...)
	if status != 202 {
		t.Fatalf("%d %v", status, first)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir)
	defer s.Close()
	in := receive(t, s, file)
	if status, again := in.send("POST", "signed", body, header...); status != 200 || again["id"] != first["id"] || again["run"] != first["run"] {
		t.Errorf("after the restart %d %v, before %v", status, again, first)
	}
	other := receive(t, s, file)
	body = `{"id":"two","env":"production"}`
	header = []string{"X-Sig", sign("the value of NEW", body)}
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		ids   = map[any]int{}
		codes = map[int]int{}
	)
	for _, one := range []*intake{in, other, in, other, in, other} {
		group.Go(func() {
			status, answer := one.send("POST", "signed", body, header...)
			mu.Lock()
			defer mu.Unlock()
			ids[answer["id"]]++
			codes[status]++
		})
	}
	group.Wait()
	if len(ids) != 1 || codes[202] != 1 || codes[200] != 5 {
		t.Errorf("ids %v, status %v", ids, codes)
	}
	// The same key elsewhere, and no key, are others.
	open := `{"id":"two"}`
	_, a := in.send("POST", "lost", open)
	_, b := in.send("POST", "lost", open)
	if a["id"] == b["id"] || ids[a["id"]] != 0 {
		t.Errorf("%v and %v", a, b)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, verify := range map[string]settings.Verify{
		"a secret that is not there":   {HMAC: &settings.HMAC{Header: "X", Algorithm: "sha256", Encoding: "hex", Secrets: []settings.Secret{{Env: "NONE"}}}},
		"a token that is not there":    {Bearer: &settings.Bearer{Tokens: []settings.Secret{{Env: "A"}, {Env: "NONE"}}}},
		"a password that is not there": {Basic: &settings.Basic{Username: "ci", Passwords: []settings.Secret{{Env: "NONE"}}}},
		"no proof":                     {},
	} {
		_, err := webhooks.Open("agent.yaml", settings.Webhook{Name: "a", Verify: verify, Line: 7}, value, nil)
		if err == nil || !strings.HasPrefix(err.Error(), "agent.yaml:7: webhook a: ") || strings.Contains(err.Error(), "the value of") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A store that is away is no reason to give an event up.
func TestAimLater(t *testing.T) {
	t.Parallel()
	w := settings.Webhook{Name: "a", Verify: settings.Verify{None: true}}
	for name, c := range map[string]struct{ err, want error }{
		"away":    {fmt.Errorf("read: %w", store.ErrUnavailable), server.ErrUnavailable},
		"closed":  {store.ErrClosed, server.ErrStopping},
		"unknown": {&targets.UnknownError{Repository: "a/b"}, nil},
	} {
		hook, err := webhooks.Open("agent.yaml", w, value, func(context.Context, settings.Target, *events.Event) error { return c.err })
		if err != nil {
			t.Fatal(err)
		}
		nothing, err := hook.Aim(t.Context(), &events.Event{})
		if !errors.Is(err, c.want) || (nothing == "") != (c.want != nil) {
			t.Errorf("%s: %q, %v", name, nothing, err)
		}
	}
}
