// Package secrets decides which variables of the agent's environment a
// repository may use, keeps their values out of the environment, and masks them
// in everything that is printed or stored.
package secrets

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Scheme begins every reference to a secret: env://NAME.
const Scheme = "env://"

// AllowFlag is the flag of the agent that allows a repository to use a
// variable.
const AllowFlag = "--allow-secret-env"

// MinLength is the least number of bytes of a secret, not counting white space
// around it. A shorter one cannot be masked: masking would garble every text.
const MinLength = 4

// The variables that a repository may use without the agent saying so.
var always = []string{"GITHUB_USERNAME", "GITHUB_TOKEN"}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Ref returns the reference to a variable of the agent's environment.
func Ref(name string) string { return Scheme + name }

// Policy says which variables of the agent's environment repositories may use.
// The zero Policy allows GITHUB_USERNAME and GITHUB_TOKEN, as every Policy
// does.
type Policy struct {
	allowed []string
}

// Allow returns a policy that allows further variables. It fails for a name
// that no variable can have.
func Allow(names ...string) (Policy, error) {
	for _, name := range names {
		if !variable.MatchString(name) {
			return Policy{}, fmt.Errorf("%s %q: not the name of a variable", AllowFlag, name)
		}
	}
	return Policy{allowed: slices.Clone(names)}, nil
}

// Names returns the allowed variables, sorted.
func (p Policy) Names() []string {
	names := slices.Concat(always, p.allowed)
	slices.Sort(names)
	return slices.Compact(names)
}

// Check returns the variable that the reference names, or a [*ReferenceError]
// or a [*RefusedError].
func (p Policy) Check(ref string) (name string, err error) {
	name, ok := strings.CutPrefix(ref, Scheme)
	if !ok || !variable.MatchString(name) {
		return "", &ReferenceError{}
	}
	if !slices.Contains(always, name) && !slices.Contains(p.allowed, name) {
		return "", &RefusedError{Variable: name}
	}
	return name, nil
}

// ReferenceError says that a reference is not env://NAME. It does not repeat
// the reference, which might be a secret in the wrong place.
type ReferenceError struct{}

func (e *ReferenceError) Error() string {
	return "not a reference to a secret; it must be " + Scheme + "NAME with the name of a variable"
}

// RefusedError says that repositories may not use a variable.
type RefusedError struct {
	// Variable is the name of the variable.
	Variable string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the agent does not let repositories use the variable %s; start it with %s %s to allow it", e.Variable, AllowFlag, e.Variable)
}

// MissingError says that an allowed variable has no value.
type MissingError struct {
	// Variable is the name of the variable.
	Variable string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("the variable %s is not set in the agent's environment, or empty", e.Variable)
}

// ShortError says that the value of a variable is shorter than MinLength.
type ShortError struct {
	// Variable is the name of the variable.
	Variable string
}

func (e *ShortError) Error() string {
	return fmt.Sprintf("the value of the variable %s is shorter than %d bytes and could not be masked in logs; use a longer secret", e.Variable, MinLength)
}
