// Command engine runs a Dagger engine for development where there is no
// Docker. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/franela/pocketci/ci/engine/internal/daemon"
	"github.com/franela/pocketci/ci/engine/internal/host"
	"github.com/franela/pocketci/ci/engine/internal/progress"
	"github.com/franela/pocketci/ci/engine/internal/tools"
)

const usage = `usage: engine COMMAND [flags]

  start   have an engine running, then print the variables that reach it
  env     print the variables of a running engine; fails if there is none
  status  say whether the engine runs, and where
  stop    end the engine and wait until it is gone

Flags:
`

func main() {
	if err := insideSandbox(os.Args[1:]); err != nil {
		fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "engine:", err)
	if errors.As(err, new(usageError)) {
		os.Exit(2)
	}
	os.Exit(1)
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func run(ctx context.Context, args []string) error {
	cache, err := daemon.CacheDir()
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("engine", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	var engine daemon.Engine
	text := func(target *string, name, variable, value, help string) {
		if set := os.Getenv(variable); set != "" {
			value = set
		}
		flags.StringVar(target, name, value, help+" ($"+variable+")")
	}
	text(&engine.Name, "name", "POCKETCI_ENGINE_NAME", daemon.DefaultName, "tells engines on one machine apart")
	text(&cache, "cache", "POCKETCI_ENGINE_CACHE", cache, "directory of the built programs and the image")
	text(&engine.State, "state", "POCKETCI_ENGINE_STATE", "", "directory of the engine (default CACHE/engines/NAME)")
	text(&engine.Socket, "socket", "POCKETCI_ENGINE_SOCKET", "", "socket it listens on (default STATE/engine.sock)")
	text(&engine.Network, "network", "POCKETCI_ENGINE_NETWORK", "", "name of its container network (default from NAME)")
	text(&engine.CIDR, "network-cidr", "POCKETCI_ENGINE_NETWORK_CIDR", "", "addresses of its containers (default from NAME)")
	ignoreDocker := flags.Bool("ignore-docker", os.Getenv("POCKETCI_ENGINE_IGNORE_DOCKER") != "",
		"build an engine although Docker answers ($POCKETCI_ENGINE_IGNORE_DOCKER)")

	command := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return usageError{err}
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("unexpected argument %q", flags.Arg(0))}
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return err
	}
	if engine, err = engine.WithDefaults(cache); err != nil {
		return usageError{err}
	}

	log := progress.New(os.Stderr)
	switch command {
	case "start":
		return start(ctx, log, engine, cache, *ignoreDocker)
	case "env":
		return env(ctx, engine)
	case "status":
		return status(ctx, engine)
	case "stop":
		return stop(ctx, log, engine)
	}
	flags.Usage()
	return usageError{fmt.Errorf("unknown command %q", command)}
}

func start(ctx context.Context, log *progress.Log, engine daemon.Engine, cache string, ignoreDocker bool) error {
	variables, err := live(ctx, engine)
	if err == nil {
		log.Printf("engine %s already runs, log in %s", engine.Name, engine.Log())
		printLines(variables)
		return nil
	}
	if !ignoreDocker && host.DockerAnswers(ctx) {
		log.Printf("Docker answers: the Dagger SDK provisions its own engine, nothing to build and no variables to set")
		return nil
	}
	if err := host.RequireDebianRoot(); err != nil {
		return err
	}
	if variables, err = launch(ctx, log, engine, cache); err != nil {
		return err
	}
	printLines(variables)
	return nil
}

func env(ctx context.Context, engine daemon.Engine) error {
	variables, err := live(ctx, engine)
	if err != nil {
		return err
	}
	printLines(variables)
	return nil
}

func status(ctx context.Context, engine daemon.Engine) error {
	if _, err := live(ctx, engine); err != nil {
		return err
	}
	fmt.Printf("engine %s %s runs\nsocket  %s\nstate   %s\nlog     %s\nnetwork %s %s\n",
		engine.Name, tools.Version, engine.Socket, engine.State, engine.Log(), engine.Network, engine.CIDR)
	return nil
}

func stop(ctx context.Context, log *progress.Log, engine daemon.Engine) error {
	if !engine.Known() {
		log.Printf("engine %s was never started here", engine.Name)
		return nil
	}
	if err := host.RequireDebianRoot(); err != nil {
		return err
	}
	return end(ctx, log, engine)
}

func printLines(lines []string) {
	for _, line := range lines {
		fmt.Println(line)
	}
}
