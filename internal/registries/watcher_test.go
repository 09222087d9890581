package registries_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/events/registry/registrytest"
	"github.com/franela/pocketci/internal/registries"
	"github.com/franela/pocketci/internal/server"
)

// ask makes a request and returns the status and the body, read as JSON.
func ask(t *testing.T, h http.Handler, key, method, path, body string) (int, any) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	out := httptest.NewRecorder()
	h.ServeHTTP(out, r)
	var answer any
	if err := json.Unmarshal(out.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s %s gives %q: %v", method, path, out.Body, err)
	}
	if rest := out.Header().Get("Content-Type"); out.Code != http.StatusUnauthorized && rest != "application/json" {
		t.Errorf("%s %s gives %s", method, path, rest)
	}
	return out.Code, answer
}

// The paths, the JSON and the words are registrywatcher's; its faults are not.
func TestWatcher(t *testing.T) {
	w := newWorld(t)
	h := open(w.set, w)
	says := func(text string) any { return map[string]any{"message": text} }
	w.looked()
	for _, c := range []struct {
		method, path, body string
		status             int
		want               any
	}{
		{"GET", "/tags/shop", "", 404, says("Error: No valid tag")},
		{"POST", "/tags/shop/reset", "", 200, says("There is no version to deploy yet")},
		{"GET", "/repos", "", 200, map[string]any{"shop": map[string]any{"auto_deploy": true, "pinned_tag": "", "pinned_tag_value": "", "tags": []any{}}}},
	} {
		if status, got := ask(t, h, "writer", c.method, c.path, c.body); status != c.status || cmp.Diff(c.want, got) != "" {
			t.Errorf("%s %s %s gives %d %v, want %d %v", c.method, c.path, c.body, status, got, c.status, c.want)
		}
	}
	w.registry.Push("acme/shop", "v1.0.0")
	w.registry.Push("acme/shop", "main")
	w.deploys("v1.0.0", registry.CauseRelease)
	w.quiet("that was all")
	for _, c := range []struct {
		method, path, body string
		status             int
		want               any
		deploys            string
		cause              registry.Cause
	}{
		{method: "GET", path: "/tags/shop", status: 200, want: map[string]any{"repo_tag": "v1.0.0"}},
		{method: "GET", path: "/tags/acme/shop", status: 200, want: map[string]any{"repo_tag": "v1.0.0"}},
		{method: "POST", path: "/tags/shop", body: `{"pinned_tag": "main"}`, status: 200, want: says("Deploying to main"), deploys: "main", cause: registry.CausePin},
		{method: "GET", path: "/tags/shop", status: 200, want: map[string]any{"repo_tag": "main"}},
		{method: "POST", path: "/tags/shop", body: `{"auto_deploy": false}`, status: 200, want: says("Auto deployment set to false")},
		{method: "GET", path: "/repos", status: 200, want: map[string]any{"shop": map[string]any{"auto_deploy": false, "pinned_tag": "main", "pinned_tag_value": "main", "tags": []any{"main", "v1.0.0"}}}},
		{method: "POST", path: "/tags/shop", body: `{"pinned_tag": "main", "auto_deploy": false}`, status: 200, want: says("Deploying to main"), deploys: "main", cause: registry.CausePin},
		{method: "POST", path: "/tags/shop", body: `{"pinned_tag": ""}`, status: 200, want: says("Deploying to v1.0.0"), deploys: "v1.0.0", cause: registry.CausePin},
		{method: "POST", path: "/tags/shop/reset", status: 200, want: says("Deploying to v1.0.0"), deploys: "v1.0.0", cause: registry.CauseReset},
		{method: "POST", path: "/tags/acme/shop/reset", status: 200, want: says("Deploying to v1.0.0"), deploys: "v1.0.0", cause: registry.CauseReset},
		{method: "GET", path: "/repos", status: 200, want: map[string]any{"shop": map[string]any{"auto_deploy": true, "pinned_tag": "", "pinned_tag_value": "v1.0.0", "tags": []any{"main", "v1.0.0"}}}},
		{method: "POST", path: "/tags/shop", body: `{}`, status: 400, want: says("Either pinned_tag or auto_deploy must be specified.")},
		{method: "POST", path: "/tags/shop", body: `{"pinned_tag": "v9"}`, status: 400, want: says("Error: The specified pinned_tag v9 is not inside the docker repository registry local")},
		{method: "POST", path: "/tags/shop", body: `{"pinned_tag": "v9", "auto_deploy": false}`, status: 400, want: says("Error: The specified pinned_tag v9 is not inside the docker repository registry local")},
		{method: "POST", path: "/tags/shop", body: `{"pinned_tag": "../v9"}`, status: 400, want: says("Error: pinned_tag is not a tag: want letters, digits, underscores, dots and dashes, at most 128")},
		{method: "POST", path: "/tags/shop", body: `{"auto_deploy": "yes"}`, status: 400},
		{method: "POST", path: "/tags/shop", body: `nonsense`, status: 400},
		{method: "POST", path: "/tags/shop", body: strings.Repeat(" ", 70<<10), status: 413},
		{method: "GET", path: "/tags/other", status: 404, want: says("Error: Repo other is not being watched")},
		{method: "POST", path: "/tags/other", body: `{"auto_deploy": true}`, status: 404, want: says("Error: Repo other is not being watched")},
		{method: "POST", path: "/tags/other/reset", status: 404, want: says("Error: Repo other is not being watched")},
		{method: "GET", path: "/tags/shop/reset", status: 405, want: says("Error: this path takes POST")},
		{method: "DELETE", path: "/tags/shop", status: 405},
		{method: "POST", path: "/repos", status: 405},
	} {
		status, got := ask(t, h, "writer", c.method, c.path, c.body)
		if status != c.status || c.want != nil && cmp.Diff(c.want, got) != "" {
			t.Errorf("%s %s %.80s gives %d %v, want %d %v", c.method, c.path, c.body, status, got, c.status, c.want)
		}
		if c.deploys != "" {
			w.deploys(c.deploys, c.cause)
		}
	}
	if !w.status().State.AutoDeploy {
		t.Error("auto-deploy was stored though the tag was refused")
	}
	w.registry.Down()
	if status, got := ask(t, h, "writer", "POST", "/tags/shop", `{"pinned_tag": "main"}`); status != 502 {
		t.Errorf("with the registry down: %d %v", status, got)
	}
}

func TestWatcherNeedsKeys(t *testing.T) {
	w := newWorld(t)
	h := open(w.set, w)
	for path, method := range map[string]string{"/repos": "GET", "/tags/shop": "GET", "/tags/acme/shop": "POST", "/tags/shop/reset": "POST"} {
		if status, _ := ask(t, h, "", method, path, "{}"); status != 401 {
			t.Errorf("%s %s without a key gives %d", method, path, status)
		}
		if status, _ := ask(t, h, "reader", method, path, "{}"); (status == 401) != (method == "POST") {
			t.Errorf("%s %s with a key to read gives %d", method, path, status)
		}
	}
	for _, path := range []string{"/ping", "/ping/"} {
		if status, got := ask(t, h, "", "GET", path, ""); status != 200 || cmp.Diff(map[string]any{"message": "pong"}, got) != "" {
			t.Errorf("%s gives %d %v", path, status, got)
		}
	}
}

func TestWatcherServes(t *testing.T) {
	w := newWorld(t)
	h := &registries.Watcher{Set: w.set}
	for path, want := range map[string]bool{
		"/repos": true, "/repos/": true, "/ping": true, "/ping/": true, "/tags/shop": true, "/tags/a/b/reset": true,
		"/": false, "/tags": false, "/tags/": false, "/reposx": false, "/api/v1/registries": false,
	} {
		if h.Serves(path) != want {
			t.Errorf("%s is served: %t", path, !want)
		}
	}
	w.conf = nil
	w.use(w.set, w.poller)
	if h.Serves("/repos") {
		t.Error("it is served without anything watched")
	}
}

// Debian's registry itself notifies the server.
func TestRealNotifications(t *testing.T) {
	nudged := make(chan []string, 10)
	source, err := registry.NewNotifications("correct-horse-battery", func(repositories []string) { nudged <- repositories })
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Options{Sink: noSink{}, Hooks: []server.Hook{{Name: "local", Source: source, Rules: &server.Rules{
		Methods: []string{"POST"}, ContentTypes: []string{"application/*"}, MaxBody: 1 << 20,
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	defer web.Close()
	r := registrytest.Start(t, registrytest.WithNotifications(web.URL+"/webhooks/local", "correct-horse-battery"))
	r.Push("acme/shop", "v1.0.0")
	for got := range nudged {
		if len(got) > 0 && got[0] == "acme/shop" {
			break
		}
	}
	for name, c := range map[string]struct {
		authorization, body string
		status              int
	}{
		"a bearer":      {"Bearer correct-horse-battery", `{"events": []}`, 200},
		"a login":       {"Basic OmNvcnJlY3QtaG9yc2UtYmF0dGVyeQ==", `{"repository": {"repo_name": "acme/shop"}}`, 200},
		"nothing":       {"", `{}`, 401},
		"another":       {"Bearer wrong-horse-battery", `{}`, 401},
		"without JSON":  {"Bearer correct-horse-battery", `nonsense`, 400},
		"another shape": {"Bearer correct-horse-battery", `{"events": 7}`, 400},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/webhooks/local", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		if c.authorization != "" {
			request.Header.Set("Authorization", c.authorization)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != c.status {
			t.Errorf("%s: got %d %s, want %d", name, response.StatusCode, text, c.status)
		}
	}
}
