package signed

import "errors"

// The reasons for which a token is refused. Every error of [Verify] and [Guard.Admit]
// has one of them in its chain, and its text says more. None repeats the token.
var (
	// ErrMalformed says that it is not a token, or one that nobody should sign.
	ErrMalformed = errors.New("malformed token")
	// ErrTooLarge says that it is larger than [MaxToken].
	ErrTooLarge = errors.New("token too large")
	// ErrAlgorithm says that it is not signed with EdDSA, the only algorithm
	// that is accepted.
	ErrAlgorithm = errors.New("algorithm not accepted")
	// ErrKey says that no trusted key signed it.
	ErrKey = errors.New("not signed by a trusted key")
	// ErrClaims says that a claim is missing or is not what it has to be. As
	// with all of the following, a trusted key has signed it.
	ErrClaims = errors.New("claims not accepted")
	// ErrSource says that it is meant for another source.
	ErrSource = errors.New("meant for another source")
	// ErrExpired says that its time is over.
	ErrExpired = errors.New("token has expired")
	// ErrNotYetValid says that its time has not come.
	ErrNotYetValid = errors.New("token is not valid yet")
	// ErrReplayed says that it was accepted before.
	ErrReplayed = errors.New("token was accepted before")
	// ErrOlder says that it is older than one that was accepted.
	ErrOlder = errors.New("token is older than one that was accepted")
)

// refusal is an error with one of the reasons.
type refusal struct {
	reason error
	text   string
}

func (e *refusal) Error() string { return e.text }

func (e *refusal) Unwrap() error { return e.reason }

// Proven reports whether an error of [Verify] or [Guard.Admit] is of a token that a
// trusted key has signed. Only to who holds such a key may be told what the rest of
// its text says about a source.
func Proven(err error) bool {
	for _, reason := range []error{ErrClaims, ErrSource, ErrExpired, ErrNotYetValid, ErrReplayed, ErrOlder} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}
