package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/server"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	in := start(t, func(o *server.Options) {
		o.Hooks = append(o.Hooks,
			server.Hook{Name: "mirror:shop", Path: "/gwg/shop", Source: anything{}},
			server.Hook{Name: "mirror:site", Path: "/webhooks/site", Source: anything{}},
		)
	})
	for path, want := range map[string]int{
		"/gwg/shop":             http.StatusAccepted,
		"/gwg/shop/":            http.StatusAccepted, // as senders have it
		"/webhooks/site":        http.StatusAccepted,
		"/webhooks/mirror:shop": http.StatusNotFound,
		"/gwg":                  http.StatusNotFound,
		"/gwg/shop/x":           http.StatusNotFound,
		"/gwg//shop":            http.StatusNotFound,
	} {
		if got := request(t, http.MethodPost, in.url+path, "application/json", "{}"); got.status != want {
			t.Errorf("%s answers %d, want %d", path, got.status, want)
		}
	}
	if got := request(t, http.MethodGet, in.url+"/gwg/shop", "", ""); got.status != http.StatusMethodNotAllowed {
		t.Errorf("GET answers %d", got.status)
	}
	twice := []server.Hook{{Name: "a", Source: anything{}}, {Name: "b", Path: "/webhooks/a", Source: anything{}}}
	if _, err := server.New(server.Options{Hooks: twice, Sink: in.sink}); err == nil || !strings.Contains(err.Error(), "two webhooks have the path /webhooks/a") {
		t.Errorf("two of one path: %v", err)
	}
}
