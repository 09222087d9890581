package dispatcher

import (
	"fmt"
	"slices"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
)

// groupOf returns the group that a call is in: that of pocketci.yaml, else for
// a pull request's new commits one in which the newest run's call ends those of
// the same function for older commits. What else happens to a pull request
// leaves its calls alone.
func groupOf(ev *events.Event, module, function string, settings config.Function) Concurrency {
	if c := settings.Concurrency; c != nil {
		return Concurrency{Group: c.Group, Cancel: c.Cancel}
	}
	if ev.Name != events.NamePullRequest || ev.PullRequest == 0 || !slices.Contains(pullRequestActions, ev.Filter) {
		return Concurrency{}
	}
	return Concurrency{Group: fmt.Sprintf("pull request %d %s:%s", ev.PullRequest, module, function), Cancel: true}
}
