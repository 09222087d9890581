package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/server"
)

// anything is a source that takes everything, with the request as the payload.
type anything struct{ refuses bool }

func (anything) Vendor() string { return events.VendorWebhook }

func (a anything) Screen(map[string][]string) error {
	if a.refuses {
		return &events.UnauthenticatedError{Reason: "not for you"}
	}
	return nil
}

func (a anything) Receive(header map[string][]string, body []byte) (events.Event, error) {
	return a.ReceiveRequest(events.Request{Method: http.MethodPost, Header: header, Body: body})
}

func (anything) ReceiveRequest(r events.Request) (events.Event, error) {
	payload, err := json.Marshal(map[string]any{"method": r.Method, "query": r.Query, "body": string(r.Body)})
	return events.Event{Vendor: events.VendorWebhook, Name: "any", Kind: "any", Payload: payload}, err
}

// request sends a body in whatever way.
func request(t testing.TB, method, url, contentType, body string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return send(t, r)
}

func TestRules(t *testing.T) {
	t.Parallel()
	in := start(t, func(o *server.Options) {
		o.Hooks = append(o.Hooks,
			server.Hook{Name: "narrow", Source: anything{}, Rules: &server.Rules{Methods: []string{"PUT", "GET"}, ContentTypes: []string{"text/plain"}, MaxBody: 10}},
			server.Hook{Name: "wide", Source: anything{}, Rules: &server.Rules{Methods: []string{"POST", "PUT"}, ContentTypes: []string{"text/*", "application/xml"}, MaxBody: 2 << 10}},
			server.Hook{Name: "all", Source: anything{}, Rules: &server.Rules{Methods: []string{"POST"}, ContentTypes: []string{"*/*"}, MaxBody: 1 << 20}},
			server.Hook{Name: "closed", Source: anything{refuses: true}, Rules: &server.Rules{Methods: []string{"POST"}, ContentTypes: []string{"*/*"}, MaxBody: 1, Challenge: `Basic realm="pocketci"`}},
		)
	})
	for name, c := range map[string]struct {
		method, path, contentType, body string
		status                          int
		says                            string
	}{
		"as it should be":            {"PUT", "narrow", "text/plain", "0123456789", 202, ""},
		"with a charset":             {"PUT", "narrow", "Text/Plain; charset=utf-8", "x", 202, ""},
		"a query":                    {"GET", "narrow?a=1&b=2&a=3", "", "", 202, ""},
		"another method":             {"POST", "narrow", "text/plain", "x", 405, "this path takes PUT, GET"},
		"a method that is never":     {"HEAD", "narrow", "", "", 405, ""},
		"another content type":       {"PUT", "narrow", "text/html", "x", 415, "the content type must be text/plain"},
		"the type of forges":         {"PUT", "narrow", "application/json", "{}", 415, ""},
		"a body without a type":      {"PUT", "narrow", "", "x", 415, ""},
		"a type that is none":        {"PUT", "narrow", "text", "x", 415, ""},
		"a byte too much":            {"PUT", "narrow", "text/plain", "0123456789a", 413, "the body is larger than 10 bytes"},
		"a type of many":             {"POST", "wide", "text/csv", "x", 202, ""},
		"another type":               {"POST", "wide", "application/xml", "x", 202, ""},
		"none of many":               {"POST", "wide", "application/json", "x", 415, "text/* or application/xml"},
		"kilobytes too much":         {"POST", "wide", "text/csv", strings.Repeat("x", 2<<10+1), 413, "larger than 2 KiB"},
		"every type":                 {"POST", "all", "application/octet-stream", "\x00", 202, ""},
		"every type, and none":       {"POST", "all", "", "x", 415, ""},
		"every type, POST of none":   {"POST", "all", "", "", 415, ""},
		"not proven":                 {"POST", "closed", "text/plain", "x", 401, "not for you"},
		"forges' are as they always": {"PUT", "github", "application/json", "{}", 405, "this path takes POST"},
	} {
		t.Run(name, func(t *testing.T) {
			a := request(t, c.method, in.url+"/webhooks/"+c.path, c.contentType, c.body)
			if a.status != c.status || !strings.Contains(a.text, c.says) {
				t.Errorf("%d %s, want %d %q", a.status, a.text, c.status, c.says)
			}
			if challenge := a.header.Get("WWW-Authenticate"); (challenge != "") != (c.status == 401) {
				t.Errorf("WWW-Authenticate %q", challenge)
			}
		})
	}
	for _, e := range in.sink.accepted() {
		if strings.Contains(string(e.Payload), `"GET"`) && string(e.Payload) != `{"body":"","method":"GET","query":{"a":["1","3"],"b":["2"]}}` {
			t.Errorf("the payload is %s", e.Payload)
		}
	}
}

// A hook with rules of its own is at its path alone, whatever its place.
func TestRootIsAForges(t *testing.T) {
	t.Parallel()
	rules := &server.Rules{Methods: []string{"POST"}, ContentTypes: []string{"*/*"}, MaxBody: 10}
	in := start(t, func(o *server.Options) {
		o.Hooks = append([]server.Hook{{Name: "any", Source: anything{}, Rules: rules}}, o.Hooks...)
	})
	if a := send(t, delivery(t, in.url+"/", "push", payload(t, "push"))); a.status != 202 || in.sink.accepted()[0].Vendor != "github" {
		t.Errorf("%d %s", a.status, a.text)
	}
	alone := start(t, func(o *server.Options) { o.Hooks = []server.Hook{{Name: "any", Source: anything{}, Rules: rules}} })
	if a := send(t, delivery(t, alone.url+"/", "push", payload(t, "push"))); a.status != 404 || !strings.Contains(a.text, "no forge's webhook") {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestNoHooks(t *testing.T) {
	t.Parallel()
	in := start(t, func(o *server.Options) { o.Hooks = nil })
	for path, says := range map[string]string{"/": "no forge's webhook is received here", "/webhooks/github": "there is no webhook at /webhooks/github"} {
		if a := send(t, delivery(t, in.url+path, "push", payload(t, "push"))); a.status != 404 || !strings.Contains(a.text, says) {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	if a := get(t, in, "/"); a.status != 200 || fmt.Sprint(a.body["webhooks"]) != "[]" {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestSetHooks(t *testing.T) {
	t.Parallel()
	s, err := server.New(server.Options{Sink: &sink{}})
	if err != nil {
		t.Fatal(err)
	}
	status := func(path string) int {
		w := &recorder{header: http.Header{}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		s.ServeHTTP(w, r)
		return w.status
	}
	rules := func(methods, types []string, size int64) *server.Rules {
		return &server.Rules{Methods: methods, ContentTypes: types, MaxBody: size}
	}
	post, all := []string{"POST"}, []string{"*/*"}
	one := server.Hook{Name: "one", Source: anything{}, Rules: rules(post, all, 10)}
	two := server.Hook{Name: "two", Source: anything{}}
	if err := s.SetHooks([]server.Hook{one, two}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/webhooks/one": 202, "/webhooks/two": 202, "/": 202} {
		if got := status(path); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	for name, hooks := range map[string][]server.Hook{
		"two of one name":  {one, one},
		"no source":        {one, {Name: "two"}},
		"no method":        {{Name: "x", Source: anything{}, Rules: rules(nil, all, 1)}},
		"no type":          {{Name: "x", Source: anything{}, Rules: rules(post, nil, 1)}},
		"no size":          {{Name: "x", Source: anything{}, Rules: rules(post, all, 0)}},
		"too large a size": {{Name: "x", Source: anything{}, Rules: rules(post, all, server.MaxBody+1)}},
		"no time to wait":  {{Name: "x", Source: anything{}, Wait: &server.Wait{}}},
	} {
		if err := s.SetHooks(hooks); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := status("/webhooks/two"); got != 202 {
			t.Errorf("%s: what was there before is answered %d", name, got)
		}
	}
	if err := s.SetHooks([]server.Hook{one}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/webhooks/one": 202, "/webhooks/two": 404, "/": 404} {
		if got := status(path); got != want {
			t.Errorf("afterwards %s: %d, want %d", path, got, want)
		}
	}
	// While it is replaced over and over, a webhook that is in all of the lists is
	// always there.
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if got := status("/webhooks/one"); got != 202 {
					t.Errorf("meanwhile: %d", got)
				}
			}
		})
	}
	for i := range 100 {
		if err := s.SetHooks([]server.Hook{one, two}[:1+i%2]); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

// recorder keeps the status of an answer.
type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return len(p), nil }

// What a hook's filters do not let pass is stored with the reason, and so is what
// belongs to nobody.
func TestAimAndFilters(t *testing.T) {
	t.Parallel()
	var filters []predicate.Filter
	if err := json.Unmarshal([]byte(`[{"path":"/ref","matches":"^refs/heads/"}]`), &filters); err != nil {
		t.Fatal(err)
	}
	repository := &events.Repository{FullName: "acme/shop"}
	for name, c := range map[string]struct {
		filters []predicate.Filter
		aim     func(context.Context, *events.Event) (string, error)
		status  int
		nothing string
	}{
		"neither":      {status: 202},
		"passes":       {filters: filters, status: 202},
		"aimed":        {aim: func(_ context.Context, e *events.Event) (string, error) { e.Repository = repository; return "", nil }, status: 202},
		"has no aim":   {aim: func(context.Context, *events.Event) (string, error) { return "it is nobody's", nil }, status: 202, nothing: "it is nobody's"},
		"cannot aim":   {aim: func(context.Context, *events.Event) (string, error) { return "", server.ErrUnavailable }, status: 503},
		"fails to aim": {aim: func(context.Context, *events.Event) (string, error) { return "", errors.New("disk on fire") }, status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := start(t, func(o *server.Options) {
				o.Hooks = []server.Hook{{Source: github.NewInsecure(), Filters: c.filters, Aim: c.aim}}
			})
			a := send(t, delivery(t, in.url+"/", "push", payload(t, "push")))
			if a.status != c.status || strings.Contains(a.text, "disk on fire") {
				t.Fatalf("%d %s, want %d", a.status, a.text, c.status)
			}
			if c.status != 202 {
				return
			}
			got := in.sink.deliveries[0]
			if got.Nothing != c.nothing || c.aim != nil && c.nothing == "" && got.Event.Repository != repository {
				t.Errorf("%+v", got)
			}
		})
	}
	in := start(t, func(o *server.Options) { o.Hooks = []server.Hook{{Source: github.NewInsecure(), Filters: filters}} })
	a := send(t, delivery(t, in.url+"/", "push", payload(t, "push_tag")))
	const want = `the filter /ref matches "^refs/heads/" does not hold: the value is "refs/tags/v1.2.0"`
	if a.status != 202 || a.body["reason"] != want || in.sink.deliveries[0].Nothing != want {
		t.Errorf("%d %s", a.status, a.text)
	}
}

// Whoever need not prove anything does not learn what the filters ask for.
func TestUnprovenIsToldLittle(t *testing.T) {
	t.Parallel()
	var filters []predicate.Filter
	if err := json.Unmarshal([]byte(`[{"path":"/body","is-equal-to":"open sesame"}]`), &filters); err != nil {
		t.Fatal(err)
	}
	rules := &server.Rules{Methods: []string{"POST"}, ContentTypes: []string{"*/*"}, MaxBody: 20}
	for name, wait := range map[string]*server.Wait{"at once": nil, "waiting": {Timeout: time.Minute}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := start(t, func(o *server.Options) {
				o.Runs = runs(func(context.Context, int64) (server.Result, error) {
					return server.Result{Ending: server.EndingHeld}, nil
				})
				o.Hooks = []server.Hook{{Name: "any", Source: anything{}, Rules: rules, Filters: filters, Unproven: true, Wait: wait}}
			})
			a := request(t, "POST", in.url+"/webhooks/any", "text/plain", "sesame")
			if a.status != 202 || a.body["id"] == "" || strings.Contains(a.text, "open") {
				t.Errorf("%d %s", a.status, a.text)
			}
			if got := in.sink.deliveries[0].Nothing; !strings.Contains(got, `"open sesame"`) {
				t.Errorf("the run is skipped as %q", got)
			}
			if a := request(t, "POST", in.url+"/webhooks/any", "text/plain", strings.Repeat("x", 21)); a.status != 413 || a.body["error"] == "" {
				t.Errorf("too large: %d %s", a.status, a.text)
			}
		})
	}
}

// Whoever looks after an agent sees what came last, also if it was refused and the
// configuration was read again since.
func TestHookStates(t *testing.T) {
	t.Parallel()
	rules := &server.Rules{Methods: []string{"POST", "PUT"}, ContentTypes: []string{"*/*"}, MaxBody: 10}
	hooks := []server.Hook{
		{Name: "open", Source: anything{}, Rules: rules, Unproven: true, Wait: &server.Wait{Timeout: time.Second}},
		{Name: "closed", Source: anything{refuses: true}, Rules: rules},
		{Name: "quiet", Source: anything{}},
	}
	s, err := server.New(server.Options{Sink: &sink{}, Hooks: hooks})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/webhooks/open", "/webhooks/closed"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	if err := s.SetHooks(hooks[:2]); err != nil {
		t.Fatal(err)
	}
	if err := s.SetHooks(hooks); err != nil {
		t.Fatal(err)
	}
	states := s.HookStates()
	var names []string
	for _, h := range states {
		names = append(names, h.Name)
	}
	if fmt.Sprint(names) != "[closed open quiet]" {
		t.Fatalf("the hooks are %s", names)
	}
	closed, open, quiet := states[0], states[1], states[2]
	if l := closed.Last; l == nil || l.Status != 401 || l.Reason != "not for you" || l.Event != "" || time.Since(l.At) > time.Hour {
		t.Errorf("what was refused is %+v", l)
	}
	if l := open.Last; l == nil || l.Status != 202 || l.Event == "" || !open.Unproven || !open.Waits || fmt.Sprint(open.Methods) != "[POST PUT]" || open.Root {
		t.Errorf("what was taken is %+v of %+v", l, open)
	}
	if quiet.Last != nil || !quiet.Root || quiet.Path != "/webhooks/quiet" {
		t.Errorf("the other one is %+v", quiet)
	}
}
