// Package commands does what people ask for on the pages of a forge, in comments on
// pull requests and by its buttons, and answers there.
package commands

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/franela/pocketci/events"
)

// Verb is what a comment asks for.
type Verb string

// The verbs of comments.
const (
	// Retest makes again what did not succeed.
	Retest Verb = "retest"
	// Test makes one function, named in the argument.
	Test Verb = "test"
	// Abort ends what is being made and waits.
	Abort Verb = "abort"
	// Approve lets the commit run that the argument names in full.
	Approve Verb = "approve"
	// Plan answers with what would be called, and why not the rest.
	Plan Verb = "plan"
)

const (
	// maxBody is how much of a comment is looked at, in bytes.
	maxBody = 64 << 10
	// maxCommands is how many commands of one comment are heeded.
	maxCommands = 10
)

// Command is one line of a comment.
type Command struct {
	Verb Verb
	// Argument is a function or a commit, empty for verbs that take none.
	Argument string
}

// CommandError says that a line is meant as a command and cannot be one.
type CommandError struct{ Reason string }

func (e *CommandError) Error() string { return e.Reason }

// functionName is a function, MODULE:FUNCTION or FUNCTION.
var functionName = regexp.MustCompile(`^(?:[A-Za-z0-9._/@:+~-]{1,400}:)?[A-Za-z][A-Za-z0-9_-]{0,200}$`)

// Parse reads the commands in a comment: lines that begin with a slash and one of
// the verbs. Quoted lines and those in code blocks are none, nor are other bots'
// commands. A verb in the wrong form is a [*CommandError].
func Parse(body string) ([]Command, error) {
	if len(body) > maxBody {
		body = body[:maxBody]
	}
	var commands []Command
	fence := ""
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, " \t\r\n")
		if mark := fenceOf(line); fence != "" {
			if mark != "" && strings.HasPrefix(mark, fence) && strings.TrimLeft(line, " ") == mark {
				fence = ""
			}
			continue
		} else if mark != "" {
			fence = mark
			continue
		}
		if !strings.HasPrefix(line, "/") {
			continue
		}
		command, ok, err := parseLine(line)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if commands = append(commands, command); len(commands) > maxCommands {
			return nil, &CommandError{fmt.Sprintf("a comment has at most %d commands", maxCommands)}
		}
	}
	return commands, nil
}

// fenceOf returns the run of backticks or tildes that opens or closes a block of
// code in Markdown.
func fenceOf(line string) string {
	text := strings.TrimLeft(line, " ")
	if len(line)-len(text) > 3 {
		return ""
	}
	for _, mark := range []string{"`", "~"} {
		if n := len(text) - len(strings.TrimLeft(text, mark)); n >= 3 {
			return text[:n]
		}
	}
	return ""
}

func parseLine(line string) (Command, bool, error) {
	words := strings.Fields(line)
	c := Command{Verb: Verb(strings.TrimPrefix(words[0], "/"))}
	arguments := words[1:]
	fail := func(format string, args ...any) (Command, bool, error) {
		return c, false, &CommandError{fmt.Sprintf(format, args...)}
	}
	switch c.Verb {
	case Retest, Abort, Plan:
		if len(arguments) > 0 {
			return fail("/%s takes no argument", c.Verb)
		}
	case Test:
		if len(arguments) != 1 || !functionName.MatchString(arguments[0]) {
			return fail("/test takes the name of one function: /test FUNCTION, or /test MODULE:FUNCTION")
		}
		c.Argument = arguments[0]
	case Approve:
		if len(arguments) != 1 || events.CheckSHA(arguments[0]) != nil {
			return fail("/approve takes the full sha of the commit that you have looked at: /approve SHA")
		}
		c.Argument = arguments[0]
	default:
		return c, false, nil
	}
	return c, true, nil
}
