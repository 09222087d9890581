package main

import (
	"context"
	"path/filepath"

	"github.com/franela/pocketci/ci/engine/internal/daemon"
	"github.com/franela/pocketci/ci/engine/internal/host"
	"github.com/franela/pocketci/ci/engine/internal/progress"
	"github.com/franela/pocketci/ci/engine/internal/sandbox"
	"github.com/franela/pocketci/ci/engine/internal/sdkimage"
	"github.com/franela/pocketci/ci/engine/internal/tools"
)

// insideSandbox becomes the engine if that is what this process was started
// for, and then returns only if it failed.
func insideSandbox(args []string) error {
	if len(args) != 2 || args[0] != sandbox.Command {
		return nil
	}
	return sandbox.Enter(args[1])
}

func live(ctx context.Context, engine daemon.Engine) ([]string, error) {
	return engine.Live(ctx)
}

// launch builds what is missing and starts the engine.
func launch(ctx context.Context, log *progress.Log, engine daemon.Engine, cache string) ([]string, error) {
	unlock, err := lock(ctx, log, engine.LockFile())
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Whoever held the lock may have started it.
	if variables, err := engine.Live(ctx); err == nil {
		return variables, nil
	}
	set, image, err := build(ctx, log, cache)
	if err != nil {
		return nil, err
	}
	if err := engine.Start(ctx, log, set, image); err != nil {
		return nil, err
	}
	return engine.Live(ctx)
}

// build makes what all engines of a cache share, one at a time.
func build(ctx context.Context, log *progress.Log, cache string) (set tools.Set, image sdkimage.Image, err error) {
	unlock, err := lock(ctx, log, filepath.Join(cache, "build.lock"))
	if err != nil {
		return set, image, err
	}
	defer unlock()
	if err := host.InstallPackages(ctx, log); err != nil {
		return set, image, err
	}
	if set, err = tools.Build(ctx, log, cache); err != nil {
		return set, image, err
	}
	if image, err = sdkimage.Ensure(ctx, log, cache, set); err != nil {
		return set, image, err
	}
	return set, image, tools.Prune(cache, set.Dir, image.Dir)
}

func end(ctx context.Context, log *progress.Log, engine daemon.Engine) error {
	unlock, err := lock(ctx, log, engine.LockFile())
	if err != nil {
		return err
	}
	defer unlock()
	return engine.Stop(ctx, log)
}

func lock(ctx context.Context, log *progress.Log, path string) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, daemon.LockTimeout)
	defer cancel()
	return daemon.Lock(ctx, path, func() { log.Printf("wait for another start or stop to finish …") })
}
