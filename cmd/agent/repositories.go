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

func (r repositories) Snapshot(ctx context.Context, event *events.Event, terms runs.Terms) (*runs.Snapshot, error) {
	s, err := r.mirrors.Snapshot(ctx, event)
	if err != nil {
		return nil, err
	}
	return r.open(ctx, event, s, terms)
}

// Reopen takes the commit and the changes that were recorded: branches move on,
// and what was fetched for a diff may be gone.
func (r repositories) Reopen(ctx context.Context, event *events.Event, record *runs.Record) (*runs.Snapshot, error) {
	commit := events.Manual(event.Repository, event.Ref, record.SHA, event.Sender)
	commit.Fork = event.Fork
	s, err := r.mirrors.Snapshot(ctx, &commit)
	if err != nil {
		return nil, err
	}
	s.Changes = mirror.Changes(record.Changes())
	if record.Terms.BaseRules {
		commit = events.Manual(event.Repository, "", record.Base, event.Sender)
		base, err := r.mirrors.Snapshot(ctx, &commit)
		if err != nil {
			return nil, err
		}
		s.Base = &base.Tree
	}
	return r.open(ctx, event, s, record.Terms)
}

func (r repositories) open(ctx context.Context, event *events.Event, s *mirror.Snapshot, terms runs.Terms) (*runs.Snapshot, error) {
	pinned := terms.Apply(*event)
	pinned.SHA = s.SHA
	rules, source := s.Tree, s.Tree
	var notes []string
	if terms.BaseRules {
		var err error
		if rules, source, notes, err = runs.ByBaseRules(ctx, r.mirrors, s); err != nil {
			return nil, err
		}
	}
	base := ""
	if terms.BaseRules {
		base = rules.Commit
	}
	opened, err := runs.Open(pinned, s, runs.PlaceOf(event, s.SHA, base), r.events)
	if err != nil {
		return nil, err
	}
	opened.Tree, opened.Source, opened.Notes, opened.Terms = rules, source, notes, terms
	return opened, nil
}
