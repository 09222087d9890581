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

// terms says on which terms an event may be planned. Unfit says why nothing may be
// called on them; what is no pull request may still be planned by the repository's
// own rules, to see whether anything would be. The sha is the event's commit as far as it is known.
func (a *Agent) terms(ctx context.Context, event *events.Event, run *store.Run, sha string) (terms runs.Terms, unfit, err error) {
	own, err := a.ownCommit(ctx, event)
	if err != nil || own {
		return runs.Terms{AsBranch: own}, nil, err
	}
	approval := trust.Approval{SHA: run.Approval.SHA, Trust: run.Approval.Trust}
	policy := a.trust()
	d, err := trust.Decide(ctx, policy, event, sha, approval, a.forge(event))
	if err != nil {
		return runs.Terms{}, nil, err
	}
	foreign := trust.Foreign(event)
	rules := runs.Terms{BaseRules: foreign, Untrusted: foreign && policy.Isolated}
	switch d.Answer {
	case trust.Wait:
		return rules, &heldError{d.Reason}, nil
	case trust.Skip:
		return runs.Terms{}, nil, &skippedError{d.Reason}
	case trust.Refuse:
		return rules, &invalidError{d.Reason}, nil
	}
	return runs.Terms{BaseRules: d.BaseRules, AsBranch: d.AsBranch, Untrusted: d.Untrusted && policy.Isolated}, nil, nil
}

// ownCommit reports whether an event that names a commit by its sha alone is about
// one that was pushed to the repository. Whoever makes statuses, checks and
// deployments may write; only whose commit they are about is in doubt.
func (a *Agent) ownCommit(ctx context.Context, event *events.Event) (bool, error) {
	if event.Trusted || event.Fork != "" || event.SHA == "" || event.PullRequest != 0 || event.Name == events.NamePullRequest || event.Repository == nil {
		return false, nil
	}
	return a.cfg.Store.Pushed(ctx, event.Repository.FullName, event.SHA)
}

// trust is what holds at present for other people's events.
func (a *Agent) trust() trust.Policy {
	if a.cfg.Trust == nil {
		return trust.Policy{}
	}
	return a.cfg.Trust()
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
