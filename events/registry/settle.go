package registry

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Ending says how a run of a deployment ended.
type Ending string

// How a run ended.
const (
	// Unended is a run that waits, is planned, or whose calls are made.
	Unended Ending = ""
	// Succeeded is one that called functions, all of which succeeded.
	Succeeded Ending = "succeeded"
	// Failed is one that may succeed if it is tried again.
	Failed Ending = "failed"
	// Ended is one that somebody ended, or that is not kept any more.
	Ended Ending = "ended"
	// Skipped is one that called no function.
	Skipped Ending = "skipped"
)

// Outcome is what became of the event of a deployment.
type Outcome struct {
	// Run is the number of its run.
	Run    int64
	Ending Ending
	// Reason says why it did not succeed, for people.
	Reason string
	// At is when it ended.
	At time.Time
}

// settle brings the state's deployment to what became of its run, and reports
// whether that changed anything. What is deployed moves here and nowhere else.
// A run that somebody restarts by hand counts like any other.
func (s *Source) settle(ctx context.Context, state *State) (bool, error) {
	if state.Attempt == nil {
		return false, nil
	}
	outcome, err := s.Outcome(ctx, state.Attempt.Delivery)
	if err != nil {
		return false, fmt.Errorf("find out what became of the deployment of %s: %w", s.Watch.Image(state.Attempt.Tag), err)
	}
	was := *state.Attempt
	a := was
	// A position has valid text alone, and would not be what it was.
	a.Run, a.Reason, a.Retry = outcome.Run, strings.ToValidUTF8(outcome.Reason, "\uFFFD"), nil
	switch outcome.Ending {
	case Unended:
		a.Progress = Deploying
	case Succeeded:
		state.Deployed = &Deployed{Tag: a.Tag, Digest: a.Digest, At: outcome.At.UTC(), Run: outcome.Run}
		state.Attempt = nil
		return true, nil
	case Skipped:
		a.Progress = NotCalled
	case Ended:
		a.Progress = GivenUp
	case Failed:
		a.Progress = GivenUp
		if a.Number < s.Watch.Attempts {
			retry := outcome.At.UTC().Add(retryAfter(a.Number))
			a.Progress, a.Retry = Failing, &retry
		}
	}
	state.Attempt = &a
	return !reflect.DeepEqual(was, a), nil
}

// retryAfter is how long a deployment rests that failed so often.
func retryAfter(failures int) time.Duration {
	if shift := failures - 1; shift < 6 {
		return min(firstRetry<<shift, lastRetry)
	}
	return lastRetry
}
