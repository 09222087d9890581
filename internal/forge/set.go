package forge

import (
	"context"
	"net/url"
	"strings"

	"github.com/franela/pocketci/events"
)

// Known is a forge that the agent can talk to.
type Known struct {
	Forge
	// Host is where the forge's repositories are cloned from, without a port
	// that is the scheme's own.
	Host string
	// Statuses says that it is told what becomes of calls.
	Statuses bool
}

// Finder finds the forge that has an event's repository, or nil. A [Set] is one; so is
// what changes while an agent runs.
type Finder interface {
	Of(event *events.Event) *Known
}

// Set is the forges of an agent.
type Set []Known

// Of returns the forge that has an event's repository, or nil. It is found by where
// the repository is cloned from: events that were made here have no source.
func (s Set) Of(event *events.Event) *Known {
	if event.Repository == nil {
		return nil
	}
	host := hostOf(event.Repository.CloneURL)
	for i := range s {
		if host != "" && strings.EqualFold(s[i].Host, host) {
			return &s[i]
		}
	}
	return nil
}

// hostOf returns the host of a clone URL as [Known.Host] has it.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" || u.Scheme == "ssh" {
		return u.Hostname()
	}
	return u.Host
}

// People answers who somebody is in one repository of a forge.
type People struct {
	Forge      Forge
	Repository string
}

// CanWrite is [Forge.CanWrite].
func (p People) CanWrite(ctx context.Context, login string) (bool, error) {
	return p.Forge.CanWrite(ctx, p.Repository, login)
}

// HasMerged is [Forge.HasMerged].
func (p People) HasMerged(ctx context.Context, login string) (bool, error) {
	return p.Forge.HasMerged(ctx, p.Repository, login)
}

// Author returns who opened a pull request.
func (p People) Author(ctx context.Context, pullRequest int) (string, error) {
	found, err := p.Forge.PullRequest(ctx, p.Repository, pullRequest)
	return found.Author, err
}
