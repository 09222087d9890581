package store

import (
	"context"
	"strings"
)

// Approval is what somebody has approved of a run. The zero Approval is none.
type Approval struct {
	// SHA is the full name of the commit that the person has looked at.
	SHA string
	// Trust has it run as if it came from a branch of the repository.
	Trust bool
	// By is who approved it.
	By string
}

// trusted stands in a stored approval between the commit and the person.
const trusted = "trusted by "

// String is the approval as it is stored and shown.
func (a Approval) String() string {
	switch {
	case a.SHA == "":
		return ""
	case a.Trust:
		return a.SHA + " " + trusted + a.By
	}
	return a.SHA + " by " + a.By
}

// parseApproval reads what [Approval.String] wrote.
func parseApproval(text string) Approval {
	sha, rest, _ := strings.Cut(text, " ")
	if by, ok := strings.CutPrefix(rest, trusted); ok {
		return Approval{SHA: sha, Trust: true, By: by}
	}
	return Approval{SHA: sha, By: strings.TrimPrefix(rest, "by ")}
}

// Approve lets a run that waits for it be planned. The sha is the full commit
// that the person has looked at; it is recorded, and whoever plans compares
// it. With trust the run is one of the repository's own from then on. The errors
// are [ErrNotFound] and a [*StateError].
func (s *Store) Approve(ctx context.Context, run, sha string, trust bool, by Actor) error {
	return s.change(ctx, "approve", "approve run "+run, func(t *tx) error {
		r, err := lockRun(t, `id = ?`, run)
		if err != nil {
			return err
		}
		if r.state != StateWaiting {
			return &StateError{Doing: "approve", ID: run, State: r.state}
		}
		t.ring(TopicWork)
		approval := Approval{SHA: sha, Trust: trust, By: by.Person}
		if err := setRun(t, r, "approve", StateQueued, `, reason = '', approval = ?, queued_at = ?`,
			clean(approval.String()), s.now()); err != nil {
			return err
		}
		action := "approve"
		if trust {
			action = "trust"
		}
		return s.record(t, by, action, "run "+run, sha)
	})
}
