// Command bench measures what pocketci promises about speed, each as a ratio
// to the plain tools on the same machine, and says which goals are met. It
// needs a Dagger engine (make engine).
//
// The two sides of a ratio are measured in turns, with the order changing, and
// the median counts. Every repetition has a commit of its own, so that neither
// side is given what the engine remembers of the other.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/modules/engine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	flag.IntVar(&o.runs, "runs", 7, "how often each side of a ratio is measured, `N`")
	flag.StringVar(&o.only, "only", "abcdefgh", "the `LETTERS` of the measurements to make")
	flag.BoolVar(&o.verbose, "v", false, "print every repetition and the agent's own log")
	flag.Parse()
	if flag.NArg() > 0 || o.runs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	b := &bench{Stage: &gittest.Stage{Name: "bench"}, ctx: ctx, options: o, host: os.Getenv(engine.EnvRunnerHost), dagger: os.Getenv(engine.EnvCLI)}
	err := b.measure()
	b.Close()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	runs    int
	only    string
	verbose bool
}

func (o options) wants(letter string) bool { return strings.Contains(o.only, letter) }

// measure makes the measurements that were asked for and prints their table. A
// goal that is missed is a row that says so, not an error.
func (b *bench) measure() error {
	if b.host == "" || b.dagger == "" {
		return fmt.Errorf("no engine: run make engine and set the variables that it prints (%s, %s)", engine.EnvRunnerHost, engine.EnvCLI)
	}
	printMachine(b.ctx, b.dagger)
	b.bin = b.TempDir()
	build := exec.CommandContext(b.ctx, "go", "build", "-o", b.bin+string(filepath.Separator), "./cmd/...")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the programs: %w", err)
	}
	var rows []row
	for _, part := range []struct {
		letter string
		run    func() ([]row, error)
	}{
		{"a", one(b.small)},
		{"b", one(b.large)},
		{"c", one(b.planning)},
		{"d", one(b.parallel)},
		{"e", one(b.memory)},
		{"f", b.intake},
		{"g", b.home},
		{"h", b.logs},
	} {
		if !b.wants(part.letter) {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring (%s) …\n", part.letter)
		before := b.Mark()
		measured, err := part.run()
		b.Unwind(before) // so that no agent idles beside the next measurement
		if err != nil {
			return fmt.Errorf("measure (%s): %w", part.letter, err)
		}
		for _, r := range measured {
			r.letter = part.letter
			rows = append(rows, r)
		}
	}
	printTable(os.Stdout, rows)
	return nil
}

// one is a measurement that comes to one row.
func one(measure func() (row, error)) func() ([]row, error) {
	return func() ([]row, error) {
		r, err := measure()
		return []row{r}, err
	}
}

// bench is what the measurements share.
type bench struct {
	*gittest.Stage
	ctx context.Context
	options
	host, dagger string // the engine and the program that speaks to it
	bin          string // the built programs
}
