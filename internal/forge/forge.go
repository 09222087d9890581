// Package forge is the contract between pocketci and the hosts of repositories
// that it talks back to: GitHub, GitLab, Gitea, Bitbucket. What a forge sends is
// read by its source in events; what it is told and asked goes through a [Forge].
// The clients themselves live beside their sources, one package for each.
package forge

import (
	"context"
	"time"

	"github.com/franela/pocketci/events"
)

// Forge is one host of repositories, as pocketci talks to it. It may be used from
// several goroutines.
//
// Repositories are named by their full names. Every method is bounded in time by
// its context alone. Requests that may be made twice are made again a few times
// if the forge answers 5xx or the connection breaks. The errors are a
// [*PermissionError], a [*LimitError], those with [ErrNotFound] in their chain,
// the context's, and others; none holds a credential.
type Forge interface {
	// Vendor is the vendor of the forge's events.
	Vendor() string
	// CanWrite reports whether a person may push to the repository, as the
	// forge itself says now. False is also the answer for a person that the
	// forge does not know.
	CanWrite(ctx context.Context, repository, login string) (bool, error)
	// HasMerged reports whether a pull request of the person has been merged
	// in the repository.
	HasMerged(ctx context.Context, repository, login string) (bool, error)
	// PullRequest reads a pull request as it is now.
	PullRequest(ctx context.Context, repository string, number int) (PullRequest, error)
	// SetStatus says what a call came to, on the commit with the full name
	// sha. Ref is what an earlier SetStatus for the same commit and context
	// returned, or empty; a forge that has no use for it ignores it and
	// returns an empty one.
	SetStatus(ctx context.Context, repository, sha string, s Status, ref string) (newRef string, err error)
	// Comment writes a comment on a pull request, or edits the one that
	// pocketci wrote there before with the same marker.
	Comment(ctx context.Context, repository string, number int, c Comment) error
	// React answers a person's comment with a sign.
	React(ctx context.Context, repository string, number int, comment string, r Reaction) error
	// Webhooks lists those webhooks of a repository, or of an organisation
	// whose name has no slash, that are sent to an address below url.
	Webhooks(ctx context.Context, owner, url string) ([]Webhook, error)
	// InstallWebhook creates a webhook, or changes the one with the same
	// address into it. It reports whether it was created.
	InstallWebhook(ctx context.Context, owner string, w NewWebhook) (Webhook, bool, error)
	// Redeliver asks for the failed deliveries of a webhook since a time
	// again, and returns how many. A forge that cannot fails with
	// [ErrUnsupported].
	Redeliver(ctx context.Context, owner, webhook string, since time.Time) (int, error)
}

// Credentials give what a repository is cloned with over HTTPS. Forges whose
// credentials expire implement it beside [Forge].
type Credentials interface {
	// Credentials returns a user name and a token that are valid for some
	// minutes at least, for this repository.
	Credentials(ctx context.Context, repository string) (username, token string, err error)
}

// Completer adds to an event what the forge knows and its payload leaves out, such
// as a commit in full. Forges whose payloads leave out what matters implement it
// beside [Forge].
type Completer interface {
	Complete(ctx context.Context, event *events.Event) error
}

// PullRequest is a pull request as the forge has it now.
type PullRequest struct {
	Number int
	// Author is a login.
	Author string
	// Title is what the author called it.
	Title string
	// HeadSHA and BaseSHA are full commits, HeadRef and BaseRef names of
	// branches.
	HeadSHA, BaseSHA, HeadRef, BaseRef string
	// Fork is the full name of the head's repository if that is another one,
	// "unknown" if it is gone.
	Fork string
	// Open is false once it is closed or merged.
	Open, Merged bool
}

// State is what a status says of a call.
type State string

// The states of a status. Skipped counts as success, so that a required check
// does not wait for ever.
const (
	StatePending   State = "pending"
	StateRunning   State = "running"
	StateSucceeded State = "succeeded"
	StateFailed    State = "failed"
	StateAborted   State = "aborted"
	StateSkipped   State = "skipped"
)

// Final reports whether nothing follows.
func (s State) Final() bool { return s != StatePending && s != StateRunning }

// Status is what is shown beside a commit for one call.
type Status struct {
	// Context names it: pocketci/MODULE/FUNCTION. It is the same for all runs.
	Context string
	State   State
	// Description is one line. It is cut to what the forge takes.
	Description string
	// URL links to the run; it may be empty.
	URL string
	// ExternalID is the call's id.
	ExternalID string
	// Started and Ended are zero until then.
	Started, Ended time.Time
	// Summary is Markdown for forges that show more than a line, and
	// Annotations are places in files that it speaks of.
	Summary     string
	Annotations []Annotation
}

// Annotation is something that a call said of a place in a file.
type Annotation struct {
	// Path is relative to the root of the repository.
	Path string
	// Line counts from 1.
	Line int
	// Message is plain text.
	Message string
}

// ContextPrefix begins the context of every status of pocketci's own.
const ContextPrefix = "pocketci/"

// Comment is what pocketci writes on a pull request.
type Comment struct {
	// Marker tells pocketci's comments from each other. It stands in the text,
	// unseen: see [MarkerOf].
	Marker string
	// Body is Markdown.
	Body string
}

// MarkerPrefix is in every comment that pocketci wrote, and in nothing that
// people write by accident.
const MarkerPrefix = "<!-- pocketci:"

// MarkerOf returns the text that marks a comment.
func MarkerOf(marker string) string { return MarkerPrefix + marker + " -->" }

// Text is the comment as it is sent: the body with its marker.
func (c Comment) Text() string { return c.Body + "\n\n" + MarkerOf(c.Marker) }

// Reaction is a sign in answer to a comment.
type Reaction string

// The reactions that every forge has in some form.
const (
	// ReactionSeen says that what was asked for is being done.
	ReactionSeen Reaction = "seen"
	// ReactionRefused says that it is not.
	ReactionRefused Reaction = "refused"
)

// Webhook is a webhook as the forge has it.
type Webhook struct {
	ID     string
	URL    string
	Active bool
	// Events are the forge's own words.
	Events []string
}

// NewWebhook is a webhook to be.
type NewWebhook struct {
	URL string
	// Secret proves deliveries.
	Secret string
}
