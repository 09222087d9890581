// Package trust decides what an event may have run: whose pocketci.yaml and
// modules, with secrets or without, on which runner, and whether somebody has to
// approve it first. See "Other people's code" in docs/trust.md.
//
// It compares full commits and asks the forge who somebody is; no name of a
// function, branch or field of a payload that an outsider chooses makes anything
// trusted.
package trust

import (
	"context"
	"errors"
	"fmt"

	"github.com/franela/pocketci/events"
)

// Forks says what becomes of events that bring code from forks.
type Forks string

// What becomes of them.
const (
	// ForksNever runs nothing of a fork.
	ForksNever Forks = "never"
	// ForksApprove waits until somebody with write access approves the commit.
	// It is the default.
	ForksApprove Forks = "approve"
	// ForksNoSecrets runs them at once.
	ForksNoSecrets Forks = "no-secrets"
)

// Policy is the agent's configuration. The zero Policy is the default.
type Policy struct {
	// Forks is [ForksApprove] if empty.
	Forks Forks
	// Isolated says that a runner is marked for other people's code.
	Isolated bool
	// ShareEngine lets other people's code run beside everything else where no
	// runner is marked for it.
	ShareEngine bool
}

// Approval is what somebody has approved. The zero Approval is none.
type Approval struct {
	// SHA is the full name of the commit that was looked at.
	SHA string
	// Trust has it run as if it were a branch of the repository.
	Trust bool
}

// Forge is asked who somebody is. It is a [github.com/franela/pocketci/internal/forge.Forge],
// bound to the event's repository.
type Forge interface {
	// CanWrite reports whether a person may push to the repository.
	CanWrite(ctx context.Context, login string) (bool, error)
	// HasMerged reports whether a pull request of the person was merged.
	HasMerged(ctx context.Context, login string) (bool, error)
	// Author is who opened a pull request.
	Author(ctx context.Context, pullRequest int) (string, error)
}

// Answer is what to do with an event.
type Answer string

// What to do.
const (
	// Run it as the decision says.
	Run Answer = "run"
	// Wait for an approval.
	Wait Answer = "wait"
	// Skip it: it is not meant to run here.
	Skip Answer = "skip"
	// Refuse it: it could run only if the agent were configured otherwise.
	Refuse Answer = "refuse"
)

// Decision is what an event may do.
type Decision struct {
	Answer Answer
	// Reason says why it does not run.
	Reason string
	// BaseRules says that pocketci.yaml and the modules are those of the
	// target branch, and not the event's.
	BaseRules bool
	// Secrets says that secrets may be used.
	Secrets bool
	// Untrusted says that the code is other people's, which has to run on a
	// runner that is marked for it.
	Untrusted bool
	// AsBranch says that somebody has answered for it, so that it runs as if it
	// came from a branch of the repository.
	AsBranch bool
}

// Decide says what an event may have run. The sha is the commit that it was pinned
// to, in full, or empty before it is known. The forge may be nil, and what it
// cannot answer counts as no. Only the context's error is returned as one.
func Decide(ctx context.Context, p Policy, event *events.Event, sha string, a Approval, f Forge) (Decision, error) {
	if own(event) {
		return Decision{Answer: Run, Secrets: true}, nil
	}
	if byOperator(event) {
		return Decision{Answer: Run}, nil
	}
	code := bringsCode(event)
	if p.Forks == ForksNever && (code || event.Fork != "") {
		return Decision{Answer: Skip, Reason: "nothing of " + origin(event) + " is run: the agent's configuration says forks: never"}, nil
	}
	approved := a.SHA != "" && (sha == "" || a.SHA == sha)
	if approved && a.Trust {
		return Decision{Answer: Run, Secrets: true, AsBranch: true}, nil
	}
	run := Decision{Answer: Run, BaseRules: code, Untrusted: code}
	if code && !p.Isolated && !p.ShareEngine {
		return Decision{Answer: Refuse, Reason: "it is " + origin(event) +
			", and no runner is for other people's code: mark one with untrusted: true in agent.yaml, or accept that such code shares the engine with everything else, with forks-share-engine: true"}, nil
	}
	switch {
	case approved:
		return run, nil
	case a.SHA != "":
		return Decision{Answer: Wait, Reason: fmt.Sprintf("the approval is of commit %s, and the event is about %s", a.SHA, sha)}, nil
	case p.Forks == ForksNoSecrets:
		return run, nil
	}
	wait := Decision{Answer: Wait, Reason: "it is " + origin(event) + ", and somebody with write access has to approve it"}
	known, err := spared(ctx, event, f)
	switch {
	case ctx.Err() != nil:
		return Decision{}, context.Cause(ctx)
	case err != nil:
		wait.Reason += "; who its author is could not be asked: " + err.Error()
		return wait, nil
	case known:
		return run, nil
	}
	return wait, nil
}

// byOperator reports whether all that is not to be trusted about an event is its text:
// which webhooks take deliveries from anybody, and of which repository and ref they
// call functions, the agent's operator has said.
func byOperator(event *events.Event) bool {
	return event.Vendor == events.VendorWebhook && event.Fork == ""
}

// Foreign reports whether an event's commit may be of somebody who cannot push.
func Foreign(event *events.Event) bool {
	return !own(event) && !byOperator(event) && bringsCode(event)
}

// own reports whether somebody with write access caused the event.
func own(event *events.Event) bool { return event.Trusted && event.Fork == "" }

// bringsCode reports whether the event's commit may be of somebody who cannot
// push: a fork's pull request, or a commit that is named by its sha alone and not
// proven to be the repository's own. What is said on a fork's pull request is
// about the default branch.
func bringsCode(event *events.Event) bool {
	return event.Name == events.NamePullRequest || event.SHA != "" || event.Ref != ""
}

func origin(event *events.Event) string {
	switch {
	case event.Fork != "" && bringsCode(event):
		return "code of the fork " + event.Fork
	case event.Fork != "":
		return "about a pull request of the fork " + event.Fork
	case bringsCode(event):
		return "about a commit that may be a fork's"
	}
	return "an event that somebody without write access may have caused"
}

// spared reports whether the person behind an event need not wait: for code its
// author, for everything else who caused the event.
func spared(ctx context.Context, event *events.Event, f Forge) (bool, error) {
	if f == nil {
		return false, errors.New("the agent has no token for the forge's API")
	}
	person := event.Sender
	if event.Name == events.NamePullRequest {
		var err error
		// Whoever pushes, labels or reopens may be somebody else.
		if person, err = f.Author(ctx, event.PullRequest); err != nil {
			return false, err
		}
	} else if bringsCode(event) {
		return false, nil // whose commit it is, is not known
	}
	if person == "" {
		return false, nil
	}
	if may, err := f.CanWrite(ctx, person); err != nil || may {
		return may, err
	}
	return f.HasMerged(ctx, person)
}
