package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

// waiting is how a command goes on that has started a run.
type waiting struct {
	wait, fail, logs, json bool
}

// flags adds the flags that say so.
func (w *waiting) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&w.wait, "wait", false, "follow the run until it has ended")
	f.BoolVar(&w.fail, "fail", false, "exit with 1 unless the run succeeded; implies --wait")
	f.BoolVarP(&w.logs, "logs", "f", false, "print also the calls' logs; implies --wait")
}

// given reports whether the command waits.
func (w *waiting) given() bool { return w.wait || w.fail || w.logs }

// started prints what the agent has answered, or follows the run: progress goes
// to standard error, and what it came to to standard output. The run is named
// as people know it.
func (w *waiting) started(cmd *cobra.Command, c *client.Client, run string, attempt int, answer any, say string) error {
	switch {
	case w.given():
		newScreen(cmd.ErrOrStderr()).printf("%s\n", say)
		return w.follow(cmd, c, run, attempt)
	case w.json:
		return writeJSON(cmd.OutOrStdout(), answer)
	}
	newScreen(cmd.OutOrStdout()).printf("%s\n", say)
	return nil
}

// accepted is started for a new run.
func (w *waiting) accepted(cmd *cobra.Command, c *client.Client, a v1.Accepted) error {
	name := a.Run
	if a.Number > 0 {
		name = strconv.FormatInt(a.Number, 10)
	}
	return w.started(cmd, c, name, 1, a, fmt.Sprintf("run %s of event %s", name, a.Event))
}

// follow shows the states of a run and its calls as they change, and prints
// the run at the end.
func (w *waiting) follow(cmd *cobra.Command, c *client.Client, run string, attempt int) error {
	retry := retrying(cmd, c)
	live := &progress{s: newScreen(cmd.ErrOrStderr()), states: map[string]string{}}
	f := newFollower(cmd.Context(), c, &logPrinter{w: cmd.ErrOrStderr(), notes: live.s, prefix: true}, retry)
	var last v1.Run
	for r, err := range c.WatchRun(f.ctx, run, attempt, retry) {
		if err != nil {
			err = f.end(err)
			if cmd.Context().Err() != nil {
				return &exitError{code: exitFailed, message: "the run goes on; end it with: pocketci abort " + run}
			}
			return err
		}
		last = r
		live.show(&r)
		if w.logs {
			f.see(&r)
		}
	}
	if err := f.end(nil); err != nil {
		return interrupted(cmd, err)
	}
	// The stream may leave out what only the answer for one run has.
	final, err := c.Run(cmd.Context(), run)
	if err != nil {
		return err
	}
	if w.json {
		err = writeJSON(cmd.OutOrStdout(), final)
	} else {
		newScreen(cmd.OutOrStdout()).tree(&final)
	}
	if err == nil && w.fail && last.State != "succeeded" {
		return &exitError{code: exitFailed}
	}
	return err
}

// progress says what changes in a run.
type progress struct {
	s *screen
	// states are the last ones that were shown, by the ids of runs and calls.
	states map[string]string
}

func (p *progress) show(r *v1.Run) {
	for i := range r.Calls {
		call := &r.Calls[i]
		if !p.changed(call.ID, call.State, call.Attempt) {
			continue
		}
		text := ""
		if took := p.s.took(call.StartedAt, call.EndedAt); client.Ended(call.State) && took != "" {
			text = " after " + took
		}
		if call.Reason != "" {
			text += ": " + call.Reason
		}
		p.s.printf("%s %s%s\n", qualified(call), state(call.State), text)
	}
	if !p.changed(r.ID, r.State, r.Attempt) {
		return
	}
	text := ""
	if r.Reason != "" {
		text = ": " + r.Reason
	}
	p.s.printf("run %s %s%s\n", strconv.FormatInt(r.Number, 10), state(r.State), text)
	if r.State == "waiting-approval" {
		p.s.printf("look at the commit, then: pocketci approve %s --sha SHA\n", strconv.FormatInt(r.Number, 10))
	}
}

// changed reports whether a state has not been shown yet.
func (p *progress) changed(id, state string, attempt int) bool {
	now := fmt.Sprintf("%s %d", state, attempt)
	if p.states[id] == now {
		return false
	}
	p.states[id] = now
	return true
}
