package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// change is what a deployment changes in a job.
type change struct{ image, group, task, vault, event string }

// tries is how often a job is read and registered while others register it too.
const tries = 5

// update changes a job and returns the id of the evaluation that follows.
func (n *nomad) update(ctx context.Context, id string, c change) (evaluation string, err error) {
	path := "/v1/job/" + url.PathEscape(id)
	for try := 1; ; try++ {
		var job map[string]any
		if _, err := n.ask(ctx, http.MethodGet, path, nil, nil, &job); err != nil {
			return "", err
		}
		if err := c.apply(job); err != nil {
			return "", err
		}
		var answer struct{ EvalID string }
		_, err := n.ask(ctx, http.MethodPost, path, nil, map[string]any{
			"Job": job,
			// What somebody else changed since must not be undone.
			"EnforceIndex": true, "JobModifyIndex": job["JobModifyIndex"],
			// How many there are is the autoscaler's business.
			"PreserveCounts": true,
		}, &answer)
		var r *refused
		if errors.As(err, &r) && r.conflict() && try < tries {
			continue
		}
		return answer.EvalID, err
	}
}

// apply changes the job as Nomad sent it. All that it does not know stays.
func (c change) apply(job map[string]any) error {
	found := 0
	groups, _ := job["TaskGroups"].([]any)
	for _, g := range groups {
		group, _ := g.(map[string]any)
		if c.group != "" && group["Name"] != c.group {
			continue
		}
		tasks, _ := group["Tasks"].([]any)
		for _, t := range tasks {
			task, _ := t.(map[string]any)
			if task["Name"] != c.task {
				continue
			}
			config, ok := task["Config"].(map[string]any)
			if !ok {
				return fmt.Errorf("the task %s has no config", c.task)
			}
			config["image"], config["force_pull"] = c.image, true
			found++
		}
	}
	if found == 0 {
		return fmt.Errorf("there is no task %s in it", c.task)
	}
	// A job that is the same as before would not be deployed again.
	meta, ok := job["Meta"].(map[string]any)
	if !ok {
		meta = map[string]any{}
		job["Meta"] = meta
	}
	meta["pocketci_event"] = c.event
	if c.vault != "" {
		job["VaultToken"] = c.vault
	}
	return nil
}
