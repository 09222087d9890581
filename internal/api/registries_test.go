package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/registries"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

// shelf is one watch called shop. Package registries has tests with a registry.
type shelf struct {
	err error
	// by and asked are of the last change.
	by    store.Actor
	asked string
}

func (s *shelf) List(context.Context) ([]registries.Status, error) {
	status, err := s.Get(context.Background(), "shop")
	return []registries.Status{status}, err
}

func (s *shelf) Get(_ context.Context, name string) (registries.Status, error) {
	if s.err != nil {
		return registries.Status{}, s.err
	}
	if name != "shop" {
		return registries.Status{}, &registries.UnknownError{Name: name}
	}
	at := time.Date(2026, 11, 25, 13, 0, 0, 0, time.UTC)
	return registries.Status{
		Watch:        registry.Watch{Name: "shop", Host: "registry.example.com", Repository: "acme/shop", Interval: time.Minute},
		RegistryName: "local", Calls: settings.Target{Repository: "acme/deploy"}, Newest: "v1.1.0", Wanted: "v1.1.0",
		State: registry.State{
			Tags: []string{"main", "v1.0.0", "v1.1.0"}, AutoDeploy: true,
			Deployed: &registry.Deployed{Tag: "v1.0.0", Digest: "sha256:a", At: at, Run: 3},
			Attempt:  &registry.Attempt{Tag: "v1.1.0", Digest: "sha256:b", Cause: registry.CauseRelease, Number: 2, Progress: registry.Failing, Reason: "run 4 is failed", Run: 4, Retry: &at},
		},
		Polled: poll.State{Name: "shop", LastPoll: at, Next: at.Add(time.Minute), Failures: 1, Error: "no route"},
	}, nil
}

func (s *shelf) do(name, asked string, by store.Actor) (registries.Changed, error) {
	if _, err := s.Get(context.Background(), name); err != nil {
		return registries.Changed{}, err
	}
	s.by, s.asked = by, asked
	return registries.Changed{Name: name, AutoDeploy: true, Tag: "v1.1.0", Digest: "sha256:b", Event: "e1", Run: 5}, nil
}

func (s *shelf) Change(_ context.Context, name string, pin *string, auto *bool, by store.Actor) (registries.Changed, error) {
	if pin == nil && auto == nil {
		return registries.Changed{}, registries.ErrNothingAsked
	}
	asked := "auto"
	if pin != nil {
		asked = "pin " + *pin
	}
	return s.do(name, asked, by)
}

func (s *shelf) Reset(_ context.Context, name string, by store.Actor) (registries.Changed, error) {
	return s.do(name, "reset", by)
}

func (s *shelf) Redeploy(_ context.Context, name string, by store.Actor) (registries.Changed, error) {
	return s.do(name, "redeploy", by)
}

func TestRegistries(t *testing.T) {
	var s shelf
	f := newFixture(t, func(o *api.Options, _ *http.Server) { o.Registries = &s })
	var list v1.Watches
	f.get("/registries", &list)
	var one v1.Watch
	f.get("/registries/shop", &one)
	at := time.Date(2026, 11, 25, 13, 0, 0, 0, time.UTC)
	next := at.Add(time.Minute)
	want := v1.Watch{
		Name: "shop", Registry: "local", Host: "registry.example.com", Repository: "acme/shop", Calls: "acme/deploy", Interval: 60,
		AutoDeploy: true, Wanted: "v1.1.0", Newest: "v1.1.0", TagCount: 3,
		Deployed:   &v1.Deployed{Tag: "v1.0.0", Digest: "sha256:a", At: at, Run: 3},
		Deployment: &v1.Deployment{Tag: "v1.1.0", Digest: "sha256:b", Cause: "release", Attempt: 2, Progress: "failing", Reason: "run 4 is failed", Run: 4, RetryAt: &at},
		AskedAt:    &at, NextAt: &next, Failures: 1, Error: "no route",
	}
	if diff := cmp.Diff([]v1.Watch{want}, list.Watches); diff != "" {
		t.Error(diff)
	}
	want.Tags = []string{"main", "v1.0.0", "v1.1.0"}
	if diff := cmp.Diff(want, one); diff != "" {
		t.Error(diff)
	}
	pin, none := "v1.0.0", ""
	for path, c := range map[string]struct {
		body any
		want string
	}{
		"/registries/shop":          {v1.WatchChange{PinnedTag: &pin}, "pin v1.0.0"},
		"/registries/shop?":         {v1.WatchChange{PinnedTag: &none}, "pin "},
		"/registries/shop/reset":    {nil, "reset"},
		"/registries/shop/redeploy": {nil, "redeploy"},
	} {
		a := f.send(f.request(f.keys[v1.ScopeRun], http.MethodPost, path, c.body))
		if a.status != http.StatusOK || s.asked != c.want || s.by.Person != "runner" {
			t.Errorf("%s gives %d %s: asked is %q by %s", path, a.status, a.body, s.asked, s.by.Person)
		}
	}
	bad := "a b"
	for name, c := range map[string]struct {
		err    error
		path   string
		body   any
		status int
	}{
		"no such watch":      {nil, "/registries/other", v1.WatchChange{PinnedTag: &pin}, 404},
		"nothing":            {nil, "/registries/shop", v1.WatchChange{}, 422},
		"no tag":             {nil, "/registries/shop", v1.WatchChange{PinnedTag: &bad}, 422},
		"an unknown tag":     {&registries.TagError{Tag: "v9", Registry: "local"}, "/registries/shop", v1.WatchChange{PinnedTag: &pin}, 409},
		"no version":         {registry.ErrNoVersion, "/registries/shop/redeploy", nil, 409},
		"away":               {&registries.AwayError{Err: errors.New("no route"), Text: "no route"}, "/registries/shop/reset", nil, 502},
		"nobody's functions": {&registries.TargetError{Err: errors.New("nobody knows acme/deploy")}, "/registries/shop/reset", nil, 409},
		"a busy watch":       {store.ErrMoved, "/registries/shop/reset", nil, 503},
		"a store away":       {store.ErrUnavailable, "/registries/shop/reset", nil, 503},
		"a full queue":       {store.ErrFull, "/registries/shop/reset", nil, 503},
		"a fault of ours":    {errors.New("a fault"), "/registries/shop/reset", nil, 500},
	} {
		s.err = c.err
		a := f.send(f.request(f.keys[v1.ScopeRun], http.MethodPost, c.path, c.body))
		if a.status != c.status {
			t.Errorf("%s gives %d: %s", name, a.status, a.body)
		}
	}
}

// An agent that watches nothing says so.
func TestNoRegistries(t *testing.T) {
	f := newFixture(t, func(o *api.Options, _ *http.Server) { o.Registries = nil })
	var list v1.Watches
	if f.get("/registries", &list); len(list.Watches) != 0 {
		t.Errorf("watched is %v", list)
	}
	for path, method := range map[string]string{"/registries/shop": http.MethodGet, "/registries/shop/reset": http.MethodPost} {
		if a := f.send(f.request(f.keys[v1.ScopeRun], method, path, nil)); a.status != http.StatusNotFound || !strings.Contains(string(a.body), "nothing is watched") {
			t.Errorf("%s gives %d: %s", path, a.status, a.body)
		}
	}
}
