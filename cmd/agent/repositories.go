package main

import (
	"context"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/metrics"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/modules"
)

// loader takes the time that modules take to load.
type loader struct {
	dispatcher.Loader
	metrics *metrics.Metrics
}

func (l loader) Load(ctx context.Context, tree modules.Tree, path string) (*modules.Module, error) {
	begun := time.Now()
	defer func() { l.metrics.Phase(metrics.PhaseLoad, time.Since(begun)) }()
	return l.Loader.Load(ctx, tree, path)
}

// repositories makes snapshots of mirrors for runs.
type repositories struct {
	mirrors *mirror.Mirrors
	events  string
}

func (r repositories) Snapshot(ctx context.Context, event *events.Event) (*runs.Snapshot, error) {
	s, err := r.mirrors.Snapshot(ctx, event)
	if err != nil {
		return nil, err
	}
	return r.open(event, s)
}

// Reopen takes the commit and the changes that were recorded: branches move on,
// and what was fetched for a diff may be gone.
func (r repositories) Reopen(ctx context.Context, event *events.Event, record *runs.Record) (*runs.Snapshot, error) {
	commit := events.Manual(event.Repository, event.Ref, record.SHA, event.Sender)
	s, err := r.mirrors.Snapshot(ctx, &commit)
	if err != nil {
		return nil, err
	}
	s.Changes = mirror.Changes(record.Changes())
	return r.open(event, s)
}

func (r repositories) open(event *events.Event, s *mirror.Snapshot) (*runs.Snapshot, error) {
	pinned := *event
	pinned.SHA = s.SHA
	place := dispatcher.Place{Source: event.Repository.CloneURL + "#" + s.SHA}
	return runs.Open(pinned, s, place, r.events)
}
