package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/store"
)

// again is what a person asks for who has a check of pocketci's run again. Only
// those with write access have the button.
type again struct {
	// call is the id that the check was made with, empty for all of a commit.
	call string
}

// readAgain reads GitHub's check_run and check_suite with the action rerequested
// ("Webhook events and payloads"). Suites of other Apps do not reach the webhook of
// this one.
func readAgain(event *events.Event) (again, bool) {
	if event.Vendor != events.VendorGithub || event.Filter != "rerequested" {
		return again{}, false
	}
	var p struct {
		CheckRun *struct {
			Name       string `json:"name"`
			ExternalID string `json:"external_id"`
		} `json:"check_run"`
	}
	switch event.Kind {
	case "check_suite":
		return again{}, event.SHA != ""
	case "check_run":
		if events.DecodeObject(event.Payload, &p) != nil || p.CheckRun == nil || !strings.HasPrefix(p.CheckRun.Name, forge.ContextPrefix) {
			return again{}, false
		}
		return again{call: p.CheckRun.ExternalID}, true
	}
	return again{}, false
}

// again makes one call again, or all that failed for a commit.
func (h *Handler) again(ctx context.Context, event *events.Event, a again) (string, error) {
	actor := store.Actor{Person: event.Sender}
	if a.call != "" {
		call, err := h.Store.Call(ctx, a.call)
		if stale(err) || err == nil && call.Repository != event.Repository.FullName {
			return "not done: there is no such call any more", nil
		}
		if err != nil {
			return "", err
		}
		if _, err := h.Store.RestartCall(ctx, a.call, actor); stale(err) {
			return "not done: " + err.Error(), nil
		} else if err != nil {
			return "", err
		}
		return fmt.Sprintf("restarted %s:%s of run %d", call.Module, call.Function, call.RunNumber), nil
	}
	all, err := h.Store.Runs(ctx, store.RunFilter{Repository: event.Repository.FullName, Limit: lookBack})
	if err != nil {
		return "", err
	}
	var restarted []string
	for _, run := range all {
		if run.SHA != event.SHA || run.Event == event.ID {
			continue
		}
		switch _, err := h.Store.Restart(ctx, run.ID, store.RestartFailed, actor); {
		case stale(err):
		case err != nil:
			return "", err
		default:
			restarted = append(restarted, fmt.Sprint(run.Number))
		}
	}
	if len(restarted) == 0 {
		return "not done: nothing has failed for the commit", nil
	}
	return "restarted run " + strings.Join(restarted, ", "), nil
}
