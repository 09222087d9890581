package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/formatter"
	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/converge/pattern"
	"github.com/franela/pocketci/internal/terminal"
)

// linting is how patterns are linted.
type linting struct {
	root   string
	format bool
	linter []string
}

func newConvergeLint() *cobra.Command {
	var l linting
	cmd := &cobra.Command{
		Use:   "lint DIR",
		Short: "Check all patterns below a folder",
		Long: `Lint reads every .jsonnet, .yaml, .yml and .json file below a folder as a pattern,
and every .libsonnet as Jsonnet. Variables that a pattern reads are its fallbacks,
or empty. Files of YAML and JSON that have no commands at their top are left out.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci converge lint patterns --root .
  pocketci converge lint patterns --format --linter shellcheck --linter -s --linter bash --linter -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := pattern.Find(args[0])
			if err != nil {
				return err
			}
			bad, read := 0, 0
			for _, file := range files {
				seen, problems := l.file(cmd, file)
				if seen {
					read++
				}
				for _, problem := range problems {
					bad++
					fmt.Fprintln(cmd.OutOrStdout(), strings.Join(terminal.Lines(problem), "\n"))
				}
			}
			switch {
			case bad > 0:
				return &exitError{exitUsage, fmt.Sprintf("%d of these files have to be put right", bad)}
			case read == 0:
				return &exitError{exitNothing, "there is no pattern below " + args[0]}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&l.root, "root", ".", "the patterns and what they import are below this `DIR`")
	f.BoolVar(&l.format, "format", false, "have Jsonnet be written as its formatter writes it")
	f.StringArrayVar(&l.linter, "linter", nil, "give every shell text to this program; repeat it for each `ARGUMENT`")
	cmd.MarkFlagDirname("root")
	return cmd
}

// file reports what is wrong with a file, and whether it was read.
func (l *linting) file(cmd *cobra.Command, file string) (seen bool, problems []string) {
	text, err := os.ReadFile(file)
	if err != nil {
		return true, []string{err.Error()}
	}
	extension := filepath.Ext(file)
	if l.format && strings.HasSuffix(extension, "sonnet") {
		formatted, err := formatter.Format(file, string(text), formatter.DefaultOptions())
		if err == nil && formatted != string(text) {
			problems = append(problems, fmt.Sprintf("%s:%d:1: not written as the formatter of Jsonnet does", file, firstDifference(formatted, string(text))))
		}
	}
	if extension == ".libsonnet" {
		if _, err := jsonnet.SnippetToAST(file, string(text)); err != nil {
			problems = append(problems, err.Error())
		}
		return true, problems
	}
	if extension != ".jsonnet" && !bytes.Contains(text, []byte("commands")) {
		return false, nil
	}
	p, err := l.read(file)
	if err != nil {
		return true, append(problems, err.Error())
	}
	return true, append(problems, l.shell(cmd, file, p)...)
}

func (l *linting) read(file string) (*pattern.Pattern, error) {
	files, err := pattern.Pack(l.root, file)
	if err != nil {
		return nil, err
	}
	if filepath.Ext(file) != ".jsonnet" {
		return pattern.Parse(file, []byte(files.Files[files.Entrypoint]))
	}
	data, err := pattern.EvaluateAnywhere(&files)
	if err != nil {
		return nil, err
	}
	return pattern.Parse(file+" (rendered)", data)
}

// shell gives each text to the linter.
func (l *linting) shell(cmd *cobra.Command, file string, p *pattern.Pattern) (problems []string) {
	if len(l.linter) == 0 {
		return nil
	}
	for _, c := range p.Commands {
		for mode, a := range map[string]*pattern.Action{"check": c.Check, "change": c.Change, "remove": c.Remove} {
			if a == nil || a.Text == "" {
				continue
			}
			run := exec.CommandContext(cmd.Context(), l.linter[0], l.linter[1:]...)
			run.Stdin = strings.NewReader(a.Text)
			out, err := run.CombinedOutput()
			if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
				return []string{err.Error()}
			}
			if err != nil {
				problems = append(problems, fmt.Sprintf("%s: the %s of %q:\n%s", file, mode, c.ID, out))
			}
		}
	}
	slices.Sort(problems)
	return problems
}

// firstDifference is the line at which two texts begin to differ.
func firstDifference(a, b string) int {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return i + 1
		}
	}
	return min(len(x), len(y))
}
