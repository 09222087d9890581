package dispatcher

import (
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/modules"
)

// Plan is the answer to which functions an event calls, with which arguments,
// and why not the others. Every function and every check of every module that was
// looked at is in exactly one of Calls, Invalid and Skipped: a function that is
// called as a check is there under the check's name, any other under its own.
type Plan struct {
	Event   events.Event
	Changes Changes
	Calls   []Call
	Invalid []Invalid
	Skipped []Skipped
	// Warnings are doubts that do not stop a call.
	Warnings []string
	// Pinned are the commits of the modules of other repositories, by their
	// paths: those that their versions stood for when the plan was made.
	Pinned map[string]string
	// Following are the modules that the event has converge.
	Following []Following
}

// Changes are the files that an event changed.
type Changes struct {
	// Files are slash-separated paths relative to the repository's root,
	// sorted, both names of a rename.
	Files []string
	// Unknown says why there is no list, in which case Files is empty and
	// every condition on changes holds: nothing is skipped on ignorance.
	Unknown string
}

// Refs are the branches and tags of a repository by their short names.
type Refs struct {
	Branches, Tags []string
}

// Call is a function that the event calls.
type Call struct {
	// Module is the path of the function's module.
	Module string
	modules.Call
	// Commit is that of a module of another repository, empty for every other.
	Commit string
	// Why says in a few words what made the function be called.
	Why string
	// Timeout limits the call; zero means no limit of its own.
	Timeout time.Duration
	// RunsOn is the runner label asked for, empty for any runner.
	RunsOn string
	// After are the places in Plan.Calls of the calls that must have succeeded
	// before this one begins. They are never in a circle.
	After []int
	// AfterSkipped are the places of calls that must have succeeded before as well,
	// or have been skipped.
	AfterSkipped []int
	// Concurrency says which calls of other runs this one does not go beside.
	Concurrency Concurrency
	// At is the commit of the event's repository that the call is made on, empty
	// for the event's own.
	At string
	// Converge says what the call does for an id that its module converges; nil for
	// every other call.
	Converge *Converging
}

// Concurrency names a group of calls of one repository, of which at most one is
// made at a time. The zero value is no group.
type Concurrency struct {
	// Group is the name that pocketci.yaml gives it, or one of pocketci's own,
	// which begin with "pull request" and a number.
	Group string
	// Cancel has the call end those of its group in older runs; otherwise it
	// waits for them.
	Cancel bool
	// Newest has it end those of older runs of which no call of the group has
	// begun, and wait for the others.
	Newest bool
}

// IsCheck reports whether the call is that of a check.
func (c *Call) IsCheck() bool { return len(c.Path) > 0 }

// qualified names the call's function with its module.
func (c *Call) qualified() string { return c.Module + ":" + c.Function }

// Invalid is a function that the event should call and cannot. Function is
// empty when the module as a whole could not be loaded, Argument when no
// single argument is at fault.
type Invalid struct {
	Module   string `json:"module"`
	Function string `json:"function"`
	Argument string `json:"argument"`
	Error    string `json:"error"`
}

// Skipped is a function that the event does not call. Function is "*" for a
// module that was not even loaded.
type Skipped struct {
	Module   string `json:"module"`
	Function string `json:"function"`
	Reason   string `json:"reason"`
	// Filtered says that only what changed, or the target branch, kept it from
	// being called: a check that waits for it waits in vain.
	Filtered bool `json:"filtered,omitempty"`
}

// AllFunctions stands in [Skipped] for every function of a module.
const AllFunctions = "*"
