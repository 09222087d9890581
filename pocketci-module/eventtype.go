package main

// What happened, in words that are the same for every vendor.
type EventType string

const (
	// A push to a branch.
	EventTypePush EventType = "PUSH"
	// The push of a tag.
	EventTypeTag EventType = "TAG"
	// Anything that happens to a pull request itself.
	EventTypePullRequest EventType = "PULL_REQUEST"
	// Anything that happens to a release.
	EventTypeRelease EventType = "RELEASE"
	// The creation of a branch or a tag.
	EventTypeCreate EventType = "CREATE"
	// The deletion of a branch or a tag.
	EventTypeDelete EventType = "DELETE"
	// Anything that happens to an issue itself.
	EventTypeIssue EventType = "ISSUE"
	// A comment on an issue, a pull request or a commit.
	EventTypeComment EventType = "COMMENT"
	// A review of a pull request.
	EventTypeReview EventType = "REVIEW"
	// One tick of a schedule.
	EventTypeSchedule EventType = "SCHEDULE"
	// Any event of a registry of images.
	EventTypeRegistry EventType = "REGISTRY"
	// The arrival of a webhook that is no forge's.
	EventTypeWebhook EventType = "WEBHOOK"
	// The arrival of signed claims.
	EventTypeSigned EventType = "SIGNED"
	// Any event of a mirror.
	EventTypeMirror EventType = "MIRROR"
	// A run asked for by a person.
	EventTypeManual EventType = "MANUAL"
	// Every other event; its own word is in event.
	EventTypeOther EventType = "OTHER"
)
