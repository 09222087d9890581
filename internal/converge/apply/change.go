package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/franela/pocketci/internal/converge/pattern"
)

// changeAll checks all commands in order, and changes those that have to.
func (r *run) changeAll(ctx context.Context) error {
	for i := range r.order.Commands {
		c := &r.order.Commands[i]
		why, err := r.wanted(ctx, c)
		switch {
		case err != nil:
			return err
		case r.state.Run.Err != "":
			return r.handle(ctx, c)
		case why == "":
			continue
		}
		if err := r.change(ctx, c, why, false); err != nil {
			return err
		}
		if r.state.Run.Err != "" {
			return r.handle(ctx, c)
		}
	}
	return nil
}

// wanted returns why a command changes, empty if it does not.
func (r *run) wanted(ctx context.Context, c *pattern.Command) (string, error) {
	needed := ""
	if c.Check != nil {
		d, err := r.act(ctx, c, ModeCheck, c.Check, "")
		if err != nil || d.err != nil {
			return "", err
		}
		if d.exit != 0 {
			needed = "its check asks for it"
		}
	}
	switch pending := r.state.Pending[c.ID]; {
	case c.Change == nil && needed != "":
		message := fmt.Sprintf("check of %q: exit status %d, and it has no change", c.ID, r.last().Exit)
		if line := lastLine(r.last().Output); line != "" {
			message += ": " + line
		}
		r.state.Run.fail(message, r.last().Exit)
		return "", nil
	case c.Change == nil:
		return "", nil
	case pending != "":
		return pending, nil
	case c.Always && !r.repeated(c.ID):
		return "always", nil
	case needed != "":
		return needed, nil
	}
	// It is in effect, as far as can be seen, and may be written otherwise now
	// in what does not count as a change.
	at := find(r.state.Applied, c.ID)
	switch {
	case at >= 0:
		r.state.Applied[at] = Entry{Command: *c}
	case c.Check != nil:
		r.state.Applied = append(r.state.Applied, Entry{Command: *c})
	}
	return "", nil
}

// repeated reports whether a command has changed in this run before it was cut off.
func (r *run) repeated(id string) bool {
	return r.state.Run.Resumed > 0 && slices.Contains(r.state.Run.Changed, id)
}

func (r *run) last() Outcome { return r.state.Run.Commands[len(r.state.Run.Commands)-1] }

// change runs the change of a command. What is only for the failure of another one
// is not made again when it was cut off or failed itself.
func (r *run) change(ctx context.Context, c *pattern.Command, why string, failure bool) error {
	at := find(r.state.Applied, c.ID)
	if at < 0 {
		r.state.Applied = append(r.state.Applied, Entry{})
		at = len(r.state.Applied) - 1
	}
	// From here on it may have left something behind, which it is the new
	// remove's work to take back.
	r.state.Applied[at] = Entry{Command: *c, Begun: !failure}
	if !failure {
		r.state.Pending[c.ID] = why
	}
	if err := r.Save(r.state); err != nil {
		return err
	}
	d, err := r.act(ctx, c, ModeChange, c.Change, why)
	if err != nil || d.err != nil || d.exit != 0 {
		return err
	}
	run := r.state.Run
	r.state.Applied[at].Begun = false
	delete(r.state.Pending, c.ID)
	for _, id := range c.OnChange {
		if r.state.Pending[id] == "" {
			r.state.Pending[id] = fmt.Sprintf("%q changed", c.ID)
		}
	}
	if !slices.Contains(run.Changed, c.ID) {
		run.Changed = append(run.Changed, c.ID)
	}
	r.emit(c.ChangeEvents)
	if c.Answer != "" && run.Answer == nil {
		run.Answer = &Answer{c.Answer, d.output}
	}
	return r.Save(r.state)
}

// handle runs what a command has for its failure, which stays the failure of the
// run. What it triggers is not asked for its check.
func (r *run) handle(ctx context.Context, failed *pattern.Command) error {
	r.emit(failed.FailEvents)
	for _, id := range failed.OnFail {
		i := slices.IndexFunc(r.order.Commands, func(c pattern.Command) bool { return c.ID == id })
		if err := r.change(ctx, &r.order.Commands[i], fmt.Sprintf("%q failed", failed.ID), true); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) emit(names []string) {
	for _, name := range names {
		if !slices.Contains(r.state.Run.Events, name) {
			r.state.Run.Events = append(r.state.Run.Events, name)
		}
	}
}
