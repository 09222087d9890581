package secrets

import "fmt"

// ReferenceError says that a reference is none that can be resolved. It does not
// repeat the reference, which might be a secret in the wrong place.
type ReferenceError struct{}

func (e *ReferenceError) Error() string {
	return "not a reference to a secret; it must be env://NAME with the name of a variable, agent://NAME, or the URI of a secret provider"
}

// UntrustedError says that what others have caused gets no secret at all.
type UntrustedError struct{}

func (e *UntrustedError) Error() string {
	return "the run is of a fork, or of an event that somebody without write access may have caused; such runs get no secrets"
}

// Withheld reports that it is not about one secret: a function that can do without
// is called without.
func (e *UntrustedError) Withheld() bool { return true }

// ElsewhereError says that a repository is on a server whose repositories get no
// secrets.
type ElsewhereError struct{}

func (e *ElsewhereError) Error() string {
	return "the repository is cloned from a server that is neither a forge of the agent nor named with --clone-host; such repositories get no secrets"
}

// Withheld reports that it is not about one secret, like that of [UntrustedError].
func (e *ElsewhereError) Withheld() bool { return true }

// RefusedError says that a repository may not use a secret.
type RefusedError struct {
	// Secret is what may not be used: the variable NAME, the secret NAME, or a
	// provider's URI.
	Secret string
	// Rule is where the rule stands that decided, as FILE:LINE. It is empty if
	// no rule is for the repository.
	Rule string
	// Reason says why, and what to do about it.
	Reason string
}

func (e *RefusedError) Error() string {
	if e.Rule == "" {
		return e.Reason
	}
	return e.Rule + ": " + e.Reason
}

// MissingError says that a secret that may be used has no value.
type MissingError struct {
	// Secret is what has none: the variable NAME or the secret NAME.
	Secret string
	// Reason says why not.
	Reason string
}

func (e *MissingError) Error() string { return e.Secret + " " + e.Reason }

// ShortError says that a value is shorter than MinLength.
type ShortError struct {
	// Secret is what has the value: the variable NAME, the secret NAME, or a
	// provider's URI.
	Secret string
}

func (e *ShortError) Error() string {
	return fmt.Sprintf("the value of %s is shorter than %d bytes and could not be masked in logs; use a longer secret", e.Secret, MinLength)
}
