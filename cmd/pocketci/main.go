// Command pocketci plans and calls the functions of a Dagger module as an
// event would, on a local directory: it answers which functions an event
// calls, why not the others, and runs them here and now. It also shows and
// steers what an agent does, through the agent's API.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
