// Package tokens is the source of signed tokens (see package signed): those that are
// pushed to the agent, and those that it pulls from files and https addresses. Who
// may sign for which source stands in agent.yaml.
package tokens

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/signed/fetch"
)

// Kind is that of all sources of signed tokens. What a source has accepted is one
// position, whichever way it came.
const Kind = "signed"

// The names of events.
const (
	// NamePush is a token that was sent.
	NamePush = "push"
	// NamePull is a token that was fetched.
	NamePull = "pull"
)

// Options are what sources have in common.
type Options struct {
	// Aim has an event belong to a target; it is [targets.Resolver.Aim].
	Aim func(context.Context, settings.Target, *events.Event) error
	// Secret returns a value of agent.yaml.
	Secret func(settings.Secret) (string, error)
	// Transport makes requests; nil is one of the standard library's.
	Transport http.RoundTripper
}

// Source is one source. It may be used from several goroutines.
type Source struct {
	conf  settings.SignedSource
	aim   func(context.Context, settings.Target, *events.Event) error
	files *fetch.Fetcher
	// same is the same for sources that are configured alike.
	same string
}

// New returns a source. The error is that of a secret without a value.
func New(conf settings.SignedSource, o Options) (*Source, error) {
	s := &Source{conf: conf, aim: o.Aim}
	if conf.Pull != nil {
		headers := http.Header{}
		for name, secret := range conf.Pull.Headers {
			value, err := o.Secret(secret)
			if err != nil {
				return nil, fmt.Errorf("the header %s of the source %s of signed tokens: %w", name, conf.Name, err)
			}
			headers.Set(name, value)
		}
		s.files = fetch.New(o.Transport, headers)
		conf.Line, conf.Calls.Line = 0, 0
		conf.Pull = &settings.SignedPull{Paths: conf.Pull.Paths, Every: conf.Pull.Every}
		text, err := json.Marshal(struct {
			Conf    settings.SignedSource
			Keys    string
			Headers http.Header
		}{conf, fmt.Sprint(conf.Keys), headers})
		if err != nil {
			return nil, fmt.Errorf("write the source %s of signed tokens: %w", conf.Name, err)
		}
		s.same = fmt.Sprintf("%x", sha256.Sum256(text))
	}
	return s, nil
}

// Configuration is that of a [poll.Configured]. It tells no secret.
func (s *Source) Configuration() string { return s.same }

// Kind is that of [poll.Source].
func (s *Source) Kind() string { return Kind }

// Name is the source's name in agent.yaml.
func (s *Source) Name() string { return s.conf.Name }

// Filters is that of [poll.Filtered].
func (s *Source) Filters() []predicate.Filter { return s.conf.Filters }

// Pulls reports whether the source is one that has to be asked.
func (s *Source) Pulls() bool { return s.conf.Pull != nil }

func (s *Source) rules(now time.Time) signed.Rules {
	return signed.Rules{Source: s.conf.Name, Keys: s.conf.Keys, AllowNoExpiry: s.conf.AllowNoExpiry, Now: now}
}

// payload is what functions read of a token. The token itself is none of their
// business: with it, one could push.
type payload struct {
	// Key is the public key that signed it, with its id.
	Key string `json:"key"`
	// Claims are all of its claims as they were signed.
	Claims json.RawMessage `json:"claims"`
}

// event makes the event of a token that is accepted.
func (s *Source) event(ctx context.Context, name string, t *signed.Token) (events.Event, error) {
	text, err := json.Marshal(payload{t.Key.String(), t.Raw})
	if err != nil {
		return events.Event{}, fmt.Errorf("write the claims: %w", err)
	}
	e := events.Event{
		Vendor: events.VendorSigned, Name: name, Kind: name, Filter: s.conf.Name, Delivery: t.ID, Trusted: true,
		OccurredAt: t.IssuedAt, Module: t.Module, Payload: text,
	}
	if err := s.aim(ctx, s.conf.Calls, &e); err != nil {
		return events.Event{}, err
	}
	return e, nil
}

var (
	_ poll.Filtered   = (*Source)(nil)
	_ poll.Configured = (*Source)(nil)
)
