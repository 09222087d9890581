// Package registries holds the repositories of registries that an agent watches:
// what the poller asks, what people see and change, and the paths that
// registrywatcher had for that.
package registries

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

// Store keeps what is known of watches and their deployments; it is a
// [store.Store].
type Store interface {
	poll.Store
	AdvanceBy(ctx context.Context, by store.Actor, action, detail string, p store.Position, deliveries ...store.Delivery) ([]store.Receipt, int64, error)
	RunOfDelivery(ctx context.Context, hook, delivery string) (store.Run, error)
}

// Config is what a [Set] is made of.
type Config struct {
	Store Store
	// Aim has an event belong to the repository of a target.
	Aim func(ctx context.Context, t settings.Target, e *events.Event) error
	// Nudge has a watch looked at now, and States says how they fare. They are
	// those of a [poll.Poller] for the kind [registry.Kind].
	Nudge  func(name string)
	States func() []poll.State
	// Mask makes the values of secrets unreadable in what registries say. Nil is for
	// those that have none.
	Mask func(string) string
	// Now tells the time; nil is the system's.
	Now func() time.Time
}

// Set is the watches of an agent. Its methods may be called from several
// goroutines.
type Set struct {
	cfg     Config
	watches atomic.Pointer[Watches]
}

// Watches are those of one version of the configuration. They never change.
type Watches struct {
	all []*watched
}

// watched is one watch with what belongs to it.
type watched struct {
	registry.Watch
	// registryName is the name of the registry in the configuration.
	registryName string
	target       settings.Target
	source       *registry.Source
}

// Hook is where the notifications of a registry are received.
type Hook struct {
	// Name is that of the registry.
	Name   string
	Source events.Source
}

// New returns a set without watches.
func New(cfg Config) *Set {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Mask == nil {
		cfg.Mask = func(text string) string { return text }
	}
	s := &Set{cfg: cfg}
	s.watches.Store(&Watches{})
	return s
}

// Prepare makes the watches of a configuration, and changes nothing. Secret returns
// the value of a secret. The hooks nudge once the watches are used.
func (s *Set) Prepare(conf []settings.Registry, secret func(settings.Secret) (string, error)) (*Watches, []Hook, error) {
	var (
		made  Watches
		hooks []Hook
	)
	for _, g := range conf {
		login, err := loginOf(&g, secret)
		if err != nil {
			return nil, nil, fmt.Errorf("read the login of the registry %s: %w", g.Name, err)
		}
		for _, w := range g.Watch {
			one, err := s.watch(&g, &w, login)
			if err != nil {
				return nil, nil, fmt.Errorf("watch %s: %w", w.Name, err)
			}
			made.all = append(made.all, one)
		}
		if g.WebhookSecret == nil {
			continue
		}
		value, err := secret(*g.WebhookSecret)
		if err != nil {
			return nil, nil, err
		}
		source, err := registry.NewNotifications(value, func(repositories []string) { s.nudge(g.Name, repositories) })
		if err != nil {
			return nil, nil, err
		}
		hooks = append(hooks, Hook{g.Name, source})
	}
	return &made, hooks, nil
}

func loginOf(g *settings.Registry, secret func(settings.Secret) (string, error)) (registry.Login, error) {
	login := registry.Login{DockerConfig: g.DockerConfig}
	for to, from := range map[*string]*settings.Secret{&login.Username: g.Username, &login.Token: g.Token} {
		if from == nil {
			continue
		}
		value, err := secret(*from)
		if err != nil {
			return registry.Login{}, err
		}
		*to = value
	}
	return login, nil
}

// watch makes one watch.
func (s *Set) watch(g *settings.Registry, conf *settings.Watch, login registry.Login) (*watched, error) {
	w := registry.Watch{
		Name: conf.Name, Host: g.Host, Repository: conf.Repository, Interval: conf.Interval,
		Rule:   registry.Semver(conf.Versions.Prereleases),
		Pinned: conf.PinnedTag, AutoDeploy: conf.AutoDeploy, Attempts: conf.DeployAttempts,
	}
	var err error
	if conf.Versions.Match != "" {
		if w.Rule, err = registry.Pattern(conf.Versions.Match); err != nil {
			return nil, err
		}
	}
	if conf.IgnoreTags != "" {
		if w.Ignore, err = regexp.Compile(conf.IgnoreTags); err != nil {
			return nil, fmt.Errorf("read ignore-tags: %w", err)
		}
	}
	remote, err := registry.Open(registry.Where{Host: g.Host, Repository: conf.Repository, Insecure: g.Insecure, Login: login})
	if err != nil {
		return nil, err
	}
	target := conf.Calls
	same, err := sameAs(g, conf, login)
	if err != nil {
		return nil, err
	}
	one := &watched{Watch: w, registryName: g.Name, target: target}
	one.source = &registry.Source{
		Watch: w, Registry: remote, Conditions: conf.Filters, Same: same,
		Aim: func(ctx context.Context, e *events.Event) error { return s.cfg.Aim(ctx, target, e) },
		Outcome: func(ctx context.Context, delivery string) (registry.Outcome, error) {
			return s.outcome(ctx, w.Name, delivery)
		},
	}
	return one, nil
}

// Sources are what a poller asks for the watches.
func (w *Watches) Sources() []poll.Source {
	list := make([]poll.Source, len(w.all))
	for i, one := range w.all {
		list[i] = one.source
	}
	return list
}

// Use replaces the watches.
func (s *Set) Use(w *Watches) { s.watches.Store(w) }

// Empty reports whether nothing is watched.
func (s *Set) Empty() bool { return len(s.watches.Load().all) == 0 }

// nudge has those watches of a registry looked at now whose repositories are named,
// and all of them if none is.
func (s *Set) nudge(name string, repositories []string) {
	for _, w := range s.watches.Load().all {
		if w.registryName == name && (len(repositories) == 0 || slices.Contains(repositories, w.Repository)) {
			s.cfg.Nudge(w.Name)
		}
	}
}

// Ended has a watch looked at now whose deployment may have ended, by the event of
// a run.
func (s *Set) Ended(event *events.Event) {
	if event.Vendor != events.VendorRegistry || event.Name != registry.NameDeploy {
		return
	}
	var p registry.Payload
	if err := json.Unmarshal(event.Payload, &p); err == nil {
		s.cfg.Nudge(p.Watch)
	}
}

// outcome says what became of a deployment.
func (s *Set) outcome(ctx context.Context, name, delivery string) (registry.Outcome, error) {
	run, err := s.cfg.Store.RunOfDelivery(ctx, poll.Hook(registry.Kind, name), delivery)
	if errors.Is(err, store.ErrNotFound) {
		return registry.Outcome{Ending: registry.Ended, Reason: "its run is not kept any more"}, nil
	}
	if err != nil {
		return registry.Outcome{}, err
	}
	o := registry.Outcome{Run: run.Number, Reason: run.Reason, At: run.EndedAt}
	switch run.State {
	case store.StateSucceeded:
		o.Ending = registry.Succeeded
	case store.StateFailed, store.StateTimedOut, store.StateInvalid:
		o.Ending = registry.Failed
	case store.StateAborted:
		o.Ending = registry.Ended
	case store.StateSkipped:
		o.Ending = registry.Skipped
	}
	if o.Ending != registry.Unended && o.Ending != registry.Succeeded && o.Reason == "" {
		o.Reason = fmt.Sprintf("run %d is %s", run.Number, run.State)
	}
	return o, nil
}
