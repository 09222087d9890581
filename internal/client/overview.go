package client

import (
	"context"
	"iter"
	"net/url"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// Overview returns what is going on and how repositories are, with a page of them.
func (c *Client) Overview(ctx context.Context, p Page) (v1.Overview, error) {
	var o v1.Overview
	r := get("overview")
	r.query = url.Values(params{}.page(p))
	return o, c.do(ctx, r, &o)
}

// WatchOverview yields the overview with the first page of repositories at once and then
// whenever it changes, once a second at most, for as long as it is asked. Each is a
// [v1.Overview] as JSON, so that whoever shows it to many need read it once. A broken
// stream is opened again as with [Client.FollowLog].
func (c *Client) WatchOverview(ctx context.Context, retry Retry) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		stopped := false
		err := keepOpen(ctx, retry, func() (bool, error) {
			return c.follow(ctx, get("overview", "stream"), func(m message) (bool, error) {
				stopped = !yield(m.data, nil)
				return stopped, nil
			})
		})
		if err != nil && !stopped {
			yield("", err)
		}
	}
}

// BadgeFilter says what a badge is of. Repository is needed.
type BadgeFilter struct {
	// Repository is a full name; an empty Branch stands for the default branch.
	Repository, Branch string
	// Function is one of a module, or of any if that is empty; without a function it is
	// the whole branch.
	Module, Function string
}

// Badge says how a branch is, or a function on it.
func (c *Client) Badge(ctx context.Context, f BadgeFilter) (v1.Badge, error) {
	var b v1.Badge
	r := get("badge")
	r.query = url.Values(params{}.text("repository", f.Repository).text("branch", f.Branch).text("module", f.Module).text("function", f.Function))
	return b, c.do(ctx, r, &b)
}
