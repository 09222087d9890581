package converge

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/franela/pocketci/internal/signed/fetch"
)

// accept takes a token that was pushed, and runs its pattern.
func (s *source) accept(ctx context.Context, text string, t trigger, dry bool) (reply Reply, err error) {
	err = s.exclusive(ctx, func() error {
		c, err := s.examine(ctx, text, t.kind)
		if errors.Is(err, errUnchanged) && !dry {
			c, err = s.begun(ctx, err)
			if err == nil {
				reply, err = s.run(c, t)
				return err
			}
		}
		if err != nil {
			s.process.metrics.refused(s.conf.Name, err)
			s.log.Warn("a token was refused", "trigger", t.kind, "error", err)
			return err
		}
		if dry {
			reply, err = s.dry(c, t)
			return err
		}
		reply, err = s.take(c, t)
		return err
	})
	return reply, err
}

// begun returns the pattern of the token that was accepted last if it has not begun to
// be applied, which sending the token once more is for; else the refusal.
func (s *source) begun(ctx context.Context, refusal error) (*candidate, error) {
	state, err := s.journal.Load()
	if err != nil {
		return nil, err
	}
	owed, err := s.owed(state)
	if err != nil {
		return nil, err
	}
	if !owed {
		return nil, refusal
	}
	return s.restore(ctx)
}

// take keeps a token that was examined, and runs its pattern.
func (s *source) take(c *candidate, t trigger) (reply Reply, err error) {
	if !s.process.DryRun {
		if err := s.saveKept(c.next); err != nil {
			return Reply{}, err
		}
		s.log.Info("a token was accepted", "trigger", t.kind, "token", c.token.ID, "key", c.token.Key.ID)
		if s.conf.TriggerOnly {
			reply.empty()
			reply.Note = "the pattern is kept and runs when it is triggered"
			return reply, nil
		}
	}
	return s.run(c, t)
}

func (s *source) dry(c *candidate, t trigger) (Reply, error) {
	state, err := s.journal.Load()
	if err != nil {
		return Reply{}, err
	}
	result, err := s.applier().Preview(s.process.abort, state, s.order(c, t))
	return Reply{Result: result}, err
}

// refusedError says that the token at a place is not accepted. Another place may have a
// good one.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// pull looks for a token at the places, in their order up to the first that has a good
// one, or the one that was accepted last. What is not new is not run again, but for a
// pattern whose last run failed, or did not begin.
func (s *source) pull(ctx context.Context) (reply Reply, err error) {
	var failed []error
	for i, place := range s.conf.Pull {
		text, err := s.places[i].Read(ctx, place.URL)
		if err == nil {
			err = s.exclusive(ctx, func() (err error) {
				reply, err = s.pulled(ctx, strings.TrimSpace(text))
				return err
			})
			if _, refused := errors.AsType[*refusedError](err); !refused {
				s.complain(failed)
				return reply, err
			}
		}
		if ctx.Err() != nil {
			return Reply{}, context.Cause(ctx)
		}
		s.process.metrics.refused(s.conf.Name, err)
		failed = append(failed, fmt.Errorf("pull from %s: %w", fetch.Shown(place.URL), err))
	}
	s.complained = ""
	return Reply{}, errors.Join(failed...)
}

// complain logs what is wrong with places although another one serves. What is the
// same as before is not said again.
func (s *source) complain(failed []error) {
	text := ""
	if err := errors.Join(failed...); err != nil {
		text = err.Error()
	}
	if text != "" && text != s.complained {
		s.log.Warn("a place has no good token, and another one serves", "error", text)
	}
	s.complained = text
}

// pulled takes the token of a place.
func (s *source) pulled(ctx context.Context, text string) (Reply, error) {
	c, err := s.examine(ctx, text, triggerPull)
	switch {
	case errors.Is(err, errUnchanged):
		return s.unchanged(ctx)
	case err != nil:
		return Reply{}, &refusedError{err}
	}
	state, err := s.journal.Load()
	if err != nil {
		return Reply{}, err
	}
	if state.Pattern == c.files.Digest() && state.Run == nil && state.Last.Err == "" && !s.process.DryRun && !s.conf.CheckOnly {
		// Signed anew, and nothing else.
		reply := Reply{Note: "the pattern is the one that is applied"}
		reply.empty()
		return reply, s.saveKept(c.next)
	}
	return s.take(c, trigger{kind: triggerPull})
}

// unchanged runs a pattern again only if its last run did not succeed, or has not
// begun.
func (s *source) unchanged(ctx context.Context) (Reply, error) {
	state, err := s.journal.Load()
	if err != nil {
		return Reply{}, err
	}
	owed, err := s.owed(state)
	if err != nil {
		return Reply{}, err
	}
	reply := Reply{Note: "nothing new"}
	reply.empty()
	if s.conf.TriggerOnly || !owed && state.Run == nil && (state.Last == nil || state.Last.Err == "") && !s.process.DryRun {
		return reply, nil
	}
	c, err := s.present(ctx)
	if err != nil || c == nil {
		return reply, err
	}
	return s.run(c, trigger{kind: triggerPull})
}
