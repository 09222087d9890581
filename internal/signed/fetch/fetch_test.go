package fetch_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/signed/fetch"
)

// A server is asked for what is new by whatever it tells its answers apart with.
func TestReadAsksForWhatIsNew(t *testing.T) {
	const date = "Wed, 25 Nov 2026 12:00:00 GMT"
	for name, c := range map[string]struct{ header, value, question string }{
		"ETag":          {"ETag", `"1"`, "If-None-Match"},
		"Last-Modified": {"Last-Modified", date, "If-Modified-Since"},
	} {
		t.Run(name, func(t *testing.T) {
			full := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get(c.question) == c.value {
					w.WriteHeader(http.StatusNotModified)
					return
				}
				full++
				w.Header().Set(c.header, c.value)
				fmt.Fprint(w, "a token")
			}))
			defer server.Close()
			f := fetch.New(nil, nil)
			for range 3 {
				if text, err := f.Read(t.Context(), server.URL); err != nil || text != "a token" {
					t.Errorf("got %q, %v", text, err)
				}
			}
			if full != 1 {
				t.Errorf("it was sent %d times", full)
			}
		})
	}
}

// A server in clear text, which only one of this machine is, may send elsewhere on
// itself alone.
func TestReadFollows(t *testing.T) {
	var authorization []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "of another") }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization = append(authorization, r.Header.Get("Authorization"))
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/there", http.StatusFound)
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/large":
			_, _ = io.WriteString(w, strings.Repeat("x", signed.MaxToken+1))
		default:
			fmt.Fprint(w, "a token")
		}
	}))
	defer server.Close()
	f := fetch.New(nil, http.Header{"Authorization": {"Bearer x"}})
	if text, err := f.Read(t.Context(), server.URL+"/here"); err != nil || text != "a token" {
		t.Errorf("got %q, %v", text, err)
	}
	for path, want := range map[string]string{"/away?secret": "it is not https", "/large?secret": "larger than"} {
		if text, err := f.Read(t.Context(), server.URL+path); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %q, %v", path, text, err)
		}
	}
	for _, value := range authorization {
		if value != "Bearer x" {
			t.Errorf("sent was %q", authorization)
		}
	}
}
