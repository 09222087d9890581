// Package events holds the one thing pocketci reacts to: an [Event]. It also
// defines the event file, which is what functions receive as eventTrigger, and
// the contract that every source of webhooks fulfils. One package per source
// lives below this one.
package events

import (
	"encoding/json"
	"time"
)

// Vendors that this version knows by name.
const (
	VendorGithub    = "github"
	VendorGitlab    = "gitlab"
	VendorGitea     = "gitea"
	VendorBitbucket = "bitbucket"
	VendorManual    = "manual"
	// VendorTime is that of ticks of schedules.
	VendorTime = "time"
	// VendorRegistry is that of what happens to tags in registries of images.
	VendorRegistry = "registry"
	// VendorWebhook is that of webhooks that belong to no vendor with a name.
	VendorWebhook = "webhook"
	// VendorSigned is that of signed tokens, pushed or pulled.
	VendorSigned = "signed"
	// VendorMirror is that of what the reaction mirror did.
	VendorMirror = "mirror"
	// VendorConverge is that of what hosts report which converge.
	VendorConverge = "converge"
)

// Event names that pocketci itself gives a meaning to. Every other name is the
// vendor's own.
const (
	// NamePush is a push to a branch.
	NamePush = "push"
	// NameTag is the push of a tag, which forges deliver as a push.
	NameTag = "tag"
	// NamePullRequest is anything that happens to a pull request itself.
	NamePullRequest = "pull_request"
	// NameTick is one tick of a schedule, vendor time.
	NameTick = "tick"
	// NameRun is a run asked for by a person, vendor manual.
	NameRun = "run"
)

// Event is one thing that happened outside, in the same words for every vendor.
// It is made by a source, never changes afterwards, and is everything that
// planning knows about the outside world.
type Event struct {
	// ID identifies the event in pocketci; it is unique and never reused.
	ID string
	// Delivery is the vendor's own id of the delivery, empty if it has none.
	Delivery string
	// Vendor, Name and Filter are what function names are matched against.
	// Filter may be empty.
	Vendor, Name, Filter string
	// Kind is the vendor's own word for the event, as its webhook header has
	// it. It differs from Name for tags: GitHub calls their push a push.
	Kind string
	// Repository is nil for events that belong to no repository.
	Repository *Repository
	// Ref is the full ref that the event is about (refs/heads/main,
	// refs/tags/v1, refs/pull/7/head), or empty if it names only a commit.
	Ref string
	// Branch and Tag are the short names in Ref; at most one is set. For a
	// pull request Branch is its head branch.
	Branch, Tag string
	// SHA is the commit that the event is about, in full. It is empty when
	// the payload does not name one: the commit is then the tip of Ref, or of
	// the default branch if Ref is empty as well, and is pinned when the
	// repository is fetched.
	SHA string
	// Before is the commit that a push replaced, empty for a new ref.
	Before string
	// BaseRef and BaseSHA are the target branch (short name) of a pull
	// request and its tip when the event was sent.
	BaseRef, BaseSHA string
	// Forced says that the vendor marked the push as not a fast-forward.
	Forced bool
	// PullRequest is the number of the pull request the event is about, or
	// zero.
	PullRequest int
	// Fork is the full name of the repository that a pull request's head
	// lives in when that is not Repository. "unknown" stands for a head
	// repository that has been deleted, which is treated as a fork.
	Fork string
	// Sender is the login of who caused the event.
	Sender string
	// Trusted is false for events in which somebody without write access may
	// have chosen the code or the text: a fork's pull request and what is
	// said on one.
	Trusted bool
	// Comment is what was said, if the event is a new comment on a pull
	// request.
	Comment *Comment `json:",omitempty"`
	// ReceivedAt is when pocketci received the event.
	ReceivedAt time.Time
	// OccurredAt is when the thing happened outside, such as the time at which
	// a tick was due. It is zero where that is not known.
	OccurredAt time.Time `json:",omitzero"`
	// Cause is the id of the event that this one follows from, such as the push
	// after which a mirror was updated, and empty for what nothing here brought
	// about.
	Cause string `json:",omitempty"`
	// Depth is how many events lead to this one by their causes.
	Depth int `json:",omitempty"`
	// Module is a module of another repository at a full commit, in the words of
	// pocketci.yaml, that the event calls in place of those of its repository. It
	// is empty for all but signed tokens that name one.
	Module string `json:",omitempty"`
	// Payload is the body as the vendor sent it.
	Payload json.RawMessage
}

// Repository is the repository that an event belongs to, as its payload
// describes it.
type Repository struct {
	FullName      string `json:"full_name"`
	CloneURL      string `json:"clone_url"`
	WebURL        string `json:"web_url"`
	DefaultBranch string `json:"default_branch"`
	Private       bool   `json:"private"`
}

// Comment is a comment on a pull request. Anybody may have written it.
type Comment struct {
	// ID is the forge's own, for reactions to it.
	ID string
	// Author is the login of who wrote it.
	Author string
	// Body is its text as it was written.
	Body string
}

// FromForge reports whether the event comes from a system that hosts
// repositories. Only such events match function names without a vendor.
func (e *Event) FromForge() bool {
	switch e.Vendor {
	case VendorGithub, VendorGitlab, VendorGitea, VendorBitbucket:
		return true
	}
	return false
}

// IsPush reports whether the event is a push to a branch of a forge's repository. What
// others call a push has no commits.
func (e *Event) IsPush() bool { return e.Name == NamePush && e.FromForge() }
