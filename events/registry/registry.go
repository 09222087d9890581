// Package registry is the source of what happens in registries of container
// images: it asks a registry for the tags of the repositories that are watched
// and for what the tags that matter stand for, and makes events of what changed.
// It also decides when something is to be deployed, which is an event too: the
// functions that it calls are the deployment agent.
//
// A registry is any that follows the OCI distribution specification. It is only
// read from.
package registry

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/franela/pocketci/events"
)

// Kind is the kind of the source for package poll and of its positions.
const Kind = "registry"

// The names of the source's events. Their filter is REPOSITORY:TAG.
const (
	// NameTag is a tag that was not there before.
	NameTag = "tag"
	// NameRelease is a version that is newer than all before it.
	NameRelease = "release"
	// NameDigest is a tag that stands for another image than before: the pinned
	// tag or the newest version.
	NameDigest = "digest"
	// NameDeploy is an image that is to be deployed.
	NameDeploy = "deploy"
)

// Cause says why something is deployed.
type Cause string

// The causes.
const (
	// CauseRelease is a version that is newer than what is deployed.
	CauseRelease Cause = "release"
	// CauseDigest is another image under the tag that is deployed.
	CauseDigest Cause = "digest"
	// CausePin is a pin that somebody set, or that is not deployed yet.
	CausePin Cause = "pin"
	// CauseReset is that somebody asked for the newest version again.
	CauseReset Cause = "reset"
	// CauseRedeploy is that somebody asked for the same once more.
	CauseRedeploy Cause = "redeploy"
)

// asked reports whether a person wanted it, and not the automatism.
func (c Cause) asked() bool { return c == CausePin || c == CauseReset || c == CauseRedeploy }

// Watch is a repository that is watched.
type Watch struct {
	// Name is unique among all watches.
	Name string
	// Host is the registry's, Repository the path in it.
	Host, Repository string
	// Interval is how often the registry is asked.
	Interval time.Duration
	Rule     Rule
	// Ignore are tags that are as good as not there; nil is none.
	Ignore *regexp.Regexp
	// Pinned and AutoDeploy are what the watch begins with. They are changed by
	// people later, and what the configuration says does not matter any more.
	Pinned     string
	AutoDeploy bool
	// Attempts is how often a deployment is tried at most, retries included.
	Attempts int
}

// Image is the full name of a tag.
func (w Watch) Image(tag string) string { return w.Host + "/" + w.Repository + ":" + tag }

// heeded are those of the tags that are not ignored.
func (w Watch) heeded(tags []string) []string {
	if w.Ignore == nil {
		return tags
	}
	return slices.DeleteFunc(tags, w.Ignore.MatchString)
}

// Registry is what a [Source] asks about its repository; it is [Remote].
type Registry interface {
	Tags(ctx context.Context) ([]string, error)
	Digest(ctx context.Context, tag string) (string, error)
}

// Aim says whose functions an event calls, by setting its repository and ref.
type Aim func(ctx context.Context, event *events.Event) error
