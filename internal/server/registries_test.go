package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/server"
)

// paths serves those that begin with one of them.
type paths []string

func (p paths) Serves(path string) bool {
	for _, begin := range p {
		if strings.HasPrefix(path, begin) {
			return true
		}
	}
	return false
}

func (p paths) ServeHTTP(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "registries") }

// What registries serve is beside what the server does, and takes nothing from it.
func TestRegistriesAreRouted(t *testing.T) {
	for name, c := range map[string]struct {
		watched server.Registries
		path    string
		status  int
		served  bool
	}{
		"theirs":           {paths{"/repos"}, "/repos", 200, true},
		"another":          {paths{"/repos"}, "/tags/shop", 404, false},
		"the server's own": {paths{"/"}, "/healthz", 200, false},
		"of no registries": {nil, "/repos", 404, false},
	} {
		s, err := server.New(server.Options{Sink: &sink{}, Registries: c.watched})
		if err != nil {
			t.Fatal(err)
		}
		out := httptest.NewRecorder()
		s.ServeHTTP(out, httptest.NewRequest(http.MethodGet, c.path, nil))
		if out.Code != c.status || strings.Contains(out.Body.String(), "registries") != c.served {
			t.Errorf("%s: %s gives %d %s", name, c.path, out.Code, out.Body)
		}
	}
}
