package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"

	"dagger.io/dagger"

	"github.com/franela/pocketci/modules"
)

// link is a connection to the engine with directories of its own.
type link struct {
	engine  *Engine
	tree    modules.Tree
	scratch *scratch
	proc    *process
	client  *dagger.Client
	version string
	module  *dagger.Module // once loaded
	lost    atomic.Bool    // the engine is gone
}

// connect starts a dagger session. A tree that is the user's own work tree
// gets the user's environment and work directory; everything else gets an
// empty work directory and a minimal environment. Errors wrap modules.ErrUnavailable
// unless this host is at fault.
func (e *Engine) connect(ctx context.Context, tree modules.Tree, env []string) (*link, error) {
	if err := e.Ping(ctx); err != nil {
		return nil, err
	}
	cli, err := e.program(ctx)
	if err != nil {
		return nil, err
	}
	if tree.Dir == "" {
		if err := checkAbove(e.root); err != nil {
			return nil, err
		}
	}
	scratch, err := newScratch(e.root)
	if err != nil {
		// A disk that is full or read-only says nothing about the module.
		return nil, fmt.Errorf("%w: %w", modules.ErrUnavailable, err)
	}
	l := &link{engine: e, tree: tree, scratch: scratch}
	dir, base := scratch.work(), e.serverEnv
	if tree.Dir != "" {
		dir, base = tree.Dir, e.laptopEnv
	}
	timeout := provisionTimeout
	if listens(e.cfg.Host) {
		timeout = connectTimeout
	}
	if l.proc, err = startProcess(ctx, cli, dir, append(base(), env...), timeout); err != nil {
		scratch.remove()
		return nil, err
	}
	if l.client, err = dagger.Connect(ctx, dagger.WithConn(l.proc)); err == nil {
		l.version, err = l.client.Version(ctx)
	}
	if err != nil {
		err = fmt.Errorf("connect to engine: %w", l.classify(ctx, err))
		l.Close()
		return nil, err
	}
	e.cache.sawVersion(l.version)
	return l, nil
}

// Close ends the session and removes its directories. A session that has lost
// its engine has nothing to hand over and is not given the time for it.
func (l *link) Close() {
	if l.lost.Load() {
		l.proc.kill()
	}
	_ = l.proc.Close()
	l.scratch.remove()
}

// load puts the module on the engine, serves it in this session and describes
// it, with the help of the cache if key is not empty.
func (l *link) load(ctx context.Context, a *assembly, key string) (*schema, error) {
	if err := a.write(ctx, l.scratch.module()); err != nil {
		return nil, err
	}
	var module *dagger.Module
	if l.tree.Dir == "" {
		module = l.client.Host().Directory(l.scratch.module()).
			AsModule(dagger.DirectoryAsModuleOpts{SourceRootPath: a.module})
	} else {
		// Only a module that is loaded by path gets the user's .env files.
		// The .git marks the root of what its references may reach.
		if err := os.Mkdir(filepath.Join(l.scratch.module(), ".git"), 0o700); err != nil {
			return nil, fmt.Errorf("load module %s: %w", a.module, err)
		}
		module = l.client.ModuleSource(filepath.Join(l.scratch.module(), filepath.FromSlash(a.module)),
			dagger.ModuleSourceOpts{DisableFindUp: true}).AsModule()
	}
	l.module = module
	if err := module.Serve(ctx); err != nil {
		return nil, l.loadError(ctx, a.module, err)
	}
	if s := l.engine.cache.get(key, l.version); s != nil {
		return s, nil
	}
	name, err := module.Name(ctx)
	if err != nil {
		return nil, l.loadError(ctx, a.module, err)
	}
	s, err := introspect(ctx, l.client, module, a.module, name)
	var empty *LoadError
	if errors.As(err, &empty) {
		// An SDK that only skims the source finds nothing in what does not
		// parse; its compiler knows why.
		if build := l.buildError(ctx, a.module); build != nil {
			return nil, build
		}
		return nil, empty
	}
	if err != nil {
		return nil, l.classify(ctx, err)
	}
	l.engine.cache.put(key, l.version, s)
	return s, nil
}

// loadError makes a LoadError of what the engine says about a module, unless
// the engine itself or the context is the reason.
func (l *link) loadError(ctx context.Context, module string, err error) error {
	err = l.classify(ctx, err)
	if errors.Is(err, modules.ErrUnavailable) || ctx.Err() != nil {
		return fmt.Errorf("load module %s: %w", module, err)
	}
	return newLoadError(module, err, l.engine.cfg.Mask)
}

// buildError says why a module does not compile, or gives nil. Some SDKs
// compile one only when it is first called; a module that was compiled is
// there already, so that asking costs little.
func (l *link) buildError(ctx context.Context, module string) error {
	_, err := l.module.Runtime().Sync(ctx)
	var build *dagger.ExecError
	if errors.As(err, &build) {
		return newLoadError(module, err, l.engine.cfg.Mask)
	}
	return nil
}

// classify adds to an error of a request whether the context was the reason,
// or an engine that is gone (modules.ErrUnavailable). Errors that the engine itself
// reports stay as they are.
func (l *link) classify(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
			return fmt.Errorf("%w: %w", ctx.Err(), cause)
		}
		return ctx.Err()
	}
	if l.proc.ended() || reported(err) == nil || l.engine.Ping(ctx) != nil {
		l.lost.Store(true)
		return fmt.Errorf("%w: %s", modules.ErrUnavailable, withoutBody(err.Error()))
	}
	return err
}

// withoutBody drops the JSON that an HTTP client puts at the end of its error:
// the answer of whoever stood between us and the engine tells nobody anything.
func withoutBody(text string) string {
	text, _, _ = strings.Cut(text, ": {")
	return text
}

// inTree makes a path that a module names, relative to itself or, with a
// leading slash, to the repository, into one relative to the repository.
func inTree(module, name string) (string, bool) {
	p := path.Join(module, name)
	if path.IsAbs(name) {
		p = path.Join(".", strings.TrimLeft(name, "/"))
	}
	return p, filepath.IsLocal(p)
}
