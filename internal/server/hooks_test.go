package server_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/server"
)

// Webhooks are replaced as a whole while deliveries come, and what cannot be
// replaced stays.
func TestSetHooks(t *testing.T) {
	t.Parallel()
	in := start(t, func(o *server.Options) { o.Hooks = nil })
	body := payload(t, "push")
	status := func(path string) int { return send(t, delivery(t, in.url+path, "push", body)).status }
	for _, path := range []string{"/", "/webhooks/github"} {
		if got := status(path); got != http.StatusNotFound {
			t.Errorf("%s without a webhook gives %d", path, got)
		}
	}
	source, err := github.New(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.server.SetHooks([]server.Hook{{Name: "one", Source: source}}); err != nil {
		t.Fatal(err)
	}
	if err := in.server.SetHooks([]server.Hook{{Source: source}, {Source: source}}); err == nil {
		t.Error("two webhooks of one name are taken")
	}
	for path, want := range map[string]int{"/": 202, "/webhooks/one": 202, "/webhooks/github": 404} {
		if got := status(path); got != want {
			t.Errorf("%s gives %d, want %d", path, got, want)
		}
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				if got := status("/webhooks/one"); got != http.StatusAccepted {
					t.Errorf("while webhooks are replaced, one gives %d", got)
				}
			}
		})
	}
	for i := range 50 {
		if err := in.server.SetHooks([]server.Hook{{Name: "one", Source: source}, {Name: fmt.Sprint("x", i), Source: source}}); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
}
