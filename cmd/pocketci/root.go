package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set when a release is linked.
var version = ""

// Exit codes, as documented in docs/cli.md.
const (
	exitOK      = 0
	exitFailed  = 1 // a call failed or was invalid
	exitUsage   = 2 // usage, configuration, or an invalid call in a plan
	exitNothing = 3 // nothing matched
)

// exitError ends the program with a code other than exitUsage. Its message is
// printed unless it is empty, for commands that have said all there is to say.
type exitError struct {
	code    int
	message string
}

func (e *exitError) Error() string { return e.message }

// execute runs the command line and returns its exit code.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitUsage
	if exit, ok := errors.AsType[*exitError](err); ok {
		code = exit.code
	}
	if message := err.Error(); message != "" {
		fmt.Fprintf(stderr, "pocketci: %s\n", message)
	}
	return code
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "pocketci",
		Short: "Call Dagger functions on events",
		Long: `pocketci matches an event with the functions of a repository's Dagger modules by
their names (On<Vendor><Event><Filter>), and calls those that match.

Exit codes: 0 fine; 1 a call failed or was invalid (run, call); 2 usage or
configuration, or an invalid call (plan); 3 nothing matched.`,
		Version:       versionText(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("pocketci {{.Version}}\n")
	root.AddCommand(newPlan(), newRun(), newCall(), newFunctions(), newSchema())
	return root
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
