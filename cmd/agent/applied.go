package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// states knows what is applied of what modules converge, and the commits by which it
// is removed.
type states struct {
	store   *store.Store
	mirrors *mirror.Mirrors
}

func (p *process) states() states { return states{p.store, p.mirrors} }

func (s states) Applied(ctx context.Context, repository *events.Repository, module string) (dispatcher.Applied, error) {
	return agent.Applied(ctx, s.store, repository.FullName, module)
}

// Commit is in the mirror, which keeps what was once planned, or is fetched by its sha.
func (s states) Commit(ctx context.Context, ev *events.Event, commit string) (modules.Tree, error) {
	at := events.Manual(ev.Repository, ev.Ref, commit, ev.Sender)
	snapshot, err := s.mirrors.Snapshot(ctx, &at)
	if errors.Is(err, mirror.ErrCommit) {
		return modules.Tree{}, fmt.Errorf("%w: %w", modules.ErrModule, err)
	}
	if err != nil {
		return modules.Tree{}, err
	}
	return snapshot.Tree, nil
}
