package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/server"
)

func TestRoutes(t *testing.T) {
	t.Parallel()
	in := start(t, nil)
	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 200, ""},
		{"HEAD", "/", 200, ""},
		{"PUT", "/", 405, "GET, HEAD, POST"},
		{"DELETE", "/", 405, "GET, HEAD, POST"},
		{"GET", "/webhooks/github", 405, "POST"},
		{"HEAD", "/webhooks/github", 405, "POST"},
		{"PUT", "/webhooks/github", 405, "POST"},
		{"OPTIONS", "/webhooks/github", 405, "POST"},
		{"GET", "/webhooks/nobody", 405, "POST"},
		{"POST", "/webhooks/nobody", 404, ""},
		{"POST", "/webhooks/github/", 404, ""},
		{"POST", "/webhooks/", 404, ""},
		{"POST", "/webhooks", 404, ""},
		{"POST", "//webhooks/github", 404, ""},
		{"POST", "/x/../webhooks/github", 404, ""},
		{"GET", "/healthz", 200, ""},
		{"HEAD", "/healthz", 200, ""},
		{"POST", "/healthz", 405, "GET, HEAD"},
		{"GET", "/readyz", 200, ""},
		{"POST", "/readyz", 405, "GET, HEAD"},
		{"GET", "/nothing", 404, ""},
		{"GET", "/<script>", 404, ""},
	}
	for _, test := range tests {
		r, err := http.NewRequestWithContext(t.Context(), test.method, in.url+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		a := send(t, r)
		if a.status != test.status || a.header.Get("Allow") != test.allow {
			t.Errorf("%s %s: %d, Allow %q, want %d, %q", test.method, test.path, a.status, a.header.Get("Allow"), test.status, test.allow)
		}
		if _, isError := a.body["error"].(string); isError != (test.status >= 400) && test.method != "HEAD" {
			t.Errorf("%s %s: body %s", test.method, test.path, a.text)
		}
	}
}

func TestIndexNamesTheWebhooks(t *testing.T) {
	t.Parallel()
	in := start(t, nil)
	want := map[string]any{
		"service": "pocketci", "webhooks": []any{"/webhooks/github"}, "alive": "/healthz", "ready": "/readyz",
	}
	if diff := cmp.Diff(want, get(t, in, "/").body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func get(t *testing.T, in *intake, path string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, in.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, r)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	source := github.NewInsecure()
	for name, o := range map[string]server.Options{
		"a hook without source": {Hooks: []server.Hook{{Name: "x"}}, Sink: &sink{}},
		"no sink":               {Hooks: []server.Hook{{Source: source}}},
		"two of the same one":   {Hooks: []server.Hook{{Source: source}, {Source: source}}, Sink: &sink{}},
	} {
		if _, err := server.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// sized is a push of exactly n bytes.
func sized(t *testing.T, n int) []byte {
	t.Helper()
	body := payload(t, "push")
	end := bytes.LastIndexByte(body, '}')
	const key = `,"padding":"`
	padding := n - end - len(key) - len(`"}`)
	sized := append(bytes.Clone(body[:end]), key...)
	sized = append(sized, bytes.Repeat([]byte{'x'}, padding)...)
	sized = append(sized, `"}`...)
	if len(sized) != n {
		t.Fatalf("made %d bytes, want %d", len(sized), n)
	}
	return sized
}

func TestBodySize(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		size    int
		chunked bool
		status  int
	}{
		{"25 MiB", server.MaxBody, false, 202},
		{"25 MiB, length unknown", server.MaxBody, true, 202},
		{"a byte more", server.MaxBody + 1, false, 413},
		{"a byte more, length unknown", server.MaxBody + 1, true, 413},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := start(t, nil)
			body := sized(t, test.size)
			r := delivery(t, in.url+"/webhooks/github", "push", body)
			if test.chunked {
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), -1
			}
			// Without an answer first, the client would send 25 MiB into a
			// connection that is being closed.
			r.Header.Set("Expect", "100-continue")
			a := send(t, r)
			if a.status != test.status {
				t.Fatalf("status %d %.200s, want %d", a.status, a.text, test.status)
			}
			if test.status == 413 && a.body["error"] != "the body is larger than 25 MiB" {
				t.Errorf("body %s", a.text)
			}
			if got := in.sink.accepted(); test.status == 202 && len(got[0].Payload) != test.size {
				t.Errorf("payload of %d bytes", len(got[0].Payload))
			}
		})
	}
}

// Nothing is read of a body that says itself that it is too large.
func TestDeclaredTooLarge(t *testing.T) {
	t.Parallel()
	handler, err := server.New(server.Options{Hooks: []server.Hook{{Source: github.NewInsecure()}}, Sink: &sink{}})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", iotest.ErrReader(errors.New("read")))
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = server.MaxBody + 1
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != 413 || w.Header().Get("Connection") != "close" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestBodyCutOff(t *testing.T) {
	t.Parallel()
	handler, err := server.New(server.Options{Hooks: []server.Hook{{Source: github.NewInsecure()}}, Sink: &sink{}})
	if err != nil {
		t.Fatal(err)
	}
	body := io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF))
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", body)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "the body did not arrive") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A body that does not arrive is answered when the server's read timeout ends.
func TestBodyTooSlow(t *testing.T) {
	t.Parallel()
	handler, err := server.New(server.Options{Hooks: []server.Hook{{Source: github.NewInsecure()}}, Sink: &sink{}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(nil)
	web.Config = server.NewHTTPServer(handler, nil)
	if web.Config.ReadTimeout <= 0 || web.Config.WriteTimeout <= web.Config.ReadTimeout {
		t.Fatalf("timeouts: read %s, write %s", web.Config.ReadTimeout, web.Config.WriteTimeout)
	}
	web.Config.ReadTimeout = 2 * time.Second // within which the header arrives
	web.Start()
	t.Cleanup(web.Close)
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(connection)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); !strings.HasPrefix(text, "HTTP/1.1 408 ") || !strings.Contains(text, "the body did not arrive in time") {
		t.Errorf("answer %q", text)
	}
}

// The sink's context ends in time, and not because the sender hangs up.
func TestAcceptOutlivesTheSender(t *testing.T) {
	t.Parallel()
	in := start(t, nil)
	ctx, hangUp := context.WithCancel(t.Context())
	done := make(chan error, 1)
	in.sink.accept = func(accept context.Context) error {
		hangUp()
		if _, bounded := accept.Deadline(); !bounded {
			done <- errors.New("the context has no deadline")
			return nil
		}
		select {
		case <-accept.Done():
			done <- accept.Err()
		case <-time.After(100 * time.Millisecond): // Time for the hang-up to arrive, if it did.
			done <- nil
		}
		return nil
	}
	r := delivery(t, in.url+"/", "push", payload(t, "push")).WithContext(ctx)
	if _, err := http.DefaultClient.Do(r); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	in := start(t, nil)
	in.sink.accept = func(context.Context) error { panic("boom") }
	a := send(t, delivery(t, in.url+"/", "push", payload(t, "push")))
	if a.status != 500 || a.body["error"] != "internal error" {
		t.Errorf("%d %s", a.status, a.text)
	}
	if log := in.log.String(); !strings.Contains(log, "boom") || !strings.Contains(log, "route_test.go") {
		t.Errorf("the log has no panic with its stack:\n%s", log)
	}
	if a := get(t, in, "/healthz"); a.status != 200 {
		t.Errorf("after a panic: %d", a.status)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	in := start(t, nil)
	r := delivery(t, in.url+"/webhooks/github", "push", payload(t, "push"))
	a := send(t, r)
	lines := strings.Split(strings.TrimSpace(in.log.String()), "\n")
	if len(lines) != 1 {
		t.Fatalf("%d lines for one delivery:\n%s", len(lines), in.log)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"level": "INFO", "msg": "delivery", "id": a.body["id"], "delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
		"vendor": "github", "event": "push", "filter": "main", "repository": "octo/hello", "status": 202.0,
	} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	if d, ok := line["duration"].(float64); !ok || d <= 0 {
		t.Errorf("duration is %v", line["duration"])
	}
	noSecrets(t, in.log.String(), r)
}

func TestConcurrentDeliveries(t *testing.T) {
	t.Parallel()
	in := start(t, nil)
	const n = 50
	var wg sync.WaitGroup
	for range n {
		r := delivery(t, in.url+"/", "push", payload(t, "push"))
		wg.Go(func() {
			if a := send(t, r); a.status != 202 {
				t.Errorf("%d %s", a.status, a.text)
			}
		})
	}
	wg.Wait()
	ids := map[string]bool{}
	for _, e := range in.sink.accepted() {
		ids[e.ID] = true
	}
	if len(ids) != n {
		t.Errorf("%d ids for %d deliveries", len(ids), n)
	}
}

// Several webhooks of one vendor are told apart by their paths, and each takes only
// what it is for.
func TestHooks(t *testing.T) {
	t.Parallel()
	one, err := github.New("secret of the first")
	if err != nil {
		t.Fatal(err)
	}
	two, err := github.New("secret of the second")
	if err != nil {
		t.Fatal(err)
	}
	in := start(t, func(o *server.Options) {
		o.Hooks = []server.Hook{
			{Name: "one", Source: one, Accepts: func(repository string) bool { return repository == "somebody/else" }},
			{Name: "two", Source: two},
		}
	})
	body := payload(t, "push")
	for _, c := range []struct {
		path, secret string
		status       int
	}{
		{"/webhooks/two", "secret of the second", http.StatusAccepted},
		{"/webhooks/two", "secret of the first", http.StatusUnauthorized},
		{"/webhooks/one", "secret of the first", http.StatusForbidden},
		{"/", "secret of the first", http.StatusForbidden},
		{"/webhooks/github", "secret of the first", http.StatusNotFound},
	} {
		r := delivery(t, in.url+c.path, "push", body)
		r.Header.Set("X-Hub-Signature-256", sign(c.secret, body))
		if a := send(t, r); a.status != c.status || c.status == http.StatusForbidden && !strings.Contains(a.text, "takes no deliveries of the repository") {
			t.Errorf("%s with %s: %d %s, want %d", c.path, c.secret, a.status, a.text, c.status)
		}
	}
	if got := len(in.sink.accepted()); got != 1 {
		t.Errorf("%d events were accepted", got)
	}
}
