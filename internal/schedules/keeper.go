package schedules

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/store"
)

// lookEvery is how often the store is asked what schedules functions have, if nobody
// says that it has changed.
const lookEvery = 10 * time.Second

// Poller has sources look when it is time; it is a [poll.Poller].
type Poller interface {
	Set(kind string, sources []poll.Source)
	States(kind string) []poll.State
}

// Config is what a keeper is made of.
type Config struct {
	Store  Store
	Poller Poller
	// Watch returns a channel that gets a value when positions have changed, and
	// what ends that; nil is for never.
	Watch func() (<-chan struct{}, func())
	Log   *slog.Logger
}

// Keeper has the schedules of agent.yaml and those of functions told when they are
// due. Its methods may be called from several goroutines.
type Keeper struct {
	cfg Config

	// looking is held while the poller is brought up to date. It was given last
	// what set says, of the renewal that seen is.
	looking sync.Mutex
	set     string
	seen    int

	mu sync.Mutex
	// own are the schedules of agent.yaml, and renewal counts how often they have
	// been replaced.
	own     []Entry
	renewal int
	// nudge has the keeper look.
	nudge chan struct{}
}

// New returns a keeper without schedules.
func New(cfg Config) *Keeper {
	return &Keeper{cfg: cfg, nudge: make(chan struct{}, 1)}
}

// SetOwn replaces the schedules of agent.yaml. One that is there no more is forgotten:
// should it come back, it has missed nothing.
func (k *Keeper) SetOwn(entries []Entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.own = slices.Clone(entries)
	k.renewal++
	select {
	case k.nudge <- struct{}{}:
	default: // it is about to look
	}
}

// Run keeps the poller's schedules up to date until ctx is done.
func (k *Keeper) Run(ctx context.Context) {
	var changed <-chan struct{}
	if k.cfg.Watch != nil {
		watched, end := k.cfg.Watch()
		defer end()
		changed = watched
	}
	for failed := false; ctx.Err() == nil; {
		err := k.Look(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			k.cfg.Log.Error("cannot tell which schedules functions have; trying again", "error", err)
		}
		failed = err != nil
		again := time.NewTimer(lookEvery)
		select {
		case <-changed:
		case <-k.nudge:
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
	}
}

// Look brings the poller's schedules up to date.
func (k *Keeper) Look(ctx context.Context) error {
	k.looking.Lock()
	defer k.looking.Unlock()
	own, renewal := k.present()
	entries, err := k.with(ctx, own)
	if err != nil {
		return err
	}
	if renewal != k.seen {
		if err := k.forget(ctx, entries); err != nil {
			return err
		}
	}
	shape := shapeOf(entries)
	if renewal == k.seen && shape == k.set {
		return nil
	}
	sources := make([]poll.Source, len(entries))
	for i, e := range entries {
		sources[i] = &Source{Entry: e, Log: k.cfg.Log}
	}
	k.cfg.Poller.Set(Kind, sources)
	k.set, k.seen = shape, renewal
	return nil
}

// present returns the agent's own schedules and how often they were replaced.
func (k *Keeper) present() ([]Entry, int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.own, k.renewal
}

// forget removes the positions of the agent's schedules that are there no more. Those
// of functions have a time since when they are, and hurt nobody.
func (k *Keeper) forget(ctx context.Context, entries []Entry) error {
	positions, err := k.cfg.Store.Positions(ctx, Kind)
	if err != nil {
		return err
	}
	for _, p := range positions {
		known := slices.ContainsFunc(entries, func(e Entry) bool { return e.Name == p.Name })
		if known || strings.Contains(p.Name, ofFunctions) {
			continue
		}
		if err := k.cfg.Store.Forget(ctx, Kind, p.Name); err != nil {
			return err
		}
	}
	return nil
}

// shapeOf is the same for schedules that are the same. What is only known by how it
// acts, and where the agent's own aim, is replaced with all of these.
func shapeOf(entries []Entry) string {
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%q %q %q %+v %q %+v %d %+v\n", e.Name, e.Filter, e.Schedule, e.Policy, e.Paused, e.Functions, e.Since.Unix(), e.belongs)
	}
	return b.String()
}

// Entries lists all schedules: the agent's own, and those of functions by their
// repositories.
func (k *Keeper) Entries(ctx context.Context) ([]Entry, error) {
	own, _ := k.present()
	return k.with(ctx, own)
}

// with adds the schedules of functions.
func (k *Keeper) with(ctx context.Context, own []Entry) ([]Entry, error) {
	positions, err := k.cfg.Store.Positions(ctx, RecordKind)
	if err != nil {
		return nil, err
	}
	disabled, err := k.cfg.Store.Disabled(ctx, "")
	if err != nil {
		return nil, err
	}
	list := slices.Clone(own)
	for _, p := range positions {
		r, err := readRecord(p)
		if err != nil {
			k.cfg.Log.Warn("the next push to the default branch puts this right", "error", err)
			continue
		}
		list = append(list, recorded(&r, disabled, k.cfg.Log)...)
	}
	return list, nil
}

// ofFunctions stands in the names of functions' schedules, and of no other.
const ofFunctions = "#"

// recorded makes entries of what is stored of a repository.
func recorded(r *Record, disabled []store.Disabled, log *slog.Logger) []Entry {
	names := map[string]int{}
	for _, s := range r.Schedules {
		names[s.Name]++
	}
	var list []Entry
	for _, s := range r.Schedules {
		parsed, err := schedule.Parse(s.Expression, nil)
		if err != nil {
			log.Warn("a stored schedule cannot be read; the next push to the default branch puts this right", "repository", r.Repository.FullName, "schedule", s.Name, "error", err)
			continue
		}
		e := Entry{
			Name: r.Repository.FullName + ofFunctions + s.Name, Filter: s.Name, Schedule: parsed,
			Policy: schedule.Policy{CatchUp: s.CatchUp, MaxAge: s.MaxAge, Jitter: s.Jitter},
			Of:     schedule.OfFunctions, Repository: r.Repository.FullName, Functions: s.Functions, Since: s.Since,
			Paused: pausedBy(disabled, r.Repository.FullName, s.Functions),
			Aim:    aimAt(r.Repository), belongs: r.Repository,
		}
		if names[s.Name] > 1 {
			e.Name += " (" + s.Expression + ")"
		}
		list = append(list, e)
	}
	return list
}

// aimAt has events belong to the default branch of a repository, or to a stored module as
// it is when they are planned.
func aimAt(repository events.Repository) func(context.Context, *events.Event) error {
	return func(_ context.Context, e *events.Event) error {
		own := repository
		if _, stored := own.Module(); stored {
			e.Repository = &own
			return nil
		}
		e.Repository, e.Branch, e.Ref = &own, own.DefaultBranch, "refs/heads/"+own.DefaultBranch
		return nil
	}
}

// pausedBy says why none of the functions is to be called, empty if one is.
func pausedBy(disabled []store.Disabled, repository string, functions []dispatcher.FunctionName) string {
	reasons := map[string]bool{}
	for _, f := range functions {
		at := slices.IndexFunc(disabled, func(d store.Disabled) bool {
			return d.Repository == repository && (d.Module == "" || d.Module == f.Module && (d.Function == "" || d.Function == f.Function))
		})
		if at < 0 {
			return ""
		}
		d := disabled[at]
		reason := "disabled by " + d.Person
		if d.Reason != "" {
			reason += ": " + d.Reason
		}
		reasons[reason] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(reasons)), "; ")
}

// told has for each schedule when it was due last of all times that were told.
func (k *Keeper) told(ctx context.Context) (map[string]time.Time, error) {
	positions, err := k.cfg.Store.Positions(ctx, Kind)
	if err != nil {
		return nil, err
	}
	told := map[string]time.Time{}
	for _, p := range positions {
		var at position
		if json.Unmarshal(p.Value, &at) == nil {
			told[p.Name] = at.Told
		}
	}
	return told, nil
}
