package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// Declared lists the functions that a repository's modules declare at a ref, or at its
// default branch if that is empty.
func (c *Client) Declared(ctx context.Context, repository, ref string) (v1.Declared, error) {
	var list v1.Declared
	r := get("functions", "declared")
	r.query, r.slow = url.Values(params{}.text("repository", repository).text("ref", ref)), true
	return list, c.do(ctx, r, &list)
}

// Modules lists the modules that are stored in the agent.
func (c *Client) Modules(ctx context.Context) (v1.Modules, error) {
	var list v1.Modules
	return list, c.do(ctx, get("modules"), &list)
}

// Module returns a stored module with its functions and versions.
func (c *Client) Module(ctx context.Context, name string) (v1.Module, error) {
	var module v1.Module
	return module, c.do(ctx, get("modules", name), &module)
}

// ModuleArchive writes to w the files of a version of a stored module, or of the one that
// is called now if sha is empty, as a tar that is compressed with gzip.
func (c *Client) ModuleArchive(ctx context.Context, name, sha string, w io.Writer) error {
	r := get("modules", name, "archive")
	r.query, r.accept = url.Values(params{}.text("sha", sha)), "application/gzip"
	return c.download(ctx, r, w)
}

// Deploy stores modules, all or none.
func (c *Client) Deploy(ctx context.Context, d v1.Deploy) (v1.DeployedModules, error) {
	var deployed v1.DeployedModules
	r := post("modules")
	r.body, r.slow = d, true
	return deployed, c.do(ctx, r, &deployed)
}

// RenameModule gives a stored module another name.
func (c *Client) RenameModule(ctx context.Context, from, to string) error {
	r := post("modules", from, "rename")
	r.body = v1.Rename{Name: to}
	return c.do(ctx, r, nil)
}

// DeleteModule deletes a stored module.
func (c *Client) DeleteModule(ctx context.Context, name string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: []string{"modules", name}}, nil)
}
