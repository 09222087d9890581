// Package statuses tells forges what becomes of runs and calls. It reads from the
// store what is still to be told, so that nothing is lost with a process, and
// decides nothing: a forge that is away, or that refuses, holds up no run.
package statuses

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/store"
)

const (
	// lookEvery is how often the store is looked at.
	lookEvery = time.Second
	// batch is how many statuses are taken from it at a time, of which atOnce
	// are told at a time: forges want few requests at once.
	batch  = 20
	atOnce = 4
	// lease is how long they are kept from other agents. It is longer than a
	// forge's client takes with all of its attempts.
	lease = 3 * time.Minute
	// firstPause is the wait after a failure; it doubles up to lastPause.
	firstPause = 10 * time.Second
	lastPause  = 10 * time.Minute
	// maxTries is how often a status is tried before it is given up.
	maxTries = 20
	// remembered is how many different failures are said once each.
	remembered = 1000
)

// Store holds what is to be told; it is [store.Store].
type Store interface {
	DueStatuses(ctx context.Context, limit int, lease time.Duration) ([]store.Status, error)
	Told(ctx context.Context, st *store.Status, reply string) error
	TellLater(ctx context.Context, st *store.Status, after time.Duration) error
	Event(ctx context.Context, id string) (store.Event, error)
	Run(ctx context.Context, id string) (store.Run, error)
	ReadLog(ctx context.Context, call string, attempt int, from int64) (chunks []store.LogChunk, ended bool, err error)
}

// Config is what a Teller is made of.
type Config struct {
	Store Store
	// Forges are those that are told.
	Forges forge.Finder
	// RunURL links to a run by its number; it may give nothing.
	RunURL func(number int64) string
	// Annotate finds the places in files that a call speaks of, in what it
	// printed and returned, among those that the event changed. It may be nil.
	Annotate func(output string, changed []string) []forge.Annotation
	// Count is told of each attempt, by vendor and result: told, refused,
	// limited, failed.
	Count func(vendor, result string)
	Log   *slog.Logger
}

// Teller tells forges what the store holds for them.
type Teller struct {
	cfg Config

	mu sync.Mutex
	// said are the failures that are in the log.
	said map[string]bool
}

// New returns a Teller.
func New(cfg Config) *Teller {
	if cfg.Count == nil {
		cfg.Count = func(string, string) {}
	}
	return &Teller{cfg: cfg, said: map[string]bool{}}
}

// Run tells until ctx ends. What it has begun then comes to its end, or is told
// again by the next one.
func (t *Teller) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for away := false; ; {
		n, err := t.Tell(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !away:
			t.cfg.Log.Error("cannot read what forges are to be told; trying again", "error", err)
		}
		away = err != nil
		if n == batch {
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Tell tells what is due now, up to a number at a time, and returns how many
// statuses that were. The error is the store's.
func (t *Teller) Tell(ctx context.Context) (int, error) {
	due, err := t.cfg.Store.DueStatuses(ctx, batch, lease)
	if err != nil {
		return 0, err
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range due {
		group.Go(func() error { return t.tell(ctx, &due[i]) })
	}
	return len(due), group.Wait()
}

// tell tells one status and notes what came of it.
func (t *Teller) tell(ctx context.Context, st *store.Status) error {
	event, err := t.cfg.Store.Event(ctx, st.Event)
	if errors.Is(err, store.ErrNotFound) {
		return t.cfg.Store.Told(ctx, st, "")
	}
	if err != nil {
		return err
	}
	known := t.cfg.Forges.Of(&event.Event)
	if known == nil || !known.Statuses || st.SHA == "" {
		// It was configured when the run was planned, or it is not known which
		// commit the run would have been of.
		return t.cfg.Store.Told(ctx, st, "")
	}
	told, err := t.status(ctx, st)
	if err != nil {
		return err
	}
	reply, err := known.SetStatus(ctx, st.Repository, st.SHA, told, st.Reply)
	if err == nil {
		t.cfg.Count(st.Vendor, "told")
		return t.cfg.Store.Told(ctx, st, reply)
	}
	if ctx.Err() != nil {
		return nil // the lease ends by itself
	}
	return t.failed(ctx, st, &event.Event, err)
}

// failed says why a forge was not told, once for each reason, and whether it is
// worth another try.
func (t *Teller) failed(ctx context.Context, st *store.Status, event *events.Event, cause error) error {
	log := t.cfg.Log.With("run", st.RunNumber, runs.Log(event), "status", contextOf(st))
	limit, limited := errors.AsType[*forge.LimitError](cause)
	permission, denied := errors.AsType[*forge.PermissionError](cause)
	again := min(firstPause<<min(st.Tries, 16), lastPause)
	switch {
	case limited:
		t.cfg.Count(st.Vendor, "limited")
		t.once(limit.Error(), func() { log.Warn("the forge wants no statuses for a while; they are told later", "error", cause) })
		return t.cfg.Store.TellLater(ctx, st, max(time.Until(limit.Until), firstPause))
	case denied && !permission.Stops(), errors.Is(cause, forge.ErrNotFound):
		// It would be refused again, and the next status of the repository
		// will show whether that has changed.
		t.cfg.Count(st.Vendor, "refused")
		t.once(st.Repository+" "+cause.Error(), func() { log.Warn("the forge takes no status of this repository", "error", cause) })
		return t.cfg.Store.Told(ctx, st, "")
	case st.Tries+1 >= maxTries:
		t.cfg.Count(st.Vendor, "failed")
		log.Error("the forge was not told, and will not be", "tries", st.Tries+1, "error", cause)
		return t.cfg.Store.Told(ctx, st, "")
	}
	t.cfg.Count(st.Vendor, "failed")
	t.once(st.Repository+" "+cause.Error(), func() { log.Warn("the forge was not told; trying again", "error", cause) })
	return t.cfg.Store.TellLater(ctx, st, again)
}

// once says what was not said before.
func (t *Teller) once(what string, say func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.said[what] {
		return
	}
	if len(t.said) >= remembered {
		clear(t.said)
	}
	t.said[what] = true
	say()
}

// Context names the status of a function: pocketci/MODULE/FUNCTION.
func Context(module, function string) string {
	return forge.ContextPrefix + module + "/" + function
}

// PlanContext names the status of the planning of a run.
const PlanContext = forge.ContextPrefix + "plan"

func contextOf(st *store.Status) string {
	switch {
	case st.Module == "":
		return PlanContext
	case st.Function == "": // the module could not be loaded
		return forge.ContextPrefix + st.Module
	}
	return Context(st.Module, st.Function)
}

// status is what a forge is told of a row of the store.
func (t *Teller) status(ctx context.Context, st *store.Status) (forge.Status, error) {
	s := forge.Status{
		Context: contextOf(st), ExternalID: st.Call, URL: t.cfg.RunURL(st.RunNumber), Started: st.StartedAt, Ended: st.EndedAt,
	}
	s.State, s.Description = describe(st)
	if st.Call == "" || !st.State.Final() {
		return s, nil
	}
	var result runs.Result
	// What cannot be read is shown without it.
	_ = json.Unmarshal(st.Result, &result)
	if st.State == store.StateSucceeded {
		s.Summary = summary(st, s.URL, result.Output)
		return s, nil
	}
	printed, err := t.printed(ctx, st)
	if err != nil {
		return s, err
	}
	s.Summary = summary(st, s.URL, result.Error, result.Output, printed)
	if t.cfg.Annotate == nil {
		return s, nil
	}
	run, err := t.cfg.Store.Run(ctx, st.Run)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return s, err
	}
	if record, err := runs.ReadRecord(run.Plan); err == nil {
		s.Annotations = t.cfg.Annotate(printed+"\n"+result.Output+"\n"+result.Error, record.Changes().Files)
	}
	return s, nil
}

// describe puts a state into a forge's words.
func describe(st *store.Status) (forge.State, string) {
	planning := st.Call == "" && st.Function == ""
	switch st.State {
	case store.StateQueued:
		if planning {
			return forge.StatePending, "waits to be planned"
		}
		return forge.StatePending, "waits for its turn"
	case store.StateRunning:
		return forge.StateRunning, "runs"
	case store.StateWaiting:
		return forge.StatePending, oneLine("waits for an approval: ", st.Reason)
	case store.StateSucceeded:
		if planning {
			return forge.StateSucceeded, "planned"
		}
		return forge.StateSucceeded, "succeeded in " + took(st)
	case store.StateSkipped:
		if st.Call != "" {
			// What it comes after did not succeed, so that neither has this.
			return forge.StateAborted, oneLine("not called: ", st.Reason)
		}
		return forge.StateSkipped, oneLine("skipped: ", st.Reason)
	case store.StateAborted:
		return forge.StateAborted, oneLine("", st.Reason)
	}
	return forge.StateFailed, oneLine("", st.Reason)
}

func took(st *store.Status) string {
	if st.StartedAt.IsZero() || st.EndedAt.Before(st.StartedAt) {
		return "no time"
	}
	d := st.EndedAt.Sub(st.StartedAt)
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// oneLine is the first line of a reason behind a word.
func oneLine(word, reason string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(reason), "\n")
	if line == "" {
		line = "no reason is known"
	}
	return word + line
}
