package agent

import (
	"context"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/trust"
)

// heldError says that a run has to wait for an approval.
type heldError struct{ reason string }

func (e *heldError) Error() string { return e.reason }

// skippedError says that an event is not meant to be run here.
type skippedError struct{ reason string }

func (e *skippedError) Error() string { return e.reason }

// invalidError says that an event cannot be run, whoever tries.
type invalidError struct{ reason string }

func (e *invalidError) Error() string { return e.reason }

// terms says on which terms an event may be planned, and fails if it may not. The
// sha is its commit as far as it is known.
func (a *Agent) terms(ctx context.Context, event *events.Event, run *store.Run, sha string) (runs.Terms, error) {
	approval := trust.Approval{SHA: run.Approval.SHA, Trust: run.Approval.Trust}
	d, err := trust.Decide(ctx, a.cfg.Trust, event, sha, approval, a.forge(event))
	if err != nil {
		return runs.Terms{}, err
	}
	switch d.Answer {
	case trust.Wait:
		return runs.Terms{}, &heldError{d.Reason}
	case trust.Skip:
		return runs.Terms{}, &skippedError{d.Reason}
	case trust.Refuse:
		return runs.Terms{}, &invalidError{d.Reason}
	}
	return runs.Terms{BaseRules: d.BaseRules, AsBranch: d.AsBranch, Untrusted: d.Untrusted && a.cfg.Trust.Isolated}, nil
}

func (a *Agent) forge(event *events.Event) trust.Forge {
	if a.cfg.Forge == nil {
		return nil
	}
	return a.cfg.Forge(event)
}

// places are what this agent's runners can take from the queue.
func (a *Agent) places() []string {
	if a.cfg.Places == nil {
		return nil
	}
	return a.cfg.Places()
}
