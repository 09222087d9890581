package engine_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

const goModule = `package main

import (
	"context"
	"strings"

	"dagger/m/internal/dagger"
)

type M struct{}

// Lists what it got.
func (m *M) OnPush(
	ctx context.Context,
	// +ignore=["*.md", "!keep.md"]
	src *dagger.Directory,
	whole *dagger.Directory,
) (string, error) {
	a, err := src.Glob(ctx, "*.*")
	if err != nil {
		return "", err
	}
	b, err := whole.Glob(ctx, "*.*")
	return strings.Join(a, " ") + " of " + strings.Join(b, " "), err
}

// Panics.
func (m *M) OnPanic() string { panic("no luck today") }

// Takes a secret.
func (m *M) OnSecret(token *dagger.Secret) string { return "fine" }
`

func TestGoModule(t *testing.T) {
	cfg := enginetest.Config(t)
	var log bytes.Buffer
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	e := enginetest.With(t, cfg)
	dir := repository(t, nil, map[string]string{
		"m/dagger.json": `{"name": "m", "engineVersion": "v0.21.8", "sdk": "go"}`,
		"m/main.go":     goModule,
		"a.txt":         "", "b.md": "", "keep.md": "",
	})
	s := open(t, e, engine.Run{
		Tree: enginetest.Tree(dir), Module: "m",
		Secret: func(context.Context, string) (string, error) { panic("of a lookup") },
	})
	t.Run("what an argument ignores is left out", func(t *testing.T) {
		args := map[string]modules.Value{"src": source, "whole": source}
		for _, e := range []*engine.Engine{e, enginetest.With(t, cfg)} { // the second one knows it from the cache
			s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "m"})
			if got, want := call(t, s, "onPush", args), "a.txt keep.md of a.txt b.md keep.md"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
	t.Run("the reason of a panic is told", func(t *testing.T) {
		_, err := s.Call(t.Context(), bind(t, s, "onPanic", nil), nil)
		if !errors.Is(err, modules.ErrFunction) || !strings.Contains(err.Error(), "no luck today") {
			t.Errorf("got %v, want the reason of the panic", err)
		}
	})
	t.Run("a panic of ours is an error", func(t *testing.T) {
		_, err := s.Call(t.Context(), bind(t, s, "onSecret", map[string]modules.Value{"token": secret("env://T")}), nil)
		if err == nil || !strings.Contains(err.Error(), "panic: of a lookup") || !strings.Contains(log.String(), "of a lookup") {
			t.Errorf("got %v and the log %s", err, log.String())
		}
	})
}

func TestReportThatPanics(t *testing.T) {
	var log bytes.Buffer
	var got []string
	q := engine.NewStepQueue(func(s modules.Step) {
		if s.Name == "bad" {
			panic("of a report")
		}
		got = append(got, s.Name)
	}, slog.New(slog.NewTextHandler(&log, nil)))
	for _, name := range []string{"a", "bad", "b"} {
		q.Add(modules.Step{State: modules.StepStarted, Name: name})
	}
	q.Close()
	if strings.Join(got, " ") != "a b" || !strings.Contains(log.String(), "of a report") {
		t.Errorf("got %v and the log %s", got, log.String())
	}
}

// A dagger program can leave a process behind that holds its outputs and is
// out of reach.
func TestOutputsHeldByAnother(t *testing.T) {
	dir := t.TempDir()
	cfg := engine.Config{Host: "unix://" + filepath.Join(dir, "e.sock"), CLI: filepath.Join(dir, "dagger"), Dir: t.TempDir()}
	listener, err := net.Listen("unix", filepath.Join(dir, "e.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	write(t, cfg.CLI, "#!/bin/sh\nsetsid sleep 40 &\nsleep 40\n")
	if err := os.Chmod(cfg.CLI, 0o755); err != nil {
		t.Fatal(err)
	}
	e := enginetest.With(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	start := time.Now()
	if _, err := e.Probe(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline's error", err)
	}
	if took := time.Since(start); took > 35*time.Second {
		t.Errorf("it took %s", took)
	}
}
