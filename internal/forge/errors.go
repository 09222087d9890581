package forge

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

var (
	// ErrNotFound says that the forge does not know what was asked for, or
	// hides it.
	ErrNotFound = errors.New("the forge does not know it, or the token may not see it")
	// ErrUnsupported says that the forge has no such thing.
	ErrUnsupported = errors.New("the forge cannot do that")
)

// PermissionError says that the token may not do what was asked.
type PermissionError struct {
	// Status is the forge's answer, 401 for a token that it does not know.
	Status int
	// Doing is what was asked, and Needs the permission for it, in the
	// forge's own words.
	Doing, Needs string
}

func (e *PermissionError) Error() string {
	if e.Status == http.StatusUnauthorized {
		return e.Doing + ": the forge does not accept the token: it is wrong, expired or revoked"
	}
	return fmt.Sprintf("%s: the forge answers %d: the token needs %s", e.Doing, e.Status, e.Needs)
}

// Stops reports whether it would be the same with every repository.
func (e *PermissionError) Stops() bool { return e.Status == http.StatusUnauthorized }

// LimitError says that the forge wants no more requests for a while. Until then
// its client makes none and returns the same error.
type LimitError struct {
	// Until is when requests are welcome again.
	Until time.Time
}

func (e *LimitError) Error() string {
	return "the forge's rate limit is reached: no more requests until " + e.Until.UTC().Format(time.RFC3339)
}

// Stops reports true: it is the same with every repository.
func (e *LimitError) Stops() bool { return true }
