package gitea

import (
	"cmp"
	"regexp"

	"github.com/franela/pocketci/events"
)

// kindPattern is how Gitea writes the names of its events. The name comes in a
// header that the signature does not cover, and function names are matched
// without regard to case and separators: a second spelling of pull_request
// would match the same functions but be read as an event without a fork.
var kindPattern = regexp.MustCompile(`^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$`)

const (
	nameReview  = "pull_request_review"
	nameComment = "issue_comment"
	nameIssues  = "issues"
	nameRelease = "release"
	nameFork    = "fork"
)

// names are the names that events share with those of other forges, where Gitea
// has others: for its events, and for its event types.
var names = map[string]string{
	"pull_request_assign":          events.NamePullRequest,
	"pull_request_label":           events.NamePullRequest,
	"pull_request_milestone":       events.NamePullRequest,
	"pull_request_sync":            events.NamePullRequest,
	"pull_request_review_request":  events.NamePullRequest,
	"pull_request_approved":        nameReview,
	"pull_request_rejected":        nameReview,
	"pull_request_comment":         nameReview,
	"pull_request_review_approved": nameReview,
	"pull_request_review_rejected": nameReview,
	"pull_request_review_comment":  nameReview,
	"issue_assign":                 nameIssues,
	"issue_label":                  nameIssues,
	"issue_milestone":              nameIssues,
}

// nameOf returns the name of an event of that kind.
func nameOf(kind string) string { return cmp.Or(names[kind], kind) }

// actions are the actions by those names, where Gitea has others.
var actions = map[string]map[string]string{
	events.NamePullRequest: {"synchronized": "synchronize", "label_cleared": "unlabeled"},
	nameIssues:             {"label_cleared": "unlabeled"},
	nameReview:             {"reviewed": "submitted"},
	nameRelease:            {"updated": "edited"},
}

// filterOf returns the filter of an event whose payload has that action.
func filterOf(name, action string, changed *changes) string {
	if action == "label_updated" && (name == events.NamePullRequest || name == nameIssues) {
		// Only newer versions say which labels came and went.
		if changed != nil && len(changed.Added) == 0 && len(changed.Removed) > 0 {
			return "unlabeled"
		}
		return "labeled"
	}
	return cmp.Or(actions[name][action], action)
}
