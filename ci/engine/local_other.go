//go:build !linux

package main

import (
	"context"

	"github.com/franela/pocketci/ci/engine/internal/daemon"
	"github.com/franela/pocketci/ci/engine/internal/host"
	"github.com/franela/pocketci/ci/engine/internal/progress"
)

// Elsewhere than on Linux there is only the engine that Docker runs.

func insideSandbox([]string) error { return nil }

func live(context.Context, daemon.Engine) ([]string, error) {
	return nil, host.RequireDebianRoot()
}

func launch(context.Context, *progress.Log, daemon.Engine, string) ([]string, error) {
	return nil, host.RequireDebianRoot()
}

func end(context.Context, *progress.Log, daemon.Engine) error {
	return host.RequireDebianRoot()
}
