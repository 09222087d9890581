package rest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/rest"
)

func newAPI(t *testing.T, path string, h http.HandlerFunc) *rest.API {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	return rest.New(&forge.Transport{Base: base, Authenticate: func(*http.Request) error { return nil }, Backoff: time.Millisecond})
}

func TestDoAsks(t *testing.T) {
	asked := ""
	api := newAPI(t, "/api/v1/", func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.RequestURI + " " + r.Header.Get("Content-Type")
		_, _ = w.Write([]byte(`{"a": 1, "b": 2}`))
	})
	var answer struct{ A int }
	for name, c := range map[string]struct {
		request rest.Request
		want    string
	}{
		"get":     {rest.Request{Path: []string{"user"}}, "GET /api/v1/user "},
		"query":   {rest.Request{Path: []string{"a"}, Query: url.Values{"q": {"x&y"}}}, "GET /api/v1/a?q=x%26y "},
		"escaped": {rest.Request{Path: []string{"a/b", "{c}", "d?e", "%2e"}}, "GET /api/v1/a%2Fb/%7Bc%7D/d%3Fe/%252e "},
		"body":    {rest.Request{Method: http.MethodPost, Path: []string{"a"}, Body: "x"}, "POST /api/v1/a application/json"},
	} {
		answer.A = 0
		if err := api.Do(t.Context(), c.request, &answer); err != nil || asked != c.want || answer.A != 1 {
			t.Errorf("%s: asked %q, want %q: %v", name, asked, c.want, err)
		}
	}
	asked = ""
	for _, segment := range []string{"", ".", ".."} {
		if err := api.Do(t.Context(), rest.Request{Path: []string{"a", segment}}, nil); !errors.Is(err, forge.ErrNotFound) || asked != "" {
			t.Errorf("%q: %v, asked %q", segment, err, asked)
		}
	}
}

func TestDoFails(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		text   string
	}{
		"401":        {401, "", "does not accept the token"},
		"403":        {403, "", "needs a scope"},
		"404":        {404, "", "the forge does not know it"},
		"410":        {410, "", "the forge does not know it"},
		"422":        {422, `{"message":"\u001b[31mno"}`, "asking: the forge answers 422"},
		"502":        {502, "<html>", "asking: the forge answers 502"},
		"no JSON":    {200, "<html>", "documented form"},
		"other JSON": {200, `{"a":"x"}`, "documented form"},
		"too much":   {200, `{"b":"` + strings.Repeat("x", 9<<20) + `"}`, "an answer of more than"},
		"moved":      {302, "", "the forge answers 302"},
	} {
		api := newAPI(t, "", func(w http.ResponseWriter, r *http.Request) {
			if c.status == 302 {
				w.Header().Set("Location", "/elsewhere")
			}
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		})
		var answer struct{ A int }
		err := api.Do(t.Context(), rest.Request{Method: http.MethodPost, Path: []string{"secret"}, Doing: "asking", Needs: "a scope"}, &answer)
		if err == nil || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A repository that got another name redirects; nothing else may be reached.
func TestDoFollows(t *testing.T) {
	api := newAPI(t, "", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/old":
			http.Redirect(w, r, "/new", http.StatusTemporaryRedirect)
		case "/away":
			http.Redirect(w, r, "http://127.0.0.1:1/steal", http.StatusTemporaryRedirect)
		case "/new":
			if r.Method != http.MethodPost || r.ContentLength != 3 {
				w.WriteHeader(http.StatusBadRequest)
			}
		}
	})
	if err := api.Do(t.Context(), rest.Request{Method: http.MethodPost, Path: []string{"old"}, Body: "x"}, nil); err != nil {
		t.Error(err)
	}
	if err := api.Do(t.Context(), rest.Request{Path: []string{"away"}}, nil); !errors.Is(err, forge.ErrElsewhere) {
		t.Errorf("error %v", err)
	}
}

func TestDoIsCancelled(t *testing.T) {
	stopped := errors.New("the agent stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	api := newAPI(t, "", func(_ http.ResponseWriter, r *http.Request) {
		cancel(stopped)
		<-r.Context().Done()
	})
	if err := api.Do(ctx, rest.Request{Path: []string{"a"}, Doing: "asking"}, nil); !errors.Is(err, stopped) {
		t.Errorf("error %v", err)
	}
}

func TestBelow(t *testing.T) {
	const base = "https://ci.example.com/ci"
	for address, want := range map[string]bool{
		"https://ci.example.com/ci": true, "https://CI.example.com:443/ci/webhooks/x": true, "http://ci.example.com/ci/": true,
		"https://ci.example.com/cis": false, "https://ci.example.com/": false, "https://ci.example.com:8443/ci": false,
		"https://ci.example.com.evil.example/ci": false, "://": false, "": false,
	} {
		if got := rest.Below(address, base); got != want {
			t.Errorf("%q: %t", address, got)
		}
	}
	if rest.Below("", "") || rest.Below("https://a.example", "") {
		t.Error("all addresses are below none")
	}
}

func TestAddress(t *testing.T) {
	for _, text := range []string{"", "git.example.com", "ftp://git.example.com", "https://u:hunter2@git.example.com", "https://h/?hunter2", "https://hunter2%zz"} {
		if _, err := rest.Address(text); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if u, err := rest.Address("https://git.example.com/sub"); err != nil || u.Path != "/sub" {
		t.Errorf("%v, %v", u, err)
	}
}

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " a ": "a", "0123456789": "0123456789", "01234567890": "0123456…", "a\nb": "a…", "äääääää": "äää…", "012345678\nx": "0123456…",
	} {
		if got := rest.Line(text, 10); got != want || len(got) > 10 {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
