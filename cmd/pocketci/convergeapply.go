package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/converge"
	"github.com/franela/pocketci/internal/converge/config"
)

// convergeName is the name of the source of a pattern that is applied by hand.
const convergeName = "local"

// byHand are the flags of commands that take a pattern of this machine.
type byHand struct {
	root, state string
	env, exec   []string
	json        bool
}

func (b *byHand) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.root, "root", ".", "the pattern and what it imports are below this `DIR`")
	f.StringArrayVar(&b.env, "env", nil, "hand the variable `NAME` on to the pattern and its commands; may be repeated")
	f.StringArrayVar(&b.exec, "exec", nil, "give shell texts to this program; repeat it for each `ARGUMENT`")
	f.BoolVar(&b.json, "json", false, "print the result as JSON")
	cmd.MarkFlagDirname("root")
}

func (b *byHand) stateFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&b.state, "state-dir", "", "keep what was applied in this `DIR` (default: pocketci-converge in the folder for state)")
	cmd.MarkFlagDirname("state-dir")
}

// stateDir is where state is kept by the XDG base directory specification.
func (b *byHand) stateDir() (string, error) {
	if b.state != "" {
		return filepath.Abs(b.state)
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "pocketci-converge"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("there is no home directory: say where state is kept with --state-dir")
	}
	return filepath.Join(home, ".local", "state", "pocketci-converge"), nil
}

// process is one whose only source is the file.
func (b *byHand) process(cmd *cobra.Command, file, state string, dry bool) (*converge.Process, error) {
	for _, name := range b.env {
		if strings.Contains(name, "=") {
			return nil, errors.New("--env takes the name of a variable, whose value is not written on the command line")
		}
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("find the pattern: %w", err)
	}
	root, err := filepath.Abs(b.root)
	if err != nil {
		return nil, fmt.Errorf("find the root: %w", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the working directory: %w", err)
	}
	conf := &config.Config{
		File: "the command line", StateDir: state, Parallelism: 1,
		Sources: []config.Source{{Name: convergeName, Pattern: absolute, Root: root, Dir: dir, Timeout: config.DefaultTimeout, Exec: b.exec, EnvFrom: b.env}},
	}
	p, _, err := newConverger(conf, dry, "text", slog.LevelWarn, cmd.ErrOrStderr())
	return p, err
}

func newConvergeApply() *cobra.Command {
	var b byHand
	var remove bool
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "Apply a pattern of this machine to it",
		Long: `Apply applies a pattern file as the process does with one that was pushed: what was
applied before and is not in it is removed. It needs no signature: whoever can call
it can change the machine anyway.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci converge apply site.jsonnet --root . --env HOSTNAME
  pocketci converge apply site.yaml --remove`,
		RunE: func(cmd *cobra.Command, args []string) error {
			state, err := b.stateDir()
			if err != nil {
				return err
			}
			p, err := b.process(cmd, args[0], state, false)
			if err != nil {
				return err
			}
			if !remove {
				results, err := p.Once(cmd.Context())
				return b.print(cmd, results[convergeName], err)
			}
			reply, err := p.Remove(cmd.Context(), convergeName)
			return b.print(cmd, reply, err)
		},
	}
	b.flags(cmd)
	b.stateFlag(cmd)
	cmd.Flags().BoolVar(&remove, "remove", false, "remove everything that was applied")
	return cmd
}

func (b *byHand) print(cmd *cobra.Command, r converge.Reply, err error) error {
	if b.json {
		if err := writeJSON(cmd.OutOrStdout(), r); err != nil {
			return err
		}
	} else {
		printReply(cmd.OutOrStdout(), "", r)
	}
	switch {
	case err != nil && converge.IsPattern(err):
		return err // a fault of the file
	case err != nil:
		return &exitError{exitFailed, err.Error()}
	case r.Err != "":
		return &exitError{exitFailed, r.Err}
	}
	return nil
}

func newConvergeCheck() *cobra.Command {
	var b byHand
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Say what applying a pattern would change",
		Long: `Check runs the checks of a pattern and says what apply would change and remove. It
exits with 1 if there is something.`,
		Args:    cobra.ExactArgs(1),
		Example: `  pocketci converge check site.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			state, err := b.stateDir()
			if err != nil {
				return err
			}
			p, err := b.process(cmd, args[0], state, true)
			if err != nil {
				return err
			}
			results, err := p.Once(cmd.Context())
			reply := results[convergeName]
			if err := b.print(cmd, reply, err); err != nil {
				return err
			}
			if len(reply.Changed)+len(reply.Removed) > 0 {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
	b.flags(cmd)
	b.stateFlag(cmd)
	return cmd
}
