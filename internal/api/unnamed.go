package api

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/franela/pocketci/dispatcher"
	v1 "github.com/franela/pocketci/internal/api/v1"
)

// unnamed leaves out of a run, for strangers, who of those that work here did something to
// it and why, and which agents made its calls: hosts are often named in that. Those are for
// the audit log and its readers.
func unnamed(ctx context.Context, r *v1.Run) {
	if !who(ctx).limited {
		return
	}
	r.Reason, r.Cause, r.Approval = unsaid(r.Reason), unsaid(r.Cause), ""
	unnamedAttempts(r.Attempts)
	unnamedCalls(r.Calls)
	r.Plan = unnamedPlan(r.Plan)
}

func unnamedCalls(calls []v1.Call) {
	for i := range calls {
		calls[i].Reason, calls[i].Agent = unsaid(calls[i].Reason), ""
		unnamedAttempts(calls[i].Attempts)
	}
}

func unnamedAttempts(attempts []v1.Attempt) {
	for i := range attempts {
		a := &attempts[i]
		a.Reason, a.Cause, a.Agent = unsaid(a.Reason), unsaid(a.Cause), ""
	}
}

// unsaid is a reason without the person and what they wrote.
func unsaid(reason string) string {
	for _, done := range []string{"aborted", "restart"} {
		if strings.HasPrefix(reason, done+" by ") {
			return done
		}
	}
	if before, _, found := strings.Cut(reason, disabledBy); found {
		return before + "disabled"
	}
	return reason
}

// disabledBy stands in plans in front of who disabled something.
const disabledBy = "disabled by "

// unnamedPlan does so in the reasons of functions that are not called.
func unnamedPlan(view json.RawMessage) json.RawMessage {
	if !bytes.Contains(view, []byte(disabledBy)) {
		return view
	}
	var (
		all     map[string]json.RawMessage
		skipped []dispatcher.Skipped
	)
	if json.Unmarshal(view, &all) != nil || json.Unmarshal(all["skipped"], &skipped) != nil {
		return nil // it was written by an agent
	}
	for i := range skipped {
		skipped[i].Reason = unsaid(skipped[i].Reason)
	}
	var err error
	if all["skipped"], err = json.Marshal(skipped); err != nil {
		return nil
	}
	if view, err = json.Marshal(all); err != nil {
		return nil
	}
	return view
}
