package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/modules"
)

// elsewhere gets modules of other repositories, which few repositories name: the
// mirrors are opened when the first is asked for.
type elsewhere struct {
	dir   string
	vault *secrets.Vault
	log   *slog.Logger

	mu      sync.Mutex
	mirrors *mirror.Mirrors
}

// open opens the mirrors. GITHUB_USERNAME and GITHUB_TOKEN open private
// repositories of github.com, as for an agent; git's own credentials are not used.
func (e *elsewhere) open() (*mirror.Mirrors, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mirrors != nil {
		return e.mirrors, nil
	}
	username, _ := e.vault.Value("GITHUB_USERNAME")
	token, _ := e.vault.Value("GITHUB_TOKEN")
	var err error
	e.mirrors, err = mirror.New(mirror.Options{
		Dir:         e.dir,
		Credentials: mirror.Credentials{Username: username, Token: token, Hosts: []string{"github.com"}},
		Log:         e.log,
	})
	return e.mirrors, err
}

// fetch gets the commit that a reference asks for.
func (e *elsewhere) fetch(ctx context.Context, ref modules.Remote) (modules.Tree, error) {
	m, err := e.open()
	if err != nil {
		return modules.Tree{}, err
	}
	return m.Module(ctx, ref)
}

// checkout gives the files of such a commit.
func (e *elsewhere) checkout(ctx context.Context, tree modules.Tree, withGit bool) (string, func(), error) {
	m, err := e.open()
	if err != nil {
		return "", nil, err
	}
	return m.Checkout(ctx, tree, withGit)
}

// Close removes what was checked out.
func (e *elsewhere) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mirrors == nil {
		return nil
	}
	return e.mirrors.Close()
}
