package targets_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/targets"
)

// latest are the latest events of repositories.
type latest map[string]*events.Repository

func (l latest) LatestEvent(_ context.Context, repository string) (store.Event, error) {
	if l == nil {
		return store.Event{}, store.ErrUnavailable
	}
	known, ok := l[repository]
	if !ok {
		return store.Event{}, fmt.Errorf("find it: %w", store.ErrNotFound)
	}
	return store.Event{Event: events.Event{Repository: known}}, nil
}

func TestAim(t *testing.T) {
	shop := &events.Repository{FullName: "acme/shop", CloneURL: "https://git.example.com/acme/shop.git", DefaultBranch: "trunk", Private: true}
	deployed := events.ModuleRepository("0193-a", "site")
	all := func(string) bool { return true }
	none := func(string) bool { return false }
	one := []targets.Forge{{URL: "https://git.example.com", Has: all}, {URL: "https://other.example.com", Has: none}}
	for name, c := range map[string]struct {
		target  settings.Target
		store   latest
		forges  []targets.Forge
		want    events.Event
		problem string
	}{
		"nobody": {},
		"a repository that is known": {
			target: settings.Target{Repository: "acme/shop"}, store: latest{"acme/shop": shop},
			want: events.Event{Repository: shop, Ref: "refs/heads/trunk", Branch: "trunk"},
		},
		"at a tag": {
			target: settings.Target{Repository: "acme/shop", Ref: "refs/tags/v1"}, store: latest{"acme/shop": shop},
			want: events.Event{Repository: shop, Ref: "refs/tags/v1", Tag: "v1"},
		},
		"with its own address": {
			target: settings.Target{Repository: "acme/shop", CloneURL: shop.CloneURL}, store: latest{"acme/shop": shop},
			want: events.Event{Repository: shop, Ref: "refs/heads/trunk", Branch: "trunk"},
		},
		"with another address": {
			target: settings.Target{Repository: "acme/shop", CloneURL: "https://b.example.com/x.git"}, store: latest{"acme/shop": shop},
			want: events.Event{Repository: &events.Repository{FullName: "acme/shop", CloneURL: "https://b.example.com/x.git"}},
		},
		"never heard of, with one forge": {
			target: settings.Target{Repository: "acme/shop", Ref: "refs/heads/main"}, store: latest{}, forges: one,
			want: events.Event{
				Repository: &events.Repository{FullName: "acme/shop", CloneURL: "https://git.example.com/acme/shop.git", WebURL: "https://git.example.com/acme/shop"},
				Ref:        "refs/heads/main", Branch: "main",
			},
		},
		"its events have no repository": {
			target: settings.Target{Repository: "acme/shop"}, store: latest{"acme/shop": nil}, forges: one,
			want: events.Event{Repository: &events.Repository{FullName: "acme/shop", CloneURL: "https://git.example.com/acme/shop.git", WebURL: "https://git.example.com/acme/shop"}},
		},
		"a stored module": {
			target: settings.Target{Module: "site"}, store: latest{},
			want: events.Event{Repository: deployed, SHA: "90edbb866a14f6bae4621492a1b377b5f8ec2948"},
		},
		"a stored module that is not there": {target: settings.Target{Module: "else"}, problem: "no stored module else"},
		"never heard of":                    {target: settings.Target{Repository: "acme/shop", Line: 7}, store: latest{}, problem: "give calls in line 7 of agent.yaml a clone-url"},
		"never heard of, with two forges": {
			target: settings.Target{Repository: "acme/shop"}, store: latest{}, forges: []targets.Forge{one[0], one[0]}, problem: "of which no event was received",
		},
		"while the store is away": {target: settings.Target{Repository: "acme/shop"}, forges: one, problem: store.ErrUnavailable.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			r := &targets.Resolver{
				Store: c.store, Forges: func() []targets.Forge { return c.forges },
				Module: func(_ context.Context, name string) (*events.Repository, string, error) {
					if name != "site" {
						return nil, "", fmt.Errorf("there is no stored module %s", name)
					}
					return deployed, "90edbb866a14f6bae4621492a1b377b5f8ec2948", nil
				},
			}
			var got events.Event
			err := r.Aim(t.Context(), c.target, &got)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("got %v, want %q", err, c.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAimWithoutAnything(t *testing.T) {
	var e events.Event
	r := &targets.Resolver{Store: latest{}}
	if _, ok := errors.AsType[*targets.UnknownError](r.Aim(t.Context(), settings.Target{Repository: "a/b"}, &e)); !ok {
		t.Error("a repository that nobody knows is no UnknownError")
	}
	if err := r.Aim(t.Context(), settings.Target{Module: "a"}, &e); err == nil {
		t.Error("there is a stored module where there can be none")
	}
}
