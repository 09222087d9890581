package apply

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/franela/pocketci/internal/converge/pattern"
)

// ErrStopped says that a run was told to stop between two commands. Its state is that
// of a run which was cut off.
var ErrStopped = errors.New("the run stopped between two commands")

// Applier applies patterns.
type Applier struct {
	Host Host
	// Save keeps the state. It is called before and after each action that
	// changes the host.
	Save func(*State) error
	// Count, if it is not nil, is told each action that was run.
	Count func(Outcome)
	Log   *slog.Logger
}

// Order is what a run is for.
type Order struct {
	// ID, Trigger and Pattern are those of [Run].
	ID, Trigger, Pattern string
	Commands             []pattern.Command
	// Keep has nothing removed.
	Keep bool
	// Env are variables about the run, and Stdin what was sent to it.
	Env   []string
	Stdin []byte
	// Now is when it is; it is asked at the beginning and the end.
	Now func() time.Time
}

// run is a run that is going on.
type run struct {
	*Applier
	state *State
	order *Order
	// stop ends the run between two commands.
	stop context.Context
	// results are the variables that tell what came of commands.
	results []string
	// kept is how much output the result has.
	kept int
}

// maxKept is how much output a result has; after that there are last lines only.
const maxKept = 128 << 10

// Apply brings about a pattern, and ends the run in the state. What a command says is
// in the run's result. An error is one of the state that could not be kept, or
// [ErrStopped], or that ctx is done: then the run has not ended and goes on with the
// next call for the same pattern, with what it was given at first. When ctx is done the action that runs is cut off.
func (a *Applier) Apply(ctx, stop context.Context, state *State, order *Order) error {
	given := *order
	if state.Run == nil || state.Run.Pattern != order.Pattern {
		state.Run = &Run{
			ID: order.ID, Trigger: order.Trigger, Pattern: order.Pattern, BeganAt: order.Now(), Input: &Input{order.Env, order.Stdin},
			Result: Result{Changed: []string{}, Removed: []string{}},
		}
	} else {
		state.Run.Resumed++
		// The failure of a run that was cut off amid its end is not this one's.
		state.Run.Err, state.Run.Exit = "", 0
		if in := state.Run.Input; in != nil {
			given.Env, given.Stdin = in.Env, in.Stdin
		}
	}
	r := &run{Applier: a, state: state, order: &given, stop: stop}
	if err := r.all(ctx); err != nil {
		return err
	}
	state.Run.EndedAt = order.Now()
	state.Last, state.Run = state.Run, nil
	state.Last.Input = nil
	if state.Last.Err == "" {
		state.Pattern = order.Pattern
		r.sort()
	}
	return a.Save(state)
}

// Abandon ends a run that was cut off and will not go on.
func (s *State) Abandon(reason string, now time.Time) {
	if s.Run != nil {
		s.Run.fail("the run was cut off and does not go on: "+reason, 1)
		s.Run.EndedAt = now
		s.Last, s.Run = s.Run, nil
		s.Last.Input = nil
	}
}

// all returns an error for what ends the run without a result.
func (r *run) all(ctx context.Context) error {
	if err := r.Host.Check(r.order.Commands); err != nil {
		r.state.Run.fail(err.Error(), 1)
		return nil
	}
	before, err := r.prepare()
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return r.removeAll(ctx, before) },
		r.changeAll,
		r.removeLeaving,
	} {
		if err := step(ctx); err != nil || r.state.Run.Err != "" {
			return err
		}
	}
	return nil
}

// prepare writes down what the run is going to do, and returns what is removed before
// its changes.
func (r *run) prepare() ([]string, error) {
	s := r.state
	d := Compare(s.Applied, r.order.Commands, r.order.Keep)
	if s.Pending == nil {
		s.Pending = map[string]string{}
	}
	for id := range s.Pending {
		if !slices.ContainsFunc(r.order.Commands, func(c pattern.Command) bool { return c.ID == id }) {
			delete(s.Pending, id)
		}
	}
	for _, id := range d.Replaced {
		s.Pending[id] = "it is written otherwise than before"
	}
	for _, e := range s.Applied {
		if e.Begun && s.Pending[e.ID] == "" && slices.ContainsFunc(r.order.Commands, func(c pattern.Command) bool { return c.ID == e.ID }) {
			s.Pending[e.ID] = "its change began and was not seen to succeed"
		}
	}
	for _, e := range d.RemoveAfter {
		s.Leaving = append(s.Leaving, e)
		s.Applied = without(s.Applied, e.ID)
	}
	for _, id := range d.Forget {
		s.Applied = without(s.Applied, id)
	}
	if r.order.Keep {
		s.Leaving = nil
	}
	var ids []string
	for _, e := range d.Remove {
		ids = append(ids, e.ID)
	}
	return ids, r.Save(s)
}

// sort puts what is in effect into the order of the pattern, in which it is removed
// one day.
func (r *run) sort() {
	place := map[string]int{}
	for i := range r.order.Commands {
		place[r.order.Commands[i].ID] = i
	}
	slices.SortStableFunc(r.state.Applied, func(a, b Entry) int { return place[a.ID] - place[b.ID] })
}

// act runs one action and records what came of it.
func (r *run) act(ctx context.Context, c *pattern.Command, mode string, a *pattern.Action, why string) (done, error) {
	if r.stop.Err() != nil {
		return done{}, ErrStopped
	}
	d := r.Host.run(ctx, c, a, r.environment(c, mode), r.order.Stdin)
	if ctx.Err() != nil {
		return d, fmt.Errorf("the run was cut off in %q: %w", c.ID, context.Cause(ctx))
	}
	o := Outcome{ID: c.ID, Mode: mode, Why: why, Exit: d.exit, Output: d.tail, Seconds: d.took.Seconds()}
	switch {
	case d.err != nil:
		o.Error = d.err.Error()
	case d.exit != 0 && mode != ModeCheck:
		o.Error = fmt.Sprintf("exit status %d", d.exit)
	}
	if mode == ModeCheck || r.kept > maxKept {
		o.Output = lastLine(o.Output)
	}
	r.kept += len(o.Output)
	r.state.Run.Commands = append(r.state.Run.Commands, o)
	if r.Count != nil {
		r.Count(o)
	}
	if o.Error != "" {
		message := fmt.Sprintf("%s of %q: %s", mode, c.ID, o.Error)
		if line := lastLine(d.tail); line != "" {
			message += ": " + line
		}
		r.state.Run.fail(message, max(d.exit, 0))
		r.Log.Warn("a command failed", "run", r.state.Run.ID, "command", c.ID, "mode", mode, "error", o.Error)
	} else {
		r.Log.Debug("command", "run", r.state.Run.ID, "command", c.ID, "mode", mode, "exit", d.exit)
	}
	r.remember(c, mode, d)
	return d, nil
}

// without returns a list without the first entry of that id.
func without(list []Entry, id string) []Entry {
	if at := find(list, id); at >= 0 {
		return slices.Delete(slices.Clone(list), at, at+1)
	}
	return list
}

func find(list []Entry, id string) int {
	return slices.IndexFunc(list, func(e Entry) bool { return e.ID == id })
}
