package client

import (
	"context"
	"net/url"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// FunctionsAt is [Client.Functions] with the recent calls of a full ref alone. Empty
// stands for all refs.
func (c *Client) FunctionsAt(ctx context.Context, repository, ref string) (v1.Functions, error) {
	var list v1.Functions
	r := get("functions")
	r.query = url.Values(params{}.text("repository", repository).text("ref", ref))
	return list, c.do(ctx, r, &list)
}

// Refs lists the branches and tags of a repository that have runs, those with the latest
// runs first.
func (c *Client) Refs(ctx context.Context, repository string) (v1.Refs, error) {
	var refs v1.Refs
	r := get("refs")
	r.query = url.Values(params{}.text("repository", repository))
	return refs, c.do(ctx, r, &refs)
}
