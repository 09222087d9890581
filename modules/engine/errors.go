package engine

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"dagger.io/dagger"
	"github.com/Khan/genqlient/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/franela/pocketci/modules"
)

// ErrClosed is returned by calls on a session that has been closed.
var ErrClosed = errors.New("dagger session is closed")

// LoadError says that the engine refused a module: a dagger.json that cannot
// be read, a dependency that is missing, code that does not compile. It is a
// [modules.ErrModule].
type LoadError struct {
	// Module is the module's path in its repository.
	Module string
	// Message is the reason in the engine's words.
	Message string
	// Output is what the SDK printed, such as a compiler's file:line:column
	// lines. It is empty when the SDK was never started.
	Output string
}

// Error names the module and gives the reason; the compiler's output follows
// on lines of its own.
func (e *LoadError) Error() string {
	s := fmt.Sprintf("load module %s: %s", e.Module, e.Message)
	if e.Output != "" {
		s += "\n" + e.Output
	}
	return s
}

// Unwrap classifies the error.
func (e *LoadError) Unwrap() error { return modules.ErrModule }

// TreeError says that a module cannot be assembled from its repository, for
// instance because it names a path that leaves the repository. It is a
// [modules.ErrModule].
type TreeError struct {
	// Module is the module's path in its repository.
	Module string
	// Path is the path that is at fault, as the repository spells it.
	Path string
	// Reason completes the sentence that Path begins.
	Reason string
}

func (e *TreeError) Error() string {
	return fmt.Sprintf("load module %s: %s %s", e.Module, e.Path, e.Reason)
}

// Unwrap classifies the error.
func (e *TreeError) Unwrap() error { return modules.ErrModule }

// CallError says that a function was called and failed. It is a
// [modules.ErrFunction].
type CallError struct {
	// Function is the function's name as Dagger serves it.
	Function string
	// Message is the reason in the words of the function or the engine.
	Message string
	// Command is the command of the step that failed. It is nil when the
	// function failed otherwise, and the fields below are then empty.
	Command []string
	// ExitCode is the exit code of Command, negative if it did not begin.
	ExitCode int
	// Stdout and Stderr are the last [MaxErrorOutput] bytes that Command
	// printed.
	Stdout, Stderr string
}

// MaxErrorOutput limits each of a CallError's outputs, in bytes.
const MaxErrorOutput = 16 << 10

// Error names the function and says how its command ended, or what the function
// itself or the engine said. If the SDK's runtime ended by a panic, the reason
// of the panic is there.
func (e *CallError) Error() string {
	s := e.Function + ": " + command(e.Command, e.ExitCode, e.Message)
	if slices.Equal(e.Command, []string{sdkRuntime}) {
		if reason := panicOf(e.Stderr); reason != "" {
			s += ": " + reason
		}
	}
	return s
}

// sdkRuntime is the program that runs the functions of a compiled module.
const sdkRuntime = "/runtime"

// panicOf gives the last line in which Go gives the reason of a panic.
func panicOf(stderr string) string {
	reason := ""
	for line := range strings.Lines(stderr) {
		if strings.HasPrefix(line, "panic:") {
			reason = strings.TrimSpace(line)
		}
	}
	return reason
}

// command says how a command ended, or why it did not begin: its exit code is
// then negative.
func command(args []string, code int, reason string) string {
	switch {
	case args == nil:
		return reason
	case code < 0:
		return oneLine(strings.Join(args, " ")) + ": " + reason
	}
	return fmt.Sprintf("%s: exit code %d", oneLine(strings.Join(args, " ")), code)
}

// Unwrap classifies the error.
func (e *CallError) Unwrap() error { return modules.ErrFunction }

// ArgError says that a value cannot be given to an argument: a constant of the
// wrong type, a secret that could not be looked up. It is a
// [modules.ErrArgument].
type ArgError struct {
	Function, Argument string
	Err                error
}

func (e *ArgError) Error() string {
	return fmt.Sprintf("%s: argument %s: %v", e.Function, e.Argument, e.Err)
}

// Unwrap classifies the error and gives its cause.
func (e *ArgError) Unwrap() []error { return []error{modules.ErrArgument, e.Err} }

// argError blames an argument for err, unless the engine or the context is to
// blame.
func argError(ctx context.Context, function, argument string, err error) error {
	if ctx.Err() != nil || errors.Is(err, modules.ErrUnavailable) {
		return fmt.Errorf("%s: argument %s: %w", function, argument, err)
	}
	return &ArgError{Function: function, Argument: argument, Err: err}
}

// noise is what of the engine's messages is of use to the engine alone: ids of
// traces, colours, and the place where it keeps a module.
var noise = regexp.MustCompile(` ?\[traceparent:[0-9a-f-]+\]|\x1b\[[0-9;]*m|\S*/dagger-mount[0-9]+/`)

// message gives the engine's words without noise.
func message(s string) string { return strings.TrimSpace(noise.ReplaceAllString(s, "")) }

// newLoadError sorts what the engine says about a module.
func newLoadError(module string, err error, mask func(string) string) *LoadError {
	e := &LoadError{Module: module}
	var exec *dagger.ExecError
	if errors.As(err, &exec) {
		e.Message = command(masked(exec.Cmd, mask), exec.ExitCode, message(exec.Message()))
		e.Output = message(exec.Stdout + "\n" + exec.Stderr)
		return e
	}
	text := err.Error()
	if r := reported(err); r != nil {
		text = r.Message
	}
	e.Message, e.Output, _ = strings.Cut(message(text), "\n")
	return e
}

// reported gives what the engine itself said went wrong, or nil if the request
// never got an answer.
func reported(err error) *gqlerror.Error {
	var e *gqlerror.Error
	if errors.As(err, &e) {
		return e
	}
	// The engine refuses requests that it cannot read with 4xx; 5xx comes
	// from a session that has lost its engine.
	var refused *graphql.HTTPError
	if errors.As(err, &refused) && refused.StatusCode < 500 && len(refused.Response.Errors) > 0 {
		return refused.Response.Errors[0]
	}
	return nil
}
