// Package settings reads agent.yaml, the file in which the operator of an agent
// says what flags cannot: which repositories may use which secrets, whose code
// runs where, and how the agent talks to forges. It decides nothing by itself
// and reads no secret: values are references to variables and files.
package settings

import (
	"iter"
	"maps"
	"slices"

	"github.com/franela/pocketci/internal/predicate"
)

// Settings is a parsed and validated agent.yaml. The zero Settings are those of
// an agent without the file.
type Settings struct {
	// File is the name that the file was parsed under, empty without a file.
	File string
	// Forks says what becomes of pull requests from forks.
	Forks Forks
	// ForksShareEngine accepts that code of forks runs on the engine that
	// everything else runs on, where no runner is marked for it.
	ForksShareEngine bool
	// Runners are the engines beside the agent's own.
	Runners []Runner
	Modules Modules
	// Forges are where webhooks come from, each with a path of its own.
	Forges []Forge
	// Schedules are those that the agent keeps beside the ones of functions.
	Schedules []Schedule
	// Registries are registries of images, with what is watched in them.
	Registries []Registry
	// Webhooks are those that belong to no vendor with a name.
	Webhooks []Webhook
	// Signed are the sources of signed tokens.
	Signed []SignedSource
	// Converge are where hosts report to.
	Converge []ConvergeSource
	// Mirrors are directories of the host that are kept at what repositories have,
	// and MirrorWorkers how many of them are worked on at a time.
	Mirrors       []Mirror
	MirrorWorkers int
	// Rules say which repositories may use which secrets, in the order of the
	// file.
	Rules     []Rule
	Providers Providers
	Web       Web
}

// Forks is what becomes of pull requests from forks.
type Forks int

// The three choices.
const (
	// ForksApprove has them wait until somebody with write access has approved
	// their commit.
	ForksApprove Forks = iota
	// ForksNever never runs them.
	ForksNever
	// ForksNoSecrets runs them without asking. As after an approval they get no
	// secrets.
	ForksNoSecrets
)

var forkWords = []string{ForksApprove: "approve", ForksNever: "never", ForksNoSecrets: "no-secrets"}

// String returns the word that the file has.
func (f Forks) String() string { return forkWords[f] }

// Runner is an engine beside the agent's own.
type Runner struct {
	// Name is unique among the runners.
	Name string
	// Host is Dagger's runner host: unix:///…, tcp://… and so on.
	Host string
	// Labels are what runs-on may name.
	Labels []string
	// Untrusted marks the runner for the code of forks, which runs here, and
	// nothing else does.
	Untrusted bool
	// Line is where the entry starts in the file, for messages.
	Line int
}

// Modules says which modules pocketci.yaml may name besides those of its own
// repository.
type Modules struct {
	// Remote are patterns over MODULE@VERSION, such as github.com/acme/ci@*.
	Remote []string
}

// Forge is where webhooks come from.
type Forge struct {
	// Name is unique among the forges; webhooks are received at
	// /webhooks/NAME.
	Name string
	// Vendor is one of the vendors of package events that are forges.
	Vendor string
	// URL is the forge's own address without a slash at the end, empty for the
	// vendor's public one.
	URL string
	// WebhookSecrets are at most two, each of which makes a delivery valid.
	// Without one nothing is accepted.
	WebhookSecrets []Secret
	// Username and Token are for cloning and the API. They are nil if they are
	// not given.
	Username, Token *Secret
	// App is a GitHub App, in place of a token; nil if there is none.
	App *App
	// Repositories are those whose deliveries are accepted; empty is all.
	Repositories Patterns
	// Filters are what the payload of a delivery must fulfil for anything to be
	// planned.
	Filters []predicate.Filter
	// Statuses says whether the forge is told what becomes of calls.
	Statuses bool
	// Line is where the entry starts in the file, for messages.
	Line int
}

// App is a GitHub App.
type App struct {
	ID         int64
	PrivateKey Secret
}

// Rule says what some repositories may use as secrets. See package secrets for
// which rule holds.
type Rule struct {
	Repositories Patterns
	// Env are names of variables of the agent's environment, and globs over
	// them.
	Env []string
	// Named are secrets by the name that pocketci.yaml uses for them.
	Named map[string]Secret
	// Providers are prefixes of URIs of Dagger's secret providers.
	Providers []string
	// Events restricts the rule to events of these names; empty is all.
	Events []string
	// Refs restricts the rule to these full refs, exact or globs; empty is
	// all. Short names in the file are branches, here they are in full.
	Refs []string
	// Line is where the entry starts in the file, for messages.
	Line int
}

// Providers says what Dagger's secret providers need.
type Providers struct {
	// Env are the variables of the agent's environment that a session which
	// resolves a reference gets.
	Env []string
}

// Secret is where a value comes from. Exactly one of Env and File is set.
type Secret struct {
	// Env is the name of a variable of the agent's environment.
	Env string
	// File is the absolute path of a file.
	File string
	// Line is where it stands in the file, for messages.
	Line int
}

// The keys of secrets, as [Settings.Secrets] names them.
const (
	KeyWebhookSecrets = "webhook-secrets"
	KeyUsername       = "username"
	KeyToken          = "token"
	KeyPrivateKey     = "private-key"
	KeyNamed          = "named"
)

// HasSources reports whether events come from anything but forges.
func (s *Settings) HasSources() bool {
	return len(s.Schedules)+len(s.Registries)+len(s.Webhooks)+len(s.Signed)+len(s.Converge) > 0
}

// Secrets goes over all secrets of the file with the key that each stands at.
func (s *Settings) Secrets() iter.Seq2[string, Secret] {
	var parts []iter.Seq2[string, Secret]
	for i := range s.Forges {
		parts = append(parts, s.Forges[i].secrets())
	}
	for i := range s.Registries {
		parts = append(parts, s.Registries[i].secrets())
	}
	for i := range s.Webhooks {
		parts = append(parts, s.Webhooks[i].secrets())
	}
	for i := range s.Signed {
		parts = append(parts, s.Signed[i].secrets())
	}
	for i := range s.Converge {
		parts = append(parts, s.Converge[i].secrets())
	}
	for i := range s.Mirrors {
		parts = append(parts, s.Mirrors[i].secrets())
	}
	for i := range s.Rules {
		parts = append(parts, s.Rules[i].secrets())
	}
	return func(yield func(string, Secret) bool) {
		for _, part := range parts {
			for key, secret := range part {
				if !yield(key, secret) {
					return
				}
			}
		}
	}
}

func (r *Rule) secrets() iter.Seq2[string, Secret] {
	return func(yield func(string, Secret) bool) {
		for _, name := range slices.Sorted(maps.Keys(r.Named)) {
			if !yield(KeyNamed, r.Named[name]) {
				return
			}
		}
	}
}

func (f *Forge) secrets() iter.Seq2[string, Secret] {
	return func(yield func(string, Secret) bool) {
		for _, s := range f.WebhookSecrets {
			if !yield(KeyWebhookSecrets, s) {
				return
			}
		}
		if f.Username != nil && !yield(KeyUsername, *f.Username) {
			return
		}
		if f.Token != nil && !yield(KeyToken, *f.Token) {
			return
		}
		if f.App != nil {
			yield(KeyPrivateKey, f.App.PrivateKey)
		}
	}
}
