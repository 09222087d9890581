// Package targets finds the repository whose functions an event calls that comes from
// none: a tick, a new image, a signed token.
package targets

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

// Store knows what events said about their repositories; it is a [store.Store].
type Store interface {
	LatestEvent(ctx context.Context, repository string) (store.Event, error)
}

// Forge is one whose repositories' addresses follow from their names.
type Forge struct {
	// URL is its address without a slash at the end.
	URL string
	// Has says whether a repository is one of its own, as far as the
	// configuration tells.
	Has func(repository string) bool
}

// Resolver finds repositories. It may be used from several goroutines.
type Resolver struct {
	Store Store
	// Forges returns the forges that are configured at present. It may be nil.
	Forges func() []Forge
	// Module returns the repository that a stored module stands for and the commit of
	// the version that is called now, or an error that says that there is none. It may
	// be nil.
	Module func(ctx context.Context, name string) (repository *events.Repository, sha string, err error)
}

// UnknownError says that it is not known where a repository is cloned from.
type UnknownError struct {
	Repository string
	// Line is where the configuration names it.
	Line int
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("it is not known where the repository %s is cloned from, of which no event was received: give %s in line %d of agent.yaml a clone-url, or add the agent's webhook to the repository and push once",
		e.Repository, settings.KeyCalls, e.Line)
}

// Aim has an event belong to the repository of a target, at the target's ref or the
// default branch, or to a stored module as it is now. The zero target leaves it as it is. The error is an
// [*UnknownError], or that of the store or of Module.
func (r *Resolver) Aim(ctx context.Context, t settings.Target, e *events.Event) error {
	if t.Module != "" {
		return r.aimAtModule(ctx, t.Module, e)
	}
	repository, err := r.repository(ctx, t)
	if err != nil || repository == nil {
		return err
	}
	e.Repository, e.Ref = repository, t.Ref
	if e.Ref == "" && repository.DefaultBranch != "" {
		e.Ref = "refs/heads/" + repository.DefaultBranch
	}
	e.Branch, e.Tag = events.ShortRef(e.Ref)
	return nil
}

// aimAtModule has an event belong to a stored module.
func (r *Resolver) aimAtModule(ctx context.Context, name string, e *events.Event) error {
	if r.Module == nil {
		return fmt.Errorf("there is no stored module %s", name)
	}
	repository, sha, err := r.Module(ctx, name)
	if err != nil {
		return err
	}
	e.Repository, e.SHA, e.Ref, e.Branch, e.Tag = repository, sha, "", "", ""
	return nil
}

func (r *Resolver) repository(ctx context.Context, t settings.Target) (*events.Repository, error) {
	if t.Repository == "" {
		return nil, nil
	}
	latest, err := r.Store.LatestEvent(ctx, t.Repository)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	known := latest.Repository
	switch {
	case known != nil && (t.CloneURL == "" || known.CloneURL == t.CloneURL):
		return known, nil
	case t.CloneURL != "":
		return &events.Repository{FullName: t.Repository, CloneURL: t.CloneURL}, nil
	}
	var found []string
	if r.Forges != nil {
		for _, f := range r.Forges() {
			if f.Has(t.Repository) {
				found = append(found, f.URL)
			}
		}
	}
	if len(found) != 1 {
		return nil, &UnknownError{t.Repository, t.Line}
	}
	address := strings.TrimSuffix(found[0], "/") + "/" + t.Repository
	return &events.Repository{FullName: t.Repository, CloneURL: address + ".git", WebURL: address}, nil
}
