// Package config reads converge.yaml, the file in which the operator of a host says
// where its patterns come from, whose they may be, and what they may do.
package config

import (
	"iter"
	"time"

	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
)

// Config is a parsed and validated converge.yaml.
type Config struct {
	// File is the name that it was parsed under.
	File string
	// Listen is the address for pushes and metrics, empty for none. TLS is its
	// certificate; without one only this machine can reach it, unless PlainHTTP
	// says otherwise.
	Listen    string
	TLS       *TLS
	PlainHTTP bool
	// StateDir is where the process keeps what it has done.
	StateDir string
	// Parallelism is how many sources run at a time.
	Parallelism int
	// PushTimeout is how long a push or a request waits for its run, which goes
	// on without it.
	PushTimeout time.Duration
	// Spread is how much later than at its time a pull may be, at random, so that
	// many hosts do not pull at once.
	Spread time.Duration
	// MetricsToken is the bearer that metrics are had with, nil for nobody.
	MetricsToken *settings.Secret
	Report       *Report
	Sources      []Source
}

// TLS are the files of a certificate and its key, in PEM.
type TLS struct{ Certificate, Key string }

// Report says which agent is told of outcomes.
type Report struct {
	// URL is the webhook of the agent's entry in its section converge.
	URL    string
	Secret settings.Secret
	// Changed and Failed say which outcomes are told.
	Changed, Failed bool
}

// Source is where a pattern comes from.
type Source struct {
	// Name is unique among the sources, and what tokens are meant for.
	Name string
	// Keys are those that may have signed its tokens.
	Keys []signed.Key
	// Push accepts pushes.
	Push bool
	// Pull are the places that tokens are pulled from; the first that has a good
	// one counts.
	Pull []Place
	// Pattern is a file on this host that is the pattern, without a token. Root
	// is what it imports from.
	Pattern, Root string
	// Every is how often tokens are pulled, or the pattern is read. RunEvery is
	// how often what was applied is checked again; zero is never.
	Every, RunEvery time.Duration
	// Keep has nothing removed.
	Keep bool
	// CheckOnly says what would change, and changes nothing.
	CheckOnly bool
	// TriggerOnly runs for events and requests alone.
	TriggerOnly bool
	// Forget has a restart not run the pattern of before.
	Forget bool
	// AllowOlder accepts tokens that were signed before others that were
	// accepted, AllowNoExpiry those that are valid for ever.
	AllowOlder, AllowNoExpiry bool
	// Exec, Fixed, Dir and Timeout are those of apply.Host.
	Exec    []string
	Fixed   bool
	Dir     string
	Timeout time.Duration
	// Env are variables of the commands, which the pattern may read as well.
	// EnvFrom are names of variables of the process that are handed on.
	Env     map[string]string
	EnvFrom []string
	// Webhook are the secrets of requests that run the pattern, empty for none.
	Webhook []settings.Secret
	// Sends and Receives are names of events. What commands of the source name
	// and Sends has, runs the sources that have it in Receives.
	Sends, Receives []string
	// Line is where the entry starts in the file, for messages.
	Line int
}

// Place is where a token is pulled from.
type Place struct {
	// URL is a file's absolute path or an https address.
	URL string
	// Headers are sent with the request.
	Headers map[string]settings.Secret
}

// Secrets goes over all secrets of the file.
func (c *Config) Secrets() iter.Seq[settings.Secret] {
	return func(yield func(settings.Secret) bool) {
		if c.MetricsToken != nil && !yield(*c.MetricsToken) {
			return
		}
		if c.Report != nil && !yield(c.Report.Secret) {
			return
		}
		for _, s := range c.Sources {
			for _, p := range s.Pull {
				for _, secret := range p.Headers {
					if !yield(secret) {
						return
					}
				}
			}
			for _, secret := range s.Webhook {
				if !yield(secret) {
					return
				}
			}
		}
	}
}
