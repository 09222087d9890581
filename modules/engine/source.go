package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"dagger.io/dagger"

	"github.com/franela/pocketci/modules"
)

// uploadSource puts the repository's tree on the engine: a checkout, uploaded
// as a directory. The engine keeps what was uploaded from a path before and is
// sent what differs, and the content's hash, which is what makes steps cached,
// comes out of the same pass; times of files have no part in it. Measured with
// 11,000 files (45 MB) on two busy cores, a new commit of three changed files
// and an unchanged one, upload and hash:
//
//	upload of the checkout        1.5–3 s    0.6–1 s   first time 10 s
//	upload of the bare mirror,
//	  checked out by the engine   3.5–5 s    0.2 s     first time 4 s
//	upload of a pack of the
//	  commit, likewise            2.5–5 s    0.2 s     first time 4 s
//	import of a tar as an image   4 s        0.2 s     first time 4 s
//
// The engine's own checkout also fetches submodules from wherever the
// repository says, and fails if that fails.
func (s *Session) uploadSource(ctx context.Context, tree modules.Tree, git bool) (dagger.ID, error) {
	dir, release := tree.Dir, func() {}
	if dir == "" {
		if s.link.engine.cfg.Checkout == nil {
			return "", errors.New("no checkout is configured")
		}
		var err error
		if dir, release, err = s.link.engine.cfg.Checkout(ctx, tree, git); err != nil {
			return "", fmt.Errorf("check out: %w", err)
		}
	}
	defer release()
	opts := dagger.HostDirectoryOpts{NoCache: true}
	if !git {
		opts.Exclude = []string{".git"}
	}
	// Sync, because the files are gone once they are released.
	uploaded, err := s.link.client.Host().Directory(dir, opts).Sync(ctx)
	if err != nil {
		return "", s.link.classify(ctx, err)
	}
	return uploaded.ID(ctx)
}

// file gives a Directory or File of the repository by its path. In a work tree of the
// user's own it is taken from where it is, and an absolute path is any of the user's.
func (s *Session) file(ctx context.Context, t modules.Type, name string) (dagger.ID, error) {
	own := s.run.Source.Dir
	if path.IsAbs(name) && own == "" {
		return "", fmt.Errorf("%s is an absolute path, which is one of the agent's machine", name)
	}
	return s.once(ctx, "path "+t.Name+" "+name, func(ctx context.Context) (dagger.ID, error) {
		id, err := s.openFile(ctx, t, own, name)
		if err != nil {
			return "", fmt.Errorf("take %s from the repository: %w", name, s.link.classify(ctx, err))
		}
		return id, nil
	})
}

func (s *Session) openFile(ctx context.Context, t modules.Type, own, name string) (dagger.ID, error) {
	if own != "" {
		if name = filepath.FromSlash(name); !filepath.IsAbs(name) {
			name = filepath.Join(own, name)
		}
	}
	src := &dagger.Directory{}
	if own == "" {
		id, err := s.source(ctx, false)
		if err != nil {
			return "", err
		}
		src = dagger.Ref[*dagger.Directory](s.link.client, id)
	}
	// Sync, so that what is not there is noticed before the function is called.
	if t.IsObject("Directory") {
		dir := s.link.client.Host().Directory(name, dagger.HostDirectoryOpts{NoCache: true})
		if own == "" {
			dir = src.Directory(name)
		}
		dir, err := dir.Sync(ctx)
		if err != nil {
			return "", err
		}
		return dir.ID(ctx)
	}
	file := s.link.client.Host().File(name, dagger.HostFileOpts{NoCache: true})
	if own == "" {
		file = src.File(name)
	}
	file, err := file.Sync(ctx)
	if err != nil {
		return "", err
	}
	return file.ID(ctx)
}

// part gives what an argument with a default path takes when it is left out.
// The engine would look for it in the assembled module, where most of the
// repository is missing. An empty id says that the engine knows better.
func (s *Session) part(ctx context.Context, c contextual) (dagger.ID, error) {
	at, inside := inTree(s.run.Module, c.Path)
	git := c.Type == "GitRepository" || c.Type == "GitRef"
	if git {
		// As in Dagger: the repository around the module, or an address.
		if local := path.Clean(strings.Trim(c.Path, "/")); local != "." && local != ".git" {
			return "", nil
		}
	} else if !inside {
		return "", fmt.Errorf("its default path %s leaves the repository", c.Path)
	}
	id, err := s.directory(ctx, s.run.Context, git)
	if err != nil {
		return "", err
	}
	src := dagger.Ref[*dagger.Directory](s.link.client, id)
	var part interface {
		ID(context.Context) (dagger.ID, error)
	}
	switch c.Type {
	case "Directory":
		dir := src
		if at != "." {
			dir = dir.Directory(at)
		}
		if len(c.Ignore) > 0 {
			dir = dir.Filter(dagger.DirectoryFilterOpts{Exclude: c.Ignore})
		}
		part = dir
	case "File":
		part = src.File(at)
	case "GitRepository":
		part = src.AsGit()
	case "GitRef":
		part = src.AsGit().Head()
	default:
		return "", nil
	}
	if id, err = part.ID(ctx); err != nil {
		return "", fmt.Errorf("take %s from the repository: %w", c.Path, s.link.classify(ctx, err))
	}
	return id, nil
}

// without gives a directory without what the patterns match. The engine does
// so by itself only for a default path.
func (s *Session) without(ctx context.Context, dir dagger.ID, ignore []string) (dagger.ID, error) {
	id, err := dagger.Ref[*dagger.Directory](s.link.client, dir).
		Filter(dagger.DirectoryFilterOpts{Exclude: ignore}).ID(ctx)
	if err != nil {
		return "", fmt.Errorf("leave out what is ignored: %w", s.link.classify(ctx, err))
	}
	return id, nil
}
