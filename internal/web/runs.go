package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

// runsPage is a list of runs and what it is of.
type runsPage struct {
	Filter runsFilter
	States []string
	Runs   []v1.Run
	// Older is the address of the next page, Live that which keeps the first one up to
	// date.
	Older, Live string
	// Error is why the list cannot be had.
	Error string
}

// runsFilter is what somebody typed to select runs, as it was typed.
type runsFilter struct {
	Repository, Branch, State, Event, Function, PR, Sender, Since, Until string
}

// runStates are those that can be asked for, in the order in which they come.
var runStates = []string{"queued", "waiting-approval", "running", "succeeded", "failed", "timed-out", "invalid", "aborted", "skipped"}

// Given reports whether anything was typed.
func (f runsFilter) Given() bool { return f != runsFilter{} }

func runsFilterOf(q url.Values) runsFilter {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	return runsFilter{
		get("repository"), get("branch"), get("state"), get("event"), get("function"), get("pr"), get("sender"), get("since"), get("until"),
	}
}

// path is the address of the filter's list or of something beside it.
func (f runsFilter) path(base string, more ...string) string {
	return address(base, append([]string{
		"repository", f.Repository, "branch", f.Branch, "state", f.State, "event", f.Event, "function", f.Function, "pr", f.PR,
		"sender", f.Sender, "since", f.Since, "until", f.Until,
	}, more...)...)
}

// ask is the filter as the API takes it. Its error is a sentence for who typed it.
func (f runsFilter) ask() (client.RunFilter, error) {
	out := client.RunFilter{Repository: f.Repository, Ref: fullRef(f.Branch), State: f.State, Name: f.Event, Function: f.Function, Sender: f.Sender}
	if f.PR != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(f.PR, "#"))
		if err != nil || n < 1 {
			return out, &problem{http.StatusUnprocessableEntity, "The pull request is a number, such as 7."}
		}
		out.PR = n
	}
	var err error
	if out.Since, err = dayOf(f.Since, 0); err != nil {
		return out, err
	}
	out.Until, err = dayOf(f.Until, 24*time.Hour) // the last day is one of them
	return out, err
}

// fullRef is what a branch is called in full, unless that is what was typed.
func fullRef(branch string) string {
	if branch == "" || strings.HasPrefix(branch, "refs/") {
		return branch
	}
	return "refs/heads/" + branch
}

// dayOf reads a day, in UTC, or a time.
func dayOf(text string, more time.Duration) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, &problem{http.StatusUnprocessableEntity, "Days are written like 2026-11-25."}
	}
	return t.Add(more), nil
}

func (s *Site) runs(v *visit) error {
	q := v.r.URL.Query()
	page := runsPage{Filter: runsFilterOf(q), States: runStates}
	filter, err := page.Filter.ask()
	if err == nil {
		filter.Cursor = q.Get("cursor")
		var found v1.Runs
		if found, err = v.api.Runs(v.ctx(), filter); err == nil {
			page.Runs = found.Runs
			if found.Next != "" {
				page.Older = page.Filter.path("/runs", "cursor", found.Next)
			}
			if filter.Cursor == "" {
				page.Live = page.Filter.path("/runs/live")
			}
			return v.show("runs", page)
		}
	}
	status, text := v.told(err)
	if status != http.StatusUnprocessableEntity {
		return err
	}
	page.Error = text
	return v.showStatus(status, "runs", page)
}

// runsLive keeps the first page of a list up to date. That something has changed is known
// from the overview, which all who follow share.
func (s *Site) runsLive(v *visit) error {
	page := runsPage{Filter: runsFilterOf(v.r.URL.Query())}
	filter, err := page.Filter.ask()
	if err != nil {
		return err
	}
	return v.live("runs", func(ctx context.Context, send push) error {
		for _, err := range v.api.WatchOverview(ctx, nil) {
			if err != nil {
				return err
			}
			found, err := v.api.Runs(ctx, filter)
			if err != nil {
				return err
			}
			page.Runs = found.Runs
			if err := send("list", "", page); err != nil {
				return err
			}
		}
		return nil
	})
}
