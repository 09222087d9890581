package worktree

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/git"
	"github.com/franela/pocketci/internal/globs"
	"github.com/franela/pocketci/internal/reaction"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

// Kind is that of mirrors' positions.
const Kind = "mirror"

// The names of a mirror's events.
const (
	NameUpdated = "updated"
	NameFailed  = "failed"
)

// Environment is what mirrors find on this host.
type Environment struct {
	// Secret returns the value of a secret of the agent's file.
	Secret func(settings.Secret) (string, error)
	// KnownHosts are files with the keys of ssh servers, for mirrors that name
	// none.
	KnownHosts []string
	// Login returns what the agent has for a repository's server over http and
	// https, empty if it has nothing. It may be nil.
	Login func(ctx context.Context, a git.Address) (username, token string, err error)
	Log   *slog.Logger
}

// Mirror is a directory as agent.yaml describes it. It is a [reaction.Reaction].
type Mirror struct {
	settings settings.Mirror
	address  git.Address
	tree     *Tree
}

var _ reaction.Reaction = (*Mirror)(nil)

// NewMirror makes a mirror of what agent.yaml says. The file's name is for errors,
// which hold no secret.
func NewMirror(file string, s settings.Mirror, e Environment) (*Mirror, error) {
	fail := func(err error) (*Mirror, error) {
		return nil, fmt.Errorf("%s:%d: mirror %s: %w", file, s.Line, s.Name, err)
	}
	address, err := git.ParseAddress(s.URL)
	if err != nil {
		return fail(err)
	}
	o := Options{
		Address: address, Directory: s.Directory, Branch: s.Branch, Tag: s.Tag, Remote: s.Remote, Trigger: s.Trigger,
		Atomic: s.Atomic, Keep: s.Keep, KnownHosts: e.KnownHosts, Log: e.Log,
	}
	if s.KnownHosts != "" {
		o.KnownHosts = []string{s.KnownHosts}
	}
	if e.Login != nil {
		o.Login = func(ctx context.Context) (string, string, error) { return e.Login(ctx, address) }
	}
	if s.SSHKey != nil {
		key, passphrase := "", ""
		if key, err = e.Secret(*s.SSHKey); err != nil {
			return fail(err)
		}
		if s.Passphrase != nil {
			if passphrase, err = e.Secret(*s.Passphrase); err != nil {
				return fail(err)
			}
		}
		if o.Key, err = ParseKey(key, passphrase); err != nil {
			return fail(fmt.Errorf("%s: %w", settings.KeySSHKey, err))
		}
	}
	return &Mirror{settings: s, address: address, tree: New(o)}, nil
}

// Name is that in agent.yaml.
func (m *Mirror) Name() string { return m.settings.Name }

// Place is the directory.
func (m *Mirror) Place() string { return m.settings.Directory }

// Settings are what agent.yaml says of it.
func (m *Mirror) Settings() settings.Mirror { return m.settings }

// Target is whose functions its events call.
func (m *Mirror) Target() settings.Target { return m.settings.Calls }

// Persistence says how often a fetch is tried.
func (m *Mirror) Persistence() reaction.Persistence {
	return reaction.Persistence{Tries: m.settings.RetryCount, Delay: m.settings.RetryDelay, Every: m.settings.Every}
}

// Ref is the full name of the branch or tag.
func (m *Mirror) Ref() string { return m.tree.ref() }

// Wants reports whether the directory may be behind after an event.
func (m *Mirror) Wants(e *store.Event) bool {
	if len(m.settings.On) == 0 {
		return m.mine(e) && (e.Name == events.NamePush || e.Name == events.NameTag) && e.Ref == m.Ref()
	}
	for _, on := range m.settings.On {
		if on.Name != e.Name || on.Filter != "" && !globs.MatchValue([]string{on.Filter}, e.Filter) {
			continue
		}
		switch {
		case on.Vendor != "" && on.Vendor != e.Vendor:
		case e.FromForge():
			// A push of another branch says nothing about this one.
			push := e.Name == events.NamePush || e.Name == events.NameTag
			if m.mine(e) && (!push || e.Ref == m.Ref()) {
				return true
			}
		case on.Vendor != "":
			return true
		}
	}
	return false
}

// Hook is the name of the mirror's own webhook, which no other can have.
func (m *Mirror) Hook() string { return Kind + ":" + m.settings.Name }

// mine reports whether an event is of the mirror's repository, on a forge. What its
// own webhook has taken is, also where forge and ssh have different names of hosts.
func (m *Mirror) mine(e *store.Event) bool {
	if !e.FromForge() || e.Repository == nil {
		return false
	}
	if e.Hook == m.Hook() {
		return true
	}
	address, err := git.ParseAddress(e.Repository.CloneURL)
	return err == nil && address.Same(m.address)
}

// Achieved is what a mirror keeps of its last success.
type Achieved struct {
	// SHA is the commit that the directory has.
	SHA string `json:"sha"`
	// Ref, URL and Directory are what it is kept at, from where, and where.
	Ref       string `json:"ref"`
	URL       string `json:"url"`
	Directory string `json:"directory"`
}

// payload is what the events of mirrors tell.
type payload struct {
	Name      string `json:"name"`
	Directory string `json:"directory"`
	URL       string `json:"url"`
	Ref       string `json:"ref"`
	// SHA is the commit that the directory has, Before the one that it had; both
	// are empty after a failure.
	SHA    string `json:"sha,omitempty"`
	Before string `json:"before,omitempty"`
	// Changed says that files changed, Touched that the trigger was touched.
	Changed bool `json:"changed"`
	Touched bool `json:"touched"`
	// Reason and Error are why it failed, in words that stay the same and in all.
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
}

// React brings the directory up to date.
func (m *Mirror) React(ctx context.Context, r reaction.Round) (reaction.Outcome, error) {
	var before Achieved
	if r.Achieved != nil {
		if err := json.Unmarshal(r.Achieved, &before); err != nil {
			return reaction.Outcome{}, fmt.Errorf("read what the mirror has achieved: %w", err)
		}
	}
	now := Achieved{Ref: m.Ref(), URL: m.address.String(), Directory: m.settings.Directory}
	achieved := before.SHA
	if before.Directory != now.Directory {
		achieved = "" // nobody has been told of this one
	}
	result, err := m.tree.Update(ctx, achieved, r.Touch)
	if err != nil {
		return reaction.Outcome{}, err
	}
	now.SHA = result.SHA
	value, err := json.Marshal(now)
	if err != nil {
		return reaction.Outcome{}, err
	}
	o := reaction.Outcome{Achieved: value}
	if result.Changed || result.Touched || r.Touch {
		e := m.event(NameUpdated, payload{SHA: result.SHA, Before: result.Before, Changed: result.Changed, Touched: result.Touched})
		o.Event = &e
	}
	return o, nil
}

// Failed tells of an error of React.
func (m *Mirror) Failed(err error) (string, events.Event) {
	reason := git.ErrGit.Error()
	if e, ok := errors.AsType[*Error](err); ok {
		reason = e.Reason()
	}
	return reason, m.event(NameFailed, payload{Reason: reason, Error: strings.ToValidUTF8(err.Error(), "?")})
}

func (m *Mirror) event(name string, p payload) events.Event {
	p.Name, p.Directory, p.URL, p.Ref = m.settings.Name, m.settings.Directory, m.address.String(), m.Ref()
	data, err := json.Marshal(p)
	if err != nil {
		panic(err) // it is text and truths
	}
	return events.Event{
		Vendor: events.VendorMirror, Name: name, Kind: name, Filter: m.settings.Name, OccurredAt: time.Now().UTC(), Payload: data,
	}
}
