package bitbucket

import (
	"regexp"

	"github.com/franela/pocketci/events"
)

// kindPattern is how Bitbucket writes the keys of its events. The key comes in a
// header that the signature does not cover, and function names are matched
// without regard to case and separators: a second spelling of a key would match
// the same functions but be read as another event.
var kindPattern = regexp.MustCompile(`^[a-z]+:[a-z0-9]+(?:_[a-z0-9]+)*$`)

const kindPush = "repo:push"

const (
	nameReview        = "pull_request_review"
	nameThread        = "pull_request_review_thread"
	nameComment       = "issue_comment"
	nameInlineComment = "pull_request_review_comment"
	nameStatus        = "status"
)

// names are GitHub's name and action for the keys of events that it has as well.
// An update of a pull request is its synchronization: Bitbucket has one key for
// new commits and new titles, and what may have changed has to be tested.
var names = map[string]struct{ name, action string }{
	"pullrequest:created":                 {events.NamePullRequest, "opened"},
	"pullrequest:updated":                 {events.NamePullRequest, "synchronize"},
	"pullrequest:push":                    {events.NamePullRequest, "synchronize"},
	"pullrequest:fulfilled":               {events.NamePullRequest, "closed"},
	"pullrequest:rejected":                {events.NamePullRequest, "closed"},
	"pullrequest:approved":                {nameReview, "submitted"},
	"pullrequest:changes_request_created": {nameReview, "submitted"},
	"pullrequest:unapproved":              {nameReview, "dismissed"},
	"pullrequest:changes_request_removed": {nameReview, "dismissed"},
	"pullrequest:comment_created":         {nameComment, "created"},
	"pullrequest:comment_updated":         {nameComment, "edited"},
	"pullrequest:comment_deleted":         {nameComment, "deleted"},
	"pullrequest:comment_resolved":        {nameThread, "resolved"},
	"pullrequest:comment_reopened":        {nameThread, "unresolved"},
	"repo:commit_status_created":          {nameStatus, ""},
	"repo:commit_status_updated":          {nameStatus, ""},
	"repo:commit_comment_created":         {"commit_comment", "created"},
	"repo:fork":                           {"fork", ""},
	"repo:created":                        {"repository", "created"},
	"repo:updated":                        {"repository", "edited"},
	"repo:deleted":                        {"repository", "deleted"},
	"repo:transfer":                       {"repository", "transferred"},
	"issue:created":                       {"issues", "opened"},
	"issue:updated":                       {"issues", "edited"},
	"issue:comment_created":               {nameComment, "created"},
}

// nameOf returns the name and the filter of the event with that key.
func nameOf(kind string) (name, filter string) {
	if known, ok := names[kind]; ok {
		return known.name, known.action
	}
	return kind, ""
}
