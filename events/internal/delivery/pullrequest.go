package delivery

import (
	"errors"

	"github.com/franela/pocketci/events"
)

// UnknownFork stands for the repository that a pull request comes from when it has
// been deleted or is not named.
const UnknownFork = "unknown"

// ReadNumber makes the event be about the pull request with the number that is at
// path.
func ReadNumber(e *events.Event, path string, number int) error {
	if number <= 0 {
		return Malformed(path, errors.New("is not a number above zero"))
	}
	e.PullRequest = number
	return nil
}

// ReadBase takes the short name of the branch that the event's pull request is to
// be merged into, which is at path.
func ReadBase(e *events.Event, path, branch string) error {
	if err := CheckBranch(branch); err != nil {
		return Malformed(path, err)
	}
	e.BaseRef = branch
	return nil
}
