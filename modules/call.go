package modules

import (
	"io/fs"
	"time"
)

// Tree is the content of a repository at one point in time. Exactly one of Dir
// and GitDir is set.
type Tree struct {
	// FS reads the files of the tree. It never leaves the tree, follows no
	// symbolic link out of it, and may be used from several goroutines.
	FS fs.FS
	// Dir is an absolute path to a work tree of the user's own, taken as it
	// is, uncommitted changes included. Only the command line sets it.
	Dir string
	// GitDir is the absolute path of a bare repository that holds Commit
	// with everything reachable from its tree.
	GitDir string
	// Commit is the full sha of the tree's commit. With Dir it is the commit
	// that is checked out, empty outside of a repository.
	Commit string
}

// Call is one call of one function, ready to be made.
type Call struct {
	// Function is the name as Dagger serves it, or that of a check.
	Function string
	// Path are the fields that lead from the main object to a check, which is
	// called without arguments. It is empty for a function of the main object.
	Path []string
	// Args are the arguments in the order of the function's declaration.
	// Those that are left out take the function's own defaults.
	Args []Bound
	// Returns is the type that the function declares.
	Returns Type
}

// Bound is an argument with the value that it is called with.
type Bound struct {
	Name  string
	Type  Type
	Value Value
}

// ValueKind says where the value of an argument comes from.
type ValueKind string

// The kinds of values that arguments are bound to.
const (
	// ValueConst is the constant in Value.Const.
	ValueConst ValueKind = "const"
	// ValueSource is the repository's tree as a Directory.
	ValueSource ValueKind = "source"
	// ValueEvent is the event file as a File.
	ValueEvent ValueKind = "event"
	// ValueSecret is a Secret whose value the caller looks up by
	// Value.Secret when the call starts.
	ValueSecret ValueKind = "secret"
	// ValuePath is the part of the repository's tree at Value.Path, as a
	// Directory or File. In a work tree of the user's own, an absolute path is one
	// of the user's machine.
	ValuePath ValueKind = "path"
)

// Value is what an argument is bound to. It never holds a secret's value.
type Value struct {
	Kind ValueKind
	// Const is a string, bool, int64, float64, or a []any of these.
	Const any
	// Secret is a reference such as env://GITHUB_TOKEN.
	Secret string
	// Path is slash-separated and clean, and leaves the tree only if it is absolute.
	Path string
	// Git asks for a .git directory in a ValueSource.
	Git bool
}

// Result is what a call that succeeded came to.
type Result struct {
	// Output is a scalar return value as text: strings as they are, every
	// other scalar, enum or list as JSON. It is empty for functions that
	// return nothing or an object.
	Output string
}

// StepState says how far a step has come.
type StepState string

// The states that steps are reported in.
const (
	StepStarted StepState = "started"
	StepDone    StepState = "done"
	StepCached  StepState = "cached"
	StepFailed  StepState = "failed"
	// StepOutput carries lines that a step printed.
	StepOutput StepState = "output"
)

// Step is one observation of a step inside a call, such as a command in a
// container starting or ending.
type Step struct {
	Time  time.Time
	State StepState
	// ID is the step's own among those of the call. It is empty for output that
	// belongs to no step.
	ID string
	// Parent is the ID of the step that this one is a part of, as far as that is
	// known: the nearest around it that is reported too. Observations of the start
	// and the end of a step have it, and the later one knows better. It is empty
	// for a step that is a part of no other.
	Parent string
	// Name is the step as Dagger names it (withExec go test ./...).
	Name string
	// Duration is how long the step took, once it has ended.
	Duration time.Duration
	// Text is what the step printed (StepOutput, without the final newline)
	// or why it failed (StepFailed).
	Text string
	// Open says that Text (StepOutput) is not the end of what stands on its last
	// line: the step printed no newline behind it.
	Open bool
}
