package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/modules/engine"
)

// parallelism is how many calls run at a time on a laptop.
const parallelism = 10

// local is an event and a directory, ready to be planned and run with the same
// parts as on a server.
type local struct {
	snapshot *runs.Snapshot
	direct   *runs.Direct
	engine   *engine.Engine
	remotes  *elsewhere
	masker   *secrets.Masker
}

// open reads the event and opens the directory and the engine. An event for
// which nothing can be planned is printed as a plan that says so.
func (in *input) open(cmd *cobra.Command) (*local, error) {
	in.vendorGiven = cmd.Flags().Changed("vendor")
	event, err := in.read(cmd.InOrStdin())
	if nothing, ok := errors.AsType[*events.NothingError](err); ok {
		return nil, in.nothing(cmd, event, nothing)
	}
	if err != nil {
		return nil, err
	}
	repository, err := in.repository(cmd, &event)
	if err != nil {
		return nil, err
	}
	if repository.SHA != "" {
		event.SHA = repository.SHA
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find a place for event files: %w", err)
	}
	cache = filepath.Join(cache, "pocketci")
	place := dispatcher.Place{Source: "."}
	if place.Dir, err = in.start(); err != nil {
		return nil, err
	}
	l := &local{masker: secrets.NewMasker()}
	if l.snapshot, err = runs.Open(event, repository, place, filepath.Join(cache, "events")); err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(report.Lines(l.masker.Writer(cmd.ErrOrStderr())), &slog.HandlerOptions{Level: slog.LevelWarn}))
	policy, err := secrets.Allow(in.allow...)
	if err != nil {
		return nil, err
	}
	vault := secrets.Read(policy)
	vault.AddTo(l.masker)
	l.remotes = &elsewhere{dir: cache, vault: vault, log: log}
	if l.engine, err = engine.New(engine.Config{
		Host:     os.Getenv(engine.EnvRunnerHost),
		CLI:      daggerProgram(),
		Dir:      filepath.Join(cache, "dagger"),
		Checkout: l.remotes.checkout,
		Mask:     l.masker.String,
		Log:      log,
	}); err != nil {
		return nil, err
	}
	// Whose code it is, and whose modules are used, is for the user to know.
	remotes := runs.Remotes{Fetch: l.remotes.fetch, Allow: func(string) error { return nil }}
	grant := func(event *events.Event) secrets.Grant {
		scope := secrets.ScopeOf(event)
		scope.Trusted = true
		return vault.For(scope)
	}
	format := report.FormatText
	if in.json {
		format = report.FormatJSON
	}
	reports, err := report.New(format, report.Lines(l.masker.Writer(cmd.ErrOrStderr())), report.Lines(l.masker.Writer(cmd.OutOrStdout())))
	if err != nil {
		return nil, err
	}
	l.direct = &runs.Direct{
		Planner: &dispatcher.Planner{
			Loader:  noticing(l.engine, cmd.ErrOrStderr()),
			Modules: remotes,
			Labels:  in.labels,
			Secrets: func(event *events.Event) func(string) error { return grant(event).Check },
			Timeout: in.timeout,
		},
		Dispatcher: dispatcher.New(runs.Sessions{Runners: runs.Runners{{Engine: l.engine, Labels: in.labels}}, Secrets: grant, Modules: remotes, Masker: l.masker}, parallelism, log),
		Report:     reports,
	}
	return l, nil
}

// nothing prints the plan of an event that nothing can be planned for.
func (in *input) nothing(cmd *cobra.Command, event events.Event, nothing *events.NothingError) error {
	plan := &dispatcher.Plan{
		Event:   event,
		Changes: dispatcher.Changes{Unknown: nothing.Reason},
		Skipped: []dispatcher.Skipped{{Function: dispatcher.AllFunctions, Reason: nothing.Error()}},
	}
	if in.json && in.lines {
		lines, err := report.New(report.FormatJSON, nil, cmd.OutOrStdout())
		if err != nil {
			return err
		}
		run := &dispatcher.Run{ID: runID(event.ID), Plan: plan}
		lines.Planned(run, dispatcher.Place{})
		lines.Finished(run, dispatcher.Place{}, nil)
		return &exitError{code: exitNothing}
	}
	if err := in.print(cmd.OutOrStdout(), plan, dispatcher.Place{}); err != nil {
		return err
	}
	return &exitError{code: exitNothing}
}

// print writes a plan in the format that was asked for.
func (in *input) print(w io.Writer, plan *dispatcher.Plan, place dispatcher.Place) error {
	if in.json {
		return writeJSON(w, plan.View(place))
	}
	report.Plan(w, plan, place)
	return nil
}

// Close ends the connection to the engine.
func (l *local) Close() {
	// All that is left to fail is saying goodbye.
	_ = l.engine.Close()
	_ = l.remotes.Close()
}

// masked returns a writer that hides secrets, for what is written in whole
// lines.
func (l *local) masked(w io.Writer) io.Writer { return report.Lines(l.masker.Writer(w)) }

// runID names the run in front of every line of its output.
func (l *local) runID() string { return runID(l.snapshot.Event.ID) }

// runID is the end of an event's id, which tells events apart.
func runID(event string) string { return event[max(0, len(event)-8):] }

// localID names the event of a payload by its content.
func localID(name string, payload []byte) string {
	sum := sha256.Sum256(append([]byte(name+"\n"), payload...))
	return "local-" + hex.EncodeToString(sum[:8])
}

// daggerProgram is the dagger command line that sessions use: the one that is
// asked for, else the one in PATH. Without either the SDK brings its own.
func daggerProgram() string {
	if program := os.Getenv(engine.EnvCLI); program != "" {
		return program
	}
	if program, err := exec.LookPath("dagger"); err == nil {
		return program
	}
	return ""
}
