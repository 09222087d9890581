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
	Event   events.Event
	Tree    modules.Tree
	Changes dispatcher.Changes
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
		Changes: changes,
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

// Runner plans and runs. Its fields must not change once it is in use.
type Runner struct {
	Planner    *dispatcher.Planner
	Dispatcher *dispatcher.Dispatcher
	Report     report.Report
}

// Plan says what the event would call, without calling it. The errors are
// those of [dispatcher.Planner.Plan].
func (r *Runner) Plan(ctx context.Context, s *Snapshot) (*dispatcher.Plan, error) {
	return r.Planner.Plan(ctx, dispatcher.Request{
		Event:   &s.Event,
		Tree:    s.Tree,
		Changes: s.Changes,
		Refs:    s.Refs,
	})
}

// Run plans, calls what the plan says, and reports. It returns once every call
// has ended; an error means that there is no plan.
func (r *Runner) Run(ctx context.Context, id string, s *Snapshot) (*dispatcher.Plan, []dispatcher.Outcome, error) {
	plan, err := r.Plan(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	return plan, r.Dispatch(ctx, id, s, plan), nil
}

// Dispatch makes the calls of a plan and reports.
func (r *Runner) Dispatch(ctx context.Context, id string, s *Snapshot, plan *dispatcher.Plan) []dispatcher.Outcome {
	run := &dispatcher.Run{ID: id, Plan: plan, Tree: s.Tree, EventFile: s.EventFile}
	r.Report.Planned(run, s.Place)
	outcomes := r.Dispatcher.Dispatch(ctx, run, r.Report)
	r.Report.Finished(run, s.Place, outcomes)
	return outcomes
}

// Sessions opens sessions on an engine.
type Sessions struct {
	Engine *engine.Engine
	// Secrets gives what the run of an event may have.
	Secrets func(event *events.Event) secrets.Grant
	// Masker learns each value before a function does.
	Masker *secrets.Masker
}

// Open opens a session for one module of a run.
func (s Sessions) Open(ctx context.Context, run dispatcher.Run, module string) (dispatcher.Session, error) {
	grant := s.Secrets(&run.Plan.Event)
	session, err := s.Engine.Open(ctx, engine.Run{
		Tree:   run.Tree,
		Module: module,
		Event:  run.EventFile,
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
