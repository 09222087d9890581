// Package runs takes an event and the repository it is about through planning,
// calling and reporting. It is the one path that the agent, the command line
// and replay share, so that the same input gives the same plan everywhere.
package runs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// Snapshot is an event with the repository as the event found it.
type Snapshot struct {
	// Event has its commit pinned.
	Event events.Event
	// Tree has pocketci.yaml and the modules. Source is what functions get as
	// src; they differ only where the rules are not the event's own.
	Tree, Source modules.Tree
	Changes      dispatcher.Changes
	// Notes are warnings for the plan.
	Notes []string
	// Skip says why nothing is called.
	Skip string
	// Terms are those that the snapshot was made on.
	Terms Terms
	// Refs lists the repository's branches and tags; it may be nil.
	Refs func(context.Context) (dispatcher.Refs, error)
	// Place is where a person can replay the calls.
	Place dispatcher.Place
	// EventFile is the content of the event file.
	EventFile []byte
}

// Open returns a snapshot of an event and its repository after writing its event file to the directory dir,
// where the commands of a plan find it. The file is named after the event's id
// and readable by the user alone, since payloads of private repositories are
// private.
func Open(event events.Event, repository *mirror.Snapshot, place dispatcher.Place, dir string) (*Snapshot, error) {
	changes := dispatcher.Changes(repository.Changes)
	files := changes.Files
	if changes.Unknown == "" && files == nil {
		files = []string{} // nil would say that they are not known
	}
	file, err := events.EncodeFile(&event, files)
	if err != nil {
		return nil, fmt.Errorf("write event file of %s: %w", event.ID, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory for event files: %w", err)
	}
	place.EventFile = filepath.Join(dir, event.ID+".json")
	if err := os.WriteFile(place.EventFile, file, 0o600); err != nil {
		return nil, fmt.Errorf("write event file of %s: %w", event.ID, err)
	}
	return &Snapshot{
		Event:   event,
		Tree:    repository.Tree,
		Source:  repository.Tree,
		Changes: changes,
		Skip:    skipReason(&event, repository.Message),
		Refs: func(ctx context.Context) (dispatcher.Refs, error) {
			refs, err := repository.Refs(ctx)
			return dispatcher.Refs(refs), err
		},
		Place:     place,
		EventFile: file,
	}, nil
}

// Prune removes event files that are older than age from a directory of
// [Open]. Payloads can be large and private, and are needed only as long as
// somebody may want to replay a call by hand.
func Prune(dir string, age time.Duration) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("prune event files: %w", err)
	}
	var failed error
	for _, file := range files {
		info, err := file.Info()
		if err == nil && time.Since(info.ModTime()) > age {
			err = os.Remove(filepath.Join(dir, file.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// Run is a plan of the snapshot, ready to be dispatched under an id.
func (s *Snapshot) Run(id string, plan *dispatcher.Plan) *dispatcher.Run {
	return &dispatcher.Run{ID: id, Plan: plan, Tree: s.Tree, Source: s.Source, EventFile: s.EventFile, Untrusted: s.Terms.Untrusted}
}

// Request asks for a plan of the snapshot.
func (s *Snapshot) Request() dispatcher.Request {
	return dispatcher.Request{
		Event: &s.Event, Tree: s.Tree, Changes: s.Changes, Refs: s.Refs, Notes: s.Notes, Skip: s.Skip, Untrusted: s.Terms.Untrusted,
		Foreign: s.Terms != (Terms{}) || !s.Event.Trusted || s.Event.Fork != "",
	}
}

// Direct plans events and makes their calls at once, without a queue between, as the
// command line does. Its fields must not change once it is in use.
type Direct struct {
	Planner    *dispatcher.Planner
	Dispatcher *dispatcher.Dispatcher
	Report     report.Report
}

// Plan says what the event would call, without calling it, and what the runs would that
// follow from it on an agent. The errors are those of [dispatcher.Planner.Plan].
func (d *Direct) Plan(ctx context.Context, s *Snapshot) (*dispatcher.Plan, error) {
	request := s.Request()
	request.Preview = true
	return d.Planner.Plan(ctx, request)
}

// Run plans, calls what the plan says, and reports. It returns once every call
// has ended; an error means that there is no plan.
func (d *Direct) Run(ctx context.Context, id string, s *Snapshot) (*dispatcher.Plan, []dispatcher.Outcome, error) {
	plan, err := d.Planner.Plan(ctx, s.Request())
	if err != nil {
		return nil, nil, err
	}
	return plan, d.Dispatch(ctx, id, s, plan), nil
}

// Dispatch makes the calls of a plan and reports.
func (d *Direct) Dispatch(ctx context.Context, id string, s *Snapshot, plan *dispatcher.Plan) []dispatcher.Outcome {
	run := s.Run(id, plan)
	d.Report.Planned(run, s.Place)
	outcomes := d.Dispatcher.Dispatch(ctx, run, d.Report)
	d.Report.Finished(run, s.Place, outcomes)
	return outcomes
}

// Sessions opens sessions on runners.
type Sessions struct {
	Runners Runners
	// Secrets gives what the run of an event may have.
	Secrets func(event *events.Event) secrets.Grant
	// Modules gives those of other repositories; nil refuses each.
	Modules dispatcher.Modules
	// Masker learns each value before a function does.
	Masker *secrets.Masker
}

// Open opens a session for one module of a run, on a runner with the label, or the
// first if that is empty.
func (s Sessions) Open(ctx context.Context, run dispatcher.Run, module, label string) (dispatcher.Session, error) {
	runner, err := s.Runners.find(label, run.Untrusted)
	if err != nil {
		return nil, err
	}
	grant := s.Secrets(&run.Plan.Event)
	place, err := s.place(ctx, &run, module)
	if err != nil {
		return nil, err
	}
	session, err := runner.Engine.Open(ctx, engine.Run{
		Tree:    place.tree,
		Source:  place.source,
		Context: place.context,
		Module:  place.path,
		Event:   run.EventFile,
		Secret: func(ctx context.Context, ref string) (string, error) {
			value, err := grant.Resolve(ctx, ref)
			s.Masker.Add(value)
			return value, err
		},
	})
	if err != nil {
		return nil, err // and not a nil session in an interface, which is not nil
	}
	return session, nil
}

// Log returns attributes that name a run's event in logs.
func Log(ev *events.Event) slog.Attr {
	repository := ""
	if ev.Repository != nil {
		repository = ev.Repository.FullName
	}
	return slog.Group("event", "id", ev.ID, "delivery", ev.Delivery, "name", ev.Name, "filter", ev.Filter, "repository", repository)
}
