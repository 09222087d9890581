// Checks in Go, as the documentation shows them.
package main

import (
	"context"
	"errors"
	"strings"

	"dagger/gochecks/internal/dagger"
)

// New takes the repository.
func New(
	// +defaultPath="/"
	// +ignore=["rootfs"]
	source *dagger.Directory,
) *Gochecks {
	return &Gochecks{Source: source}
}

type Gochecks struct {
	Source *dagger.Directory // +private
}

// Docs are never empty.
// +check
func (m *Gochecks) Docs(ctx context.Context) error {
	text, err := m.Source.File("docs/README.md").Contents(ctx)
	if err != nil {
		return err
	}
	if strings.TrimSpace(text) == "" {
		return errors.New("docs/README.md is empty")
	}
	return nil
}

// Greet requires a name.
// +check
func (m *Gochecks) Greet(name string) string { return "hello " + name }

// Web has checks of its own.
func (m *Gochecks) Web() *Web { return &Web{} }

type Web struct{}

// LintJS never succeeds.
// +check
func (w *Web) LintJS(ctx context.Context) error {
	return errors.New("main.js:3: a semicolon is missing")
}
