// Package config reads pocketci.yaml, the file in which a repository says what
// pocketci cannot learn from its Dagger modules.
package config

import (
	"time"

	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/modules"
)

// FileName is the name of the file at the root of a repository.
const FileName = "pocketci.yaml"

// Config is a parsed and validated pocketci.yaml.
type Config struct {
	// Modules has at least one entry. The short form of the file gives
	// exactly one.
	Modules []Module
}

// Module is what the file says about one Dagger module.
type Module struct {
	// Path is the module's directory relative to the repository's root,
	// cleaned, slash-separated; "." is the root. That of a module of another
	// repository is the reference as the file has it, which
	// [modules.ParseRemote] reads and which no folder is called. Only Parse
	// leaves it empty, where the file does not name the module.
	Path string
	// Paths are globs; unless a changed file matches, nothing of the module
	// is called. Empty means always.
	Paths []string
	// Secrets are the secrets that functions of this module may take.
	Secrets []Secret
	// Git asks for a .git directory in src.
	Git bool
	// Functions are the settings per function, by the name the file uses; see
	// Module.Function.
	Functions map[string]Function
	// Checks are the settings of the module's checks.
	Checks Checks
	// Converge is nil for a module that keeps nothing as it should be.
	Converge *Converge
	// Line is where the module starts in the file, for messages; zero without
	// a file.
	Line int
}

// Function returns the settings of the function with the given name, which may
// differ from the one in the file in the ways that [modules.SameName] allows.
func (m *Module) Function(name string) (Function, bool) {
	if f, ok := m.Functions[name]; ok {
		return f, true
	}
	for key, f := range m.Functions {
		if modules.SameName(key, name) {
			return f, true
		}
	}
	return Function{}, false
}

// Secret maps an argument of type Secret to where the agent takes its value.
// Exactly one of FromEnv, FromAgent and FromProvider is set.
type Secret struct {
	// Name is the name of the argument.
	Name string
	// FromEnv names a variable of the agent's environment.
	FromEnv string
	// FromAgent is the name of a secret in the agent's own configuration.
	FromAgent string
	// FromProvider is the URI of a secret of one of Dagger's providers, such as
	// op://infra/db/password.
	FromProvider string
	// Line is where the entry starts in the file, for messages.
	Line int
}

// Function is what the file says about one function. Conditions given here
// replace those that the function's own default values express.
type Function struct {
	// Vendor, Event, Filter and Base are lists of exact values or globs, one
	// of which the event's value must match. Nil means not given.
	Vendor, Event, Filter, Base []string
	// OnChanges are globs over the changed files; nil means not given.
	OnChanges []string
	// Schedule is an expression as package schedule reads it, empty if not
	// given, and Policy what is done about its ticks that come late.
	Schedule string
	Policy   schedule.Policy
	// Timeout limits one call; zero means the agent's default.
	Timeout time.Duration
	// RunsOn is the runner label that the function asks for.
	RunsOn string
	// Args are constants for arguments: string, bool, int64, float64 or a
	// []any of these.
	Args map[string]any
	// After are the functions that must have succeeded in the same run before
	// this one begins.
	After []After
	// Concurrency is nil if it is not given.
	Concurrency *Concurrency
	// Filters are conditions on the event's payload, all of which must hold.
	Filters []predicate.Filter
	// Line is where the entry starts in the file, for messages.
	Line int
}

// After names a function that another one comes after.
type After struct {
	// Module is the path of the function's module, cleaned; empty for the
	// module that the setting belongs to.
	Module string
	// Function is the name as the file has it.
	Function string
	// Line is where the name stands in the file, for messages.
	Line int
}

// Concurrency says which calls of other runs a function's calls do not go
// beside.
type Concurrency struct {
	// Group names the calls of the repository of which at most one is made at
	// a time. It is never one of pocketci's own groups.
	Group string
	// Cancel has a call end those of its group in older runs; otherwise it
	// waits for them.
	Cancel bool
}
