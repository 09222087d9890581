// Package apply makes a host what a pattern says: it takes back what the pattern
// that was applied last had and this one has not, then checks and changes in order.
// Each step is written down before and after it is made, so that a run which was cut
// off goes on where it was.
package apply

import (
	"time"

	"github.com/franela/pocketci/internal/converge/pattern"
)

// State is what is known of one source's pattern on this host.
type State struct {
	// Applied are the commands whose change may be in effect, as they were
	// written when it was made, in that order.
	Applied []Entry `json:"applied"`
	// Leaving are those that are removed after the changes of the present
	// pattern.
	Leaving []Entry `json:"leaving,omitempty"`
	// Pending are commands that change whatever their check says, with the
	// reason: another one has changed, they are written otherwise than before, or
	// their change has begun and was not seen to succeed.
	Pending map[string]string `json:"pending,omitempty"`
	// Pattern is the digest of the pattern that was applied last without an
	// error.
	Pattern string `json:"pattern,omitempty"`
	// Run is the run that has begun and not ended, nil if there is none.
	Run *Run `json:"run,omitempty"`
	// Last is the last run that ended.
	Last *Run `json:"last,omitempty"`
}

// Entry is a command that may be in effect.
type Entry struct {
	pattern.Command
	// Begun says that the change has begun and was not seen to succeed, Removing
	// that the remove has.
	Begun    bool `json:"begun,omitempty"`
	Removing bool `json:"removing,omitempty"`
}

// Run is one application of a pattern.
type Run struct {
	// ID is the same when a run that was cut off goes on.
	ID string `json:"id"`
	// Trigger is why it runs, such as push.
	Trigger string    `json:"trigger"`
	Pattern string    `json:"pattern"`
	BeganAt time.Time `json:"began_at"`
	EndedAt time.Time `json:"ended_at,omitzero"`
	Result
	// Resumed counts how often it went on after it was cut off.
	Resumed int `json:"resumed,omitempty"`
	// Input is what the run was given, so that it goes on with the same; nil once
	// it has ended.
	Input *Input `json:"input,omitempty"`
	// Taken are the commands whose remove runs whatever their check says,
	// because one that was removed names them.
	Taken []string `json:"taken,omitempty"`
}

// Input is what commands are given of what a run is for.
type Input struct {
	Env   []string `json:"env,omitempty"`
	Stdin []byte   `json:"stdin,omitempty"`
}

// Result is what a run did. Its JSON form is what a push is answered with.
type Result struct {
	// Changed and Removed are ids of commands, in the order in which that
	// happened. With Dry it is what would.
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`
	// Err says what failed, empty if nothing did. Exit is the exit code of what
	// failed, or 1 if it has none.
	Err  string `json:"err"`
	Exit int    `json:"exit"`
	// Dry says that only checks were run.
	Dry bool `json:"dry_run,omitempty"`
	// Commands are the actions that were run, in order.
	Commands []Outcome `json:"commands,omitempty"`
	// Events are those that commands named, Answer what a command answered with.
	Events []string `json:"events,omitempty"`
	Answer *Answer  `json:"answer,omitempty"`
}

// Outcome is what came of one action.
type Outcome struct {
	ID string `json:"id"`
	// Mode is check, change or remove.
	Mode string `json:"mode"`
	// Why is why a change is made, or why nothing was run.
	Why  string `json:"why,omitempty"`
	Exit int    `json:"exit"`
	// Error is set for an action that could not be run or ran too long, and for
	// a change or a remove that failed. A check that asks for a change has its
	// exit code alone.
	Error string `json:"error,omitempty"`
	// Output is the end of what it printed.
	Output  string  `json:"output,omitempty"`
	Seconds float64 `json:"seconds"`
}

// Answer is the output of a command for whoever sent the request that a run is for.
type Answer struct {
	Type string `json:"type"`
	Body string `json:"body"`
}

// The modes of actions.
const (
	ModeCheck  = "check"
	ModeChange = "change"
	ModeRemove = "remove"
)

// fail records the first failure.
func (r *Result) fail(message string, exit int) {
	if r.Err == "" {
		r.Err = message
		if r.Exit = exit; exit == 0 {
			r.Exit = 1
		}
	}
}
