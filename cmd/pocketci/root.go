package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/terminal"
)

// version is set when a release is linked.
var version = ""

// Exit codes, as documented in docs/cli.md.
const (
	exitOK      = 0
	exitFailed  = 1 // a call failed or was invalid, or a server did not do what it was asked
	exitUsage   = 2 // usage, configuration, keys, or an invalid call in a plan
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
	} else if answered, ok := serverCode(err); ok {
		code = answered
	}
	if message := err.Error(); message != "" {
		// It may repeat what a server or a payload says.
		fmt.Fprintf(stderr, "pocketci: %s\n", strings.Join(terminal.Lines(message), "\n"))
	}
	return code
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "pocketci",
		Short: "Call Dagger functions on events",
		Long: `pocketci matches an event with the functions of a repository's Dagger modules by
their names (On<Vendor><Event><Filter>), and calls those that match: plan, run,
call and functions do so on a local directory, hook sets up the webhooks of the
agent's machine, and the other commands talk to an agent.

Exit codes: 0 fine; 1 a call failed or was invalid (run, call, --fail), or the
agent or a forge refused or could not be reached; 2 usage or configuration, a key that is
not accepted, or an invalid call (plan); 3 nothing matched.`,
		Version:       versionText(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("pocketci {{.Version}}\n")
	root.AddCommand(newPlan(), newRun(), newCall(), newFunctions(), newSchema())
	root.AddCommand(newLogin(), newLogout(), newKeys(), newAudit(), newHealth())
	root.AddCommand(newEvents(), newRuns(), newCalls(), newLogs())
	root.AddCommand(newReplay(), newRestart(), newAbort(), newApprove(), newApply())
	root.AddCommand(newRepositories(), newEnable(), newDisable(), newHook(), newModule(), newSchedules(), newRegistry())
	root.AddCommand(newConverge(), newMirrors(), newImport())
	root.AddCommand(newKeygen(), newSign(), newVerify(), newPush(), newSigned())
	return root
}

// group is a command that has others below it and does nothing by itself.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cobra.NoArgs, // so that one that is not there is an error
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
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
