package converge

import (
	"context"
	"errors"
)

// accept takes a token that was pushed, and runs its pattern.
func (s *source) accept(ctx context.Context, text string, t trigger, dry bool) (reply Reply, err error) {
	err = s.exclusive(ctx, func() error {
		c, err := s.examine(ctx, text, t.kind)
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

// pull asks the places for a token. What is not new is not run again, but for a pattern
// whose last run failed.
func (s *source) pull(ctx context.Context) (reply Reply, err error) {
	text, err := s.fetch(ctx)
	if err != nil {
		return Reply{}, err
	}
	err = s.exclusive(ctx, func() error {
		reply, err = s.pulled(ctx, text)
		return err
	})
	return reply, err
}

func (s *source) pulled(ctx context.Context, texts []string) (Reply, error) {
	if len(texts) == 0 {
		return s.unchanged(ctx)
	}
	var refused []error
	for _, text := range texts {
		c, err := s.examine(ctx, text, triggerPull)
		switch {
		case errors.Is(err, errUnchanged):
			return s.unchanged(ctx)
		case err != nil:
			s.process.metrics.refused(s.conf.Name, err)
			refused = append(refused, err)
			continue
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
	return Reply{}, errors.Join(refused...)
}

// unchanged runs a pattern again only if its last run did not succeed.
func (s *source) unchanged(ctx context.Context) (Reply, error) {
	state, err := s.journal.Load()
	if err != nil {
		return Reply{}, err
	}
	reply := Reply{Note: "nothing new"}
	reply.empty()
	if s.conf.TriggerOnly || state.Run == nil && (state.Last == nil || state.Last.Err == "") && !s.process.DryRun {
		return reply, nil
	}
	c, err := s.present(ctx)
	if err != nil || c == nil {
		return reply, err
	}
	return s.run(c, trigger{kind: triggerPull})
}
