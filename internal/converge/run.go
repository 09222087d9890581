package converge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/franela/pocketci/internal/converge/apply"
)

// The triggers of runs.
const (
	triggerPush    = "push"
	triggerPull    = "pull"
	triggerStart   = "start"
	triggerRepeat  = "repeat"
	triggerWebhook = "webhook"
	triggerEvent   = "event"
	triggerLocal   = "local"
)

// trigger is why a source runs, and what comes with that.
type trigger struct {
	kind string
	// env and stdin are what was sent. They are data for the commands.
	env   []string
	stdin []byte
	// depth is how many events led to this one.
	depth int
}

// run applies a pattern, whoever calls it having the source for itself. The error is
// of a run that did not come to its end and goes on later.
func (s *source) run(c *candidate, t trigger) (Reply, error) {
	state, err := s.journal.Load()
	if err != nil {
		return Reply{}, err
	}
	order := s.order(c, t)
	a := s.applier()
	if s.process.DryRun || s.conf.CheckOnly {
		return s.onlyCheck(a, state, order)
	}
	began := s.process.Now()
	a.Save = func(state *apply.State) error {
		if state.Run == nil && state.Last != nil && state.Last.ID != "" {
			// It is told before the run counts as ended: a run that was cut off
			// here is told again, under the same id.
			if err := s.report(c, state.Last); err != nil {
				return err
			}
		}
		return s.journal.Save(state)
	}
	asked := slices.Contains([]string{triggerPush, triggerWebhook, triggerEvent}, t.kind)
	if asked && state.Run != nil && state.Run.Pattern == order.Pattern {
		// What it was for comes first, and what is asked for now after it.
		s.log.Info("a run that was cut off goes on", "run", state.Run.ID, "trigger", state.Run.Trigger)
		if err := a.Apply(s.process.abort, s.process.stop, state, order); err != nil {
			return Reply{}, err
		}
		s.ended(state.Last, began)
		s.emit(state.Last.Events, t.depth)
	}
	if err := a.Apply(s.process.abort, s.process.stop, state, order); err != nil {
		s.log.Warn("a run did not come to its end and goes on later", "trigger", t.kind, "error", err)
		return Reply{}, err
	}
	s.ended(state.Last, began)
	s.emit(state.Last.Events, t.depth)
	return Reply{Result: state.Last.Result, Run: state.Last.ID}, nil
}

// ended counts and logs a run that came to its end.
func (s *source) ended(last *apply.Run, began time.Time) {
	now := s.process.Now()
	s.process.metrics.run(s.conf.Name, last.Trigger, &last.Result, now.Sub(began), now)
	log := s.log.With("run", last.ID, "trigger", last.Trigger, "changed", len(last.Changed), "removed", len(last.Removed))
	if last.Err != "" {
		log.Error("a run failed", "exit", last.Exit, "error", last.Err)
	} else {
		log.Info("a run ended")
	}
}

// onlyCheck says what a run would change. A source that only checks keeps the result
// as that of a run.
func (s *source) onlyCheck(a *apply.Applier, state *apply.State, order *apply.Order) (Reply, error) {
	began := s.process.Now()
	result, err := a.Preview(s.process.abort, state, order)
	if err != nil || s.process.DryRun {
		return Reply{Result: result}, err
	}
	ended := s.process.Now()
	state.Last = &apply.Run{ID: order.ID, Trigger: order.Trigger, Pattern: order.Pattern, BeganAt: began, EndedAt: ended, Result: result}
	s.process.metrics.run(s.conf.Name, order.Trigger, &result, ended.Sub(began), ended)
	s.log.Info("a run only checked", "run", order.ID, "would-change", len(result.Changed), "would-remove", len(result.Removed), "error", result.Err)
	return Reply{Result: result, Run: order.ID}, s.journal.Save(state)
}

func (s *source) order(c *candidate, t trigger) *apply.Order {
	env := slices.Concat(t.env, []string{"POCKETCI_SOURCE=" + s.conf.Name, "POCKETCI_TRIGGER=" + t.kind})
	stdin := t.stdin
	if c.token != nil {
		env = append(env,
			"POCKETCI_TOKEN_ID="+c.token.ID, "POCKETCI_TOKEN_ISSUER="+c.token.Issuer,
			"POCKETCI_TOKEN_SUBJECT="+c.token.Subject, "POCKETCI_KEY_ID="+c.token.Key.ID)
		if stdin == nil && c.token.Payload != nil {
			stdin = c.token.Payload
		}
	}
	for i, entry := range env {
		env[i] = plain(entry)
	}
	return &apply.Order{
		ID: uuid.Must(uuid.NewV7()).String(), Trigger: t.kind, Pattern: c.files.Digest(), Commands: c.pattern.Commands, Keep: s.conf.Keep,
		Env: env, Stdin: stdin, Now: s.process.Now,
	}
}

// plain is a text without the zero bytes that no variable can have.
func plain(text string) string {
	b := slices.DeleteFunc([]byte(text), func(c byte) bool { return c == 0 })
	return string(b)
}

// again runs what was accepted last, once its token is proven again. What is not
// proven is not run; what it left on the host is taken back once another pattern is
// accepted.
func (s *source) again(ctx context.Context, t trigger) (reply Reply, err error) {
	err = s.exclusive(ctx, func() error {
		c, err := s.present(ctx)
		switch {
		case err != nil:
			return s.abandon(err)
		case c == nil:
			reply.empty()
			reply.Note = "no pattern was accepted yet"
			return nil
		}
		reply, err = s.run(c, t)
		return err
	})
	return reply, err
}

// present is the pattern that holds, nil if there is none.
func (s *source) present(ctx context.Context) (*candidate, error) {
	if s.conf.Pattern != "" {
		return s.local(ctx)
	}
	return s.restore(ctx)
}

// abandon ends a run that was cut off and cannot go on.
func (s *source) abandon(cause error) error {
	s.process.metrics.refused(s.conf.Name, cause)
	if s.process.DryRun {
		return cause
	}
	state, err := s.journal.Load()
	if err != nil || state.Run == nil {
		return errors.Join(cause, err)
	}
	state.Abandon(cause.Error(), s.process.Now())
	if err := s.report(nil, state.Last); err != nil {
		return errors.Join(cause, err)
	}
	if err := s.journal.Save(state); err != nil {
		return errors.Join(cause, err)
	}
	return fmt.Errorf("a run that was cut off does not go on: %w", cause)
}
