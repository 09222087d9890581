package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// listRun names the list of runs in cursors.
const listRun = "run"

func (s *service) runRoutes() {
	register(s, operation{
		id: "list-runs", method: http.MethodGet, path: "/runs", tag: tagRuns, scope: v1.ScopeRead,
		summary: "List runs, the latest first", public: true,
	}, s.listRuns)
	register(s, operation{
		id: "get-run", method: http.MethodGet, path: "/runs/{id}", tag: tagRuns, scope: v1.ScopeRead,
		summary: "Show a run with its plan, calls and attempts", public: true, errors: []int{http.StatusNotFound},
	}, s.getRun)
	register(s, operation{
		id: "restart-run", method: http.MethodPost, path: "/runs/{id}/restart", tag: tagRuns, scope: v1.ScopeRun,
		summary:     "Restart a run that has ended",
		description: "Adds an attempt with the same commit and plan and the present secrets. Its calls are really made again.",
		status:      http.StatusAccepted, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.restart)
	register(s, operation{
		id: "abort-run", method: http.MethodPost, path: "/runs/{id}/abort", tag: tagRuns, scope: v1.ScopeRun,
		summary: "Abort a run", description: "Ends the calls that are being made, and those that wait never start.",
		errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.abort)
	register(s, operation{
		id: "approve-run", method: http.MethodPost, path: "/runs/{id}/approve", tag: tagRuns, scope: v1.ScopeRun,
		summary:     "Approve a run that waits for it",
		description: "The sha is that of the commit that was looked at. The key is bound to a person who may write to the repository, as its forge says when asked, or is one for admin. With trust it is run as if it came from a branch of the repository: by its own pocketci.yaml and modules, with secrets, which only keys for admin can.",
		errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, s.approve)
	s.runStreamRoute()
}

// RunID names a run in a path.
type RunID struct {
	ID string `path:"id" maxLength:"100" pattern:"^[0-9A-Za-z_.~-]+$" patternDescription:"an id" doc:"id or number of the run"`
}

// find reads a run by id or number that the caller may read.
func (s *service) find(ctx context.Context, id string) (r store.Run, err error) {
	// Ids have dashes and letters.
	if number, ok := strconv.ParseInt(id, 10, 64); ok == nil {
		r, err = s.Store.RunByNumber(ctx, number)
	} else {
		r, err = s.Store.Run(ctx, id)
	}
	if err == nil {
		err = seen(ctx, r.Repository)
	}
	return r, err
}

type runQuery struct {
	Page
	Repository string    `query:"repository" maxLength:"255" doc:"full name"`
	Ref        string    `query:"ref" maxLength:"1024" doc:"full ref, such as refs/heads/main"`
	State      string    `query:"state" enum:"queued,waiting-approval,running,succeeded,failed,aborted,timed-out,invalid,skipped"`
	Event      string    `query:"event" maxLength:"100" pattern:"^[0-9A-Za-z_.~-]+$" patternDescription:"an id" doc:"id of the event"`
	Name       string    `query:"name" maxLength:"255" doc:"name of the event, such as push"`
	Function   string    `query:"function" maxLength:"255" doc:"name of a function that is in the plan"`
	PR         int       `query:"pr_number" minimum:"1" doc:"number of the pull request"`
	Sender     string    `query:"sender" maxLength:"255" doc:"login of who caused the event"`
	Since      time.Time `query:"since" doc:"made at that time or later"`
	Until      time.Time `query:"until" doc:"made before that time"`
}

func (s *service) listRuns(ctx context.Context, in *runQuery) (*body[v1.Runs], error) {
	before, err := in.before(listRun)
	if err == nil {
		err = seen(ctx, in.Repository)
	}
	if err != nil {
		return nil, err
	}
	found, err := s.Store.Runs(ctx, store.RunFilter{
		Repository: in.Repository, Ref: in.Ref, State: store.State(in.State), Event: in.Event, Name: in.Name, Function: in.Function,
		PullRequest: in.PR, Sender: in.Sender, Since: in.Since, Until: in.Until, Before: before, Limit: in.Limit + 1,
	})
	if err != nil {
		return nil, err
	}
	found, next := cut(in.Page, listRun, found, func(r store.Run) int64 { return r.Number })
	out := v1.Runs{Runs: make([]v1.Run, len(found)), Next: next}
	for i := range found {
		out.Runs[i] = s.wireRun(&found[i])
		unnamed(ctx, &out.Runs[i])
	}
	return answer(out), nil
}

func (s *service) getRun(ctx context.Context, in *RunID) (*body[v1.Run], error) {
	r, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out, p, err := s.withCalls(ctx, &r)
	if err != nil {
		return nil, err
	}
	attempts, err := s.Store.RunAttempts(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	e, err := s.Store.Event(ctx, r.Event)
	switch {
	case err == nil:
		out.Origin = wireOrigin(&e.Event, r.SHA)
	case !errors.Is(err, store.ErrNotFound): // it may be deleted a moment before the run
		return nil, err
	}
	out.Plan, out.Attempts = p.view, wireAttempts(attempts)
	unnamed(ctx, &out)
	return answer(out), nil
}

// withCalls shows a run with its calls.
func (s *service) withCalls(ctx context.Context, r *store.Run) (v1.Run, plan, error) {
	calls, err := s.Store.Calls(ctx, r.ID)
	if err != nil {
		return v1.Run{}, plan{}, err
	}
	out, p := s.wireRun(r), readPlan(r.Plan)
	out.Calls = wireCalls(calls, p)
	unnamed(ctx, &out)
	return out, p, nil
}

// changed shows a run after something was done to it.
func (s *service) changed(ctx context.Context, id string) (*body[v1.Run], error) {
	return s.getRun(ctx, &RunID{ID: id})
}

type restartInput struct {
	RunID
	Body *v1.Restart
}

func (s *service) restart(ctx context.Context, in *restartInput) (*body[v1.Restarted], error) {
	r, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	scope := store.RestartAll
	if in.Body != nil && in.Body.Scope != "" {
		scope = store.Scope(in.Body.Scope)
	}
	attempt, err := s.Store.Restart(ctx, r.ID, scope, who(ctx).actor)
	if err != nil {
		return nil, err
	}
	return answer(v1.Restarted{Run: r.ID, Attempt: attempt}), nil
}

type abortInput struct {
	RunID
	Body *v1.Abort
}

// reason is the one of a body that may be left out.
func reason(b *v1.Abort) string {
	if b == nil {
		return ""
	}
	return b.Reason
}

func (s *service) abort(ctx context.Context, in *abortInput) (*body[v1.Run], error) {
	r, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.Store.Abort(ctx, r.ID, who(ctx).actor, reason(in.Body)); err != nil {
		return nil, err
	}
	return s.changed(ctx, r.ID)
}
