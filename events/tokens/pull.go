package tokens

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/signed/fetch"
)

// Poll looks for a token that was not accepted yet. The paths are tried in their
// order up to the first one with a token that can be accepted, or with the one that
// was accepted last. What is wrong with those before is an error nonetheless, unless
// there is something new. It looks again after the interval, whatever it found.
func (s *Source) Poll(ctx context.Context, at poll.At) (poll.Found, error) {
	guard, err := signed.ReadGuard(at.Position)
	if err != nil {
		return poll.Found{}, err
	}
	var failed failures
	for _, path := range s.conf.Pull.Paths {
		found, err := s.look(ctx, path, guard, at)
		if ctx.Err() != nil {
			return poll.Found{}, context.Cause(ctx)
		}
		switch {
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", fetch.Shown(path), err))
			continue
		case len(found.Events) == 0 && len(failed) > 0:
			return poll.Found{}, &poll.RetryAfterError{After: s.conf.Pull.Every, Err: failed, Nudged: true}
		}
		found.Next = at.Now.Add(s.conf.Pull.Every)
		return found, nil
	}
	return poll.Found{}, &poll.RetryAfterError{After: s.conf.Pull.Every, Err: failed, Nudged: true}
}

// look reads the token at one path. Nothing is found if it is the last one that was
// accepted.
func (s *Source) look(ctx context.Context, path string, guard signed.Guard, at poll.At) (poll.Found, error) {
	text, err := s.files.Read(ctx, path)
	if err != nil {
		return poll.Found{}, err
	}
	if signed.Hash(text) == guard.Last {
		return poll.Found{}, nil
	}
	token, err := signed.Verify(text, s.rules(at.Now))
	if err != nil {
		return poll.Found{}, err
	}
	next, err := guard.Admit(token, s.conf.AllowOlder, at.Now)
	if err != nil {
		return poll.Found{}, err
	}
	e, err := s.event(ctx, NamePull, token)
	if err != nil {
		return poll.Found{}, err
	}
	position, err := json.Marshal(next)
	if err != nil {
		return poll.Found{}, fmt.Errorf("write which tokens were accepted: %w", err)
	}
	return poll.Found{Position: position, Events: []events.Event{e}}, nil
}

// failures are what is wrong with several paths.
type failures []error

func (f failures) Error() string {
	texts := make([]string, len(f))
	for i, err := range f {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (f failures) Unwrap() []error { return f }
