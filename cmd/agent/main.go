// Command agent is the pocketci server: it receives webhooks and calls the
// functions of Dagger modules that they match.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
)

// version is set when a release is linked.
var version = ""

// gcPercent is how much garbage there may be beside what is in use before it is
// collected. What an agent has in use is a few megabytes, so that Go's own hundred
// percent collects many times a second in a burst of deliveries: an eighth of the time
// that an acknowledgement takes (docs/benchmarks.md). GOGC overrides it.
const gcPercent = 400

// tidy gives back what was only needed to start, such as buffers for migrations. What
// stays in use is a tenth of that, and decides how much garbage there may be.
func tidy() {
	runtime.GC() // what pools hold is garbage the second time only
	debug.FreeOSMemory()
}

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(run())
}

// run is main with an exit code: 0 after a stop in order, 1 after a failure, 2
// for usage.
func run() int {
	o, err := parse(os.Args[1:], os.Getenv, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "agent: %v\n", err)
		return 2
	case o.showVersion:
		fmt.Printf("agent %s\n", versionText())
		return 0
	}

	// The first signal lets calls finish, the second ends them.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stop, stopNow := context.WithCancelCause(context.Background())
	abort, abortNow := context.WithCancelCause(context.Background())
	defer abortNow(nil)
	go func() {
		stopNow(fmt.Errorf("the agent received %s", <-signals))
		abortNow(fmt.Errorf("the agent received %s again", <-signals))
	}()

	a, err := newAgent(o)
	if err != nil {
		fmt.Fprintf(os.Stderr, "agent: %v\n", err)
		return 2
	}
	defer a.Close()
	if err := a.Run(stop, abort, abortNow); err != nil {
		fmt.Fprintf(os.Stderr, "agent: %v\n", err)
		return 1
	}
	return 0
}

// versionText is the linked version, else what the build knows of itself.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
