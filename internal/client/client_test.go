package client_test

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
	"github.com/franela/pocketci/internal/store"
)

const secret = "pci_swordfish"

// serve starts a server and returns a client of it.
func serve(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return connect(t, client.Options{Server: server.URL, Key: secret, UserAgent: "pocketci/1.2.3"})
}

func connect(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestParseServer(t *testing.T) {
	for name, test := range map[string]struct {
		address  string
		insecure bool
		want     string
		fails    string
	}{
		"https":                {address: "https://ci.example.com", want: "https://ci.example.com"},
		"slash at the end":     {address: "https://ci.example.com/", want: "https://ci.example.com"},
		"path":                 {address: "https://example.com/ci//", want: "https://example.com/ci"},
		"case":                 {address: "HTTPS://CI.example.com:8443", want: "https://ci.example.com:8443"},
		"loopback":             {address: "http://127.0.0.1:8080", want: "http://127.0.0.1:8080"},
		"loopback by name":     {address: "http://localhost:8080", want: "http://localhost:8080"},
		"loopback of IPv6":     {address: "http://[::1]:8080", want: "http://[::1]:8080"},
		"without TLS":          {address: "http://ci.example.com", fails: "use https, or accept that with --insecure-http"},
		"without TLS accepted": {address: "http://ci.example.com", insecure: true, want: "http://ci.example.com"},
		"like loopback":        {address: "http://localhost.example.com", fails: "without TLS"},
		"no scheme":            {address: "ci.example.com", fails: "write the address as https://HOST"},
		"other scheme":         {address: "ftp://ci.example.com", fails: "write the address as https://HOST"},
		"password":             {address: "https://mona:" + secret + "@ci.example.com", fails: "has a user or password"},
		"password in no URL":   {address: "https://mona:" + secret + "@ci.example.com:x", fails: "is no URL"},
		"query":                {address: "https://ci.example.com/?a=b", fails: "has no ?"},
		"empty":                {fails: "write the address as"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := client.ParseServer(test.address, test.insecure)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) || strings.Contains(err.Error(), secret) {
					t.Fatalf("error is %v, want one with %q", err, test.fails)
				}
				return
			}
			if err != nil || got.String() != test.want {
				t.Errorf("got %v, %v, want %s", got, err, test.want)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer "+secret {
			t.Errorf("Authorization is %q", got)
		}
		if got := r.Header.Get("User-Agent"); got != "pocketci/1.2.3" {
			t.Errorf("User-Agent is %q", got)
		}
		if got, want := r.URL.EscapedPath(), "/api/v1/runs/a%2F..%2Fb%3F"; got != want {
			t.Errorf("path is %s, want %s", got, want)
		}
		io.WriteString(w, `{"number": 7, "a field of a later version": 1}`)
	})
	run, err := c.Run(t.Context(), "a/../b?")
	if err != nil || run.Number != 7 {
		t.Errorf("got %v, %v", run, err)
	}
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		status            int
		contentType, body string
		want              string
		denied            bool
	}{
		"problem": {404, "application/problem+json", `{"title": "Not Found", "status": 404, "detail": "run 7: not found"}`, "run 7: not found (status 404)", false},
		"faults": {422, "application/problem+json", `{"title": "Unprocessable Entity", "detail": "validation failed", "errors": [{"message": "too short", "location": "body.sha"}]}`,
			"validation failed; body.sha: too short (status 422)", false},
		"title":      {403, "application/problem+json", `{"title": "Forbidden"}`, "Forbidden (status 403)", true},
		"proxy":      {502, "text/html", "<h1>nginx</h1>", "Bad Gateway (status 502)", false},
		"broken":     {401, "application/problem+json", `{"title": `, "Unauthorized (status 401)", true},
		"wrong type": {400, "application/json", `{"title": 7}`, "Bad Request (status 400)", false},
		"unknown":    {599, "", "", " (status 599)", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.contentType)
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			})
			_, err := c.Me(t.Context())
			refusal, ok := errors.AsType[*client.Error](err)
			if !ok || err.Error() != test.want || refusal.Status != test.status || refusal.Denied() != test.denied {
				t.Errorf("error is %#v, want %q", err, test.want)
			}
		})
	}
}

// Answers that are not of an agent are errors that name the server and not the
// key.
func TestStrangeAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"no JSON": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, "not one of a pocketci agent"},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "{")
		}, "EOF"},
		"hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			space := []byte(strings.Repeat(" ", 1<<20))
			for err := error(nil); err == nil; {
				_, err = w.Write(space)
			}
		}, "larger than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, test.handler)
			_, err := c.Me(t.Context())
			broken, ok := errors.AsType[*client.ConnectionError](err)
			if !ok || !strings.Contains(err.Error(), test.want) || broken.Server != c.Server() || strings.Contains(err.Error(), secret) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

// No redirect takes the key to another host, or makes a question of a change.
func TestRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/me":
			http.Redirect(w, r, "/there", http.StatusMovedPermanently)
		case "/there":
			io.WriteString(w, `{"name": "mona"}`)
		case "/api/v1/runs/1/abort":
			http.Redirect(w, r, "/there", http.StatusFound)
		case "/api/v1/events/1/replay":
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		default:
			http.Redirect(w, r, elsewhere.URL+"/x", http.StatusFound)
		}
	})
	if me, err := c.Me(t.Context()); err != nil || me.Name != "mona" {
		t.Errorf("on the same host: %v, %v", me, err)
	}
	_, health := c.Health(t.Context())
	_, replay := c.Replay(t.Context(), "1")
	for name, err := range map[string]error{
		"elsewhere": health, "change elsewhere": replay, "change": c.AbortRun(t.Context(), "1", v1.Abort{}),
	} {
		if err == nil || !strings.Contains(err.Error(), "it redirects to http://127.0.0.1:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCAFile(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"name": "mona"}`) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes
	server.StartTLS()
	defer server.Close()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.pem"), filepath.Join(dir, "bad.pem")
	for name, data := range map[string][]byte{
		good: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), bad: []byte("nothing"),
	} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if me, err := connect(t, client.Options{Server: server.URL, Key: secret, CAFile: good}).Me(t.Context()); err != nil || me.Name != "mona" {
		t.Errorf("with the certificate: %v, %v", me, err)
	}
	if _, err := connect(t, client.Options{Server: server.URL, Key: secret}).Me(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without it: %v", err)
	}
	for name, file := range map[string]string{"has none in PEM": bad, "no such file": filepath.Join(dir, "none")} {
		if _, err := client.New(client.Options{Server: server.URL, CAFile: file}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error is %v, want one with %q", err, name)
		}
	}
}

func TestKeyWithNewline(t *testing.T) {
	_, err := client.New(client.Options{Server: "https://ci.example.com", Key: secret + "\nX-Evil: 1"})
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("error is %v", err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := c.Me(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}

	// A cause is what the caller gave.
	reason := errors.New("enough")
	caused, end := context.WithCancelCause(t.Context())
	end(reason)
	if _, err := c.Me(caused); !errors.Is(err, reason) {
		t.Errorf("error is %v", err)
	}
}

type planner struct{}

func (planner) Plan(_ context.Context, e events.Event) (*dispatcher.View, error) {
	return &dispatcher.View{Event: dispatcher.EventView{Event: e.Name}, Calls: []dispatcher.CallView{{Module: "ci", Function: "onPush"}}}, nil
}

// The scripts of cmd/pocketci ask the agent's API everything but this.
func TestPlan(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	_, key, err := s.CreateKey(t.Context(), store.NewKey{Name: "mona", Scope: store.KeyScopeAdmin, ExpiresAt: time.Now().Add(time.Hour)}, store.Actor{Person: "test"})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := api.New(api.Options{Store: s, Planner: planner{},
		Parse: func(_, name string, payload []byte) (events.Event, error) { return github.Parse(name, payload) }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c := connect(t, client.Options{Server: server.URL, Key: key})
	payload, err := os.ReadFile("../../testdata/payloads/github/push.json")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.Plan(t.Context(), v1.PlanRequest{Name: "push", Payload: payload})
	if err != nil || !strings.Contains(string(plan), `"onPush"`) {
		t.Errorf("got %s, %v", plan, err)
	}
	_, err = c.Plan(t.Context(), v1.PlanRequest{Event: "none"})
	if refusal, ok := errors.AsType[*client.Error](err); !ok || refusal.Status != http.StatusNotFound {
		t.Errorf("of no event: %v", err)
	}
}

// transport answers requests without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTransport(t *testing.T) {
	c := connect(t, client.Options{Server: "http://localhost", Transport: transport(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path != "/api/v1/me" || r.Header.Get("Authorization") != "" {
			t.Errorf("asked for %s as %q", r.URL, r.Header.Get("Authorization"))
		}
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"name":"ada"}`)), Request: r}, nil
	})})
	if me, err := c.Me(t.Context()); err != nil || me.Name != "ada" {
		t.Errorf("me is %+v (%v)", me, err)
	}
}
