package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// waitFor is how long Nomad may keep a query that waits for news.
const waitFor = "30s"

// watch waits until an evaluation and the deployment that it begins have ended, and
// says how.
func (n *nomad) watch(ctx context.Context, job, evaluation string) (string, error) {
	if evaluation == "" {
		return "registered; a periodic or parameterized job begins later", nil
	}
	var e struct {
		Status, StatusDescription, DeploymentID, BlockedEval string

		FailedTGAllocs map[string]any
	}
	err := n.follow(ctx, "/v1/evaluation/"+url.PathEscape(evaluation), &e, func() bool {
		return e.Status != "pending"
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("watch the evaluation: %w", err)
	case e.Status != "complete":
		return "", fmt.Errorf("the evaluation is %s: %s", e.Status, e.StatusDescription)
	case len(e.FailedTGAllocs) > 0:
		return "", fmt.Errorf("there is no room for %s", strings.Join(slices.Sorted(maps.Keys(e.FailedTGAllocs)), ", "))
	case e.DeploymentID == "":
		return "it has no deployment to wait for", nil
	}
	var d struct{ Status, StatusDescription string }
	err = n.follow(ctx, "/v1/deployment/"+url.PathEscape(e.DeploymentID), &d, func() bool {
		return slices.Contains([]string{"successful", "failed", "cancelled"}, d.Status)
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("watch the deployment: %w", err)
	case d.Status != "successful":
		return "", fmt.Errorf("the deployment is %s: %s", d.Status, d.StatusDescription)
	}
	return strings.ToLower(d.StatusDescription), nil
}

// follow asks for something until it has ended. Each query waits for news of it. A
// server that fails is asked again, with longer and longer pauses; ctx is the limit.
func (n *nomad) follow(ctx context.Context, path string, out any, ended func() bool) error {
	index, pause := "", time.Second
	for {
		query := url.Values{}
		if index != "" {
			query = url.Values{"index": {index}, "wait": {waitFor}}
		}
		at, err := n.ask(ctx, http.MethodGet, path, query, nil, out)
		var r *refused
		switch {
		case err == nil && ended():
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &r) && r.status < http.StatusInternalServerError:
			return err
		case err == nil && at != "" && at != index:
			index, pause = at, time.Second
			continue
		}
		// It failed, or was answered without news or an index.
		select {
		case <-time.After(pause):
			pause = min(2*pause, 30*time.Second)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
