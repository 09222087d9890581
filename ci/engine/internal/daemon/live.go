//go:build linux

package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

func (e Engine) root() string    { return filepath.Join(e.State, "root") }
func (e Engine) pidFile() string { return filepath.Join(e.State, "engine.pid") }
func (e Engine) cliFile() string { return filepath.Join(e.State, "cli") }

// engineLock is held by the engine itself while it lives.
func (e Engine) engineLock() string { return filepath.Join(e.root(), "dagger-engine.lock") }

// variables are what a client needs to reach the engine.
func (e Engine) variables(cli string) []string {
	return []string{
		"_EXPERIMENTAL_DAGGER_RUNNER_HOST=unix://" + e.Socket,
		"_EXPERIMENTAL_DAGGER_CLI_BIN=" + cli,
	}
}

// Live returns the variables that reach the engine, one NAME=VALUE each, or an
// error if it does not answer.
func (e Engine) Live(ctx context.Context) ([]string, error) {
	_, alive, err := loadProcess(e.pidFile())
	if err != nil {
		return nil, err
	}
	if !alive {
		return nil, fmt.Errorf("engine %s does not run", e.Name)
	}
	if err := e.probe(ctx); err != nil {
		return nil, err
	}
	cli, err := os.ReadFile(e.cliFile())
	if err != nil {
		return nil, fmt.Errorf("engine %s is not ready: %w", e.Name, err)
	}
	return e.variables(string(cli)), nil
}
