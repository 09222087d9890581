package converge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/converge/pattern"
	"github.com/franela/pocketci/internal/signed"
)

// errUnchanged says that a token is the one that was accepted last.
var errUnchanged = errors.New("the token is the one that was accepted last")

// patternError says that a token is accepted as such and its pattern cannot be
// applied here.
type patternError struct{ err error }

func (e *patternError) Error() string { return e.err.Error() }
func (e *patternError) Unwrap() error { return e.err }

// candidate is a pattern that may be applied.
type candidate struct {
	files   pattern.Files
	pattern *pattern.Pattern
	// token is nil for a pattern of this host. next is what is kept if the token
	// is accepted.
	token *signed.Token
	next  kept
}

// verify proves a token with the present keys.
func (s *source) verify(text string) (*signed.Token, error) {
	return signed.Verify(text, signed.Rules{
		Source: s.conf.Name, Keys: s.conf.Keys, AllowNoExpiry: s.conf.AllowNoExpiry, Now: s.process.Now(),
	})
}

// examine proves a token that comes from outside, and reads its pattern. Nothing is
// kept of it yet.
func (s *source) examine(ctx context.Context, text, from string) (*candidate, error) {
	k, err := s.loadKept()
	if err != nil {
		return nil, err
	}
	token, err := s.verify(text)
	if err != nil {
		return nil, err
	}
	next, err := k.Guard.Admit(token, s.conf.AllowOlder, s.process.Now())
	if err != nil {
		if token.Hash == k.Guard.Last {
			err = fmt.Errorf("%w (%w)", err, errUnchanged)
		}
		return nil, err
	}
	c, err := s.read(ctx, token)
	if err != nil {
		return nil, err
	}
	c.next = kept{Token: text, Guard: next, AcceptedAt: s.process.Now(), From: from, Pattern: c.files.Digest()}
	return c, nil
}

// restore proves the token that was accepted last again.
func (s *source) restore(ctx context.Context) (*candidate, error) {
	k, err := s.loadKept()
	if err != nil || k.Token == "" {
		return nil, err
	}
	token, err := s.verify(k.Token)
	if err != nil {
		return nil, fmt.Errorf("the token that was accepted last does not hold any more: %w", err)
	}
	c, err := s.read(ctx, token)
	if err != nil {
		return nil, err
	}
	c.next = k
	return c, nil
}

// read reads the pattern of a token that was verified.
func (s *source) read(ctx context.Context, token *signed.Token) (*candidate, error) {
	if token.Pattern == nil {
		return nil, &patternError{errors.New("the token has no pattern")}
	}
	files, ok, err := signed.ReadFiles(token.Pattern)
	if err != nil {
		return nil, &patternError{err}
	}
	c := &candidate{token: token, files: pattern.Files(files)}
	if !ok {
		const name = "pattern.json"
		c.files = pattern.Files{Entrypoint: name, Files: map[string]string{name: string(token.Pattern)}}
	}
	return c, s.render(ctx, c)
}

func (s *source) render(ctx context.Context, c *candidate) error {
	var err error
	if c.pattern, err = s.process.Renderer.Render(ctx, &c.files, s.readable()); err != nil {
		return &patternError{err}
	}
	host := s.host()
	if err := host.Check(c.pattern.Commands); err != nil {
		return &patternError{err}
	}
	return nil
}

// local reads the pattern of this host.
func (s *source) local(ctx context.Context) (*candidate, error) {
	files, err := pattern.Pack(s.root(), s.conf.Pattern)
	if err != nil {
		return nil, &patternError{err}
	}
	c := &candidate{files: files}
	return c, s.render(ctx, c)
}

// cause is what a token's payload says about the event that it was signed for.
func (c *candidate) cause() (id string, depth int) {
	if c.token == nil || c.token.Payload == nil {
		return "", 0
	}
	var payload struct {
		Cause string `json:"cause"`
		Depth int    `json:"depth"`
	}
	// A payload may be anything; one that is something else names no cause.
	if json.Unmarshal(c.token.Payload, &payload) != nil || payload.Cause == "" || events.CheckText(payload.Cause) != nil {
		return "", 0
	}
	return payload.Cause, max(payload.Depth, 0) + 1
}

// IsPattern reports whether an error is of a pattern that cannot be applied, not of a
// run.
func IsPattern(err error) bool {
	_, ok := errors.AsType[*patternError](err)
	return ok
}
