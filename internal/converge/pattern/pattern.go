// Package pattern reads what a host is to look like: a list of commands, each of
// which says how to see whether it is done, how to do it, and how to take it back.
// Patterns are YAML or JSON, or Jsonnet that renders to the same.
package pattern

import (
	"maps"
	"slices"
	"time"
)

// Pattern is a parsed and validated pattern.
type Pattern struct {
	// File is the name that the pattern was parsed under.
	File string
	// Commands are in the order of the file. Groups and lists within lists are
	// flattened, and what the pattern or a group says for all of its commands is
	// said in each of them.
	Commands []Command
}

// Command is one thing to be on the host. Its JSON form is what is kept of the
// pattern that was applied last.
type Command struct {
	// ID is unique in the pattern.
	ID string `json:"id"`
	// Group are the ids of the groups that the command is in, the outermost
	// first.
	Group []string `json:"group,omitempty"`
	// Check succeeds if nothing has to change. Change brings about what the check
	// asks for, and Remove takes it back. Each may be nil.
	Check  *Action `json:"check,omitempty"`
	Change *Action `json:"change,omitempty"`
	Remove *Action `json:"remove,omitempty"`
	// Always changes, and removes, whatever the check says.
	Always bool `json:"always,omitempty"`
	// OnChange are commands that come later and change after this one has
	// changed, OnFail those that change after the change of this one has failed.
	// OnRemove are commands that come earlier, and whose remove runs whatever
	// their check says after this one was removed.
	OnChange []string `json:"on-change,omitempty"`
	OnFail   []string `json:"on-fail,omitempty"`
	OnRemove []string `json:"on-remove,omitempty"`
	// ChangeEvents and FailEvents are names of events that the source's other
	// sources may receive.
	ChangeEvents []string `json:"change-events,omitempty"`
	FailEvents   []string `json:"fail-events,omitempty"`
	// RemoveAfter has the remove run after the changes of the next pattern, not
	// before them.
	RemoveAfter bool `json:"remove-after,omitempty"`
	// ChangeIgnore keeps a command that is written otherwise than in the last
	// pattern from being removed and changed for that reason.
	ChangeIgnore bool `json:"change-ignore,omitempty"`
	// Answer is the content type with which the output of the change answers the
	// request that the run is for; empty if it does not.
	Answer string `json:"answer,omitempty"`
	// Stdin is what the command's actions read; empty for what the run was
	// given, if anything.
	Stdin string `json:"stdin,omitempty"`
	// Env are variables of the command's actions.
	Env map[string]string `json:"env,omitempty"`
	// EnvPrefix gives what came of the command to those after it, in variables
	// that begin with it.
	EnvPrefix string `json:"env-prefix,omitempty"`
	// Dir is the working directory, absolute or within the source's; empty for
	// the source's.
	Dir string `json:"dir,omitempty"`
	// Exec is what a shell text is given to as its last argument; nil for the
	// source's.
	Exec []string `json:"exec,omitempty"`
	// Timeout bounds each action; zero for the source's.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Does reports whether two commands do the same to the host: their change is the
// same, and is run in the same way. What a check, a remove or a trigger says is
// not a part of that.
func (c *Command) Does(other *Command) bool {
	return c.Change.equal(other.Change) && c.Stdin == other.Stdin && maps.Equal(c.Env, other.Env) && c.Dir == other.Dir && slices.Equal(c.Exec, other.Exec)
}

// Action is what runs: either a shell text, or a program with its arguments.
type Action struct {
	Text string
	Args []string
}

func (a *Action) equal(b *Action) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Text == b.Text && slices.Equal(a.Args, b.Args)
}
