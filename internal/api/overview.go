package api

import (
	"context"
	"net/http"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// listOverview names the list of repositories with their states in cursors.
const listOverview = "overview"

// overviewLimit is how many repositories a stream has, and an answer unless more are
// asked for.
const overviewLimit = 20

func (s *service) overviewRoutes() {
	register(s, operation{
		id: "get-overview", method: http.MethodGet, path: "/overview", tag: tagRuns, scope: v1.ScopeRead, public: true,
		summary:     "Show what is going on, what waits and why, what failed last, and how each repository is",
		description: "Cursor and limit are for the repositories, of which the first page has those with the latest runs.",
	}, s.getOverview)
	register(s, operation{
		id: "get-badge", method: http.MethodGet, path: "/badge", tag: tagRepositories, scope: v1.ScopeRead, public: true,
		summary: "Show how a branch is, or a function on it",
		description: "What counts is the last push to the branch whose run succeeded, failed, timed out or was invalid. For a function it is " +
			"its call in the latest of the last hundred such runs that has one which ended in one of those states.",
		errors: []int{http.StatusNotFound},
	}, s.getBadge)
	s.overviewStreamRoute()
}

// OverviewPage is the part of the repositories that an overview has. It is exported
// for huma.
type OverviewPage struct {
	Cursor string `query:"cursor" maxLength:"100" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"how many repositories there are on a page at most"`
}

func (s *service) getOverview(ctx context.Context, in *OverviewPage) (*body[v1.Overview], error) {
	page := Page(*in)
	before, err := page.before(listOverview)
	if err != nil {
		return nil, err
	}
	out, err := s.overview(ctx, before, in.Limit, visible(ctx))
	if err != nil {
		return nil, err
	}
	return answer(out), nil
}

// visible says which repositories the caller may see; nil is all of them.
func visible(ctx context.Context) func(repository string) bool {
	if c := who(ctx); c.limited {
		return c.sees
	}
	return nil
}

// overview is what is going on in the repositories that may be seen.
func (s *service) overview(ctx context.Context, before int64, limit int, visible func(string) bool) (v1.Overview, error) {
	work, err := s.Store.Work(ctx, visible)
	if err != nil {
		return v1.Overview{}, err
	}
	active, more, err := s.Store.Active(ctx, before, limit, visible)
	if err != nil {
		return v1.Overview{}, err
	}
	disabled, err := s.disabled(ctx, "")
	if err != nil {
		return v1.Overview{}, err
	}
	out := v1.Overview{
		Running: make([]v1.RunningRun, len(work.Running)), MoreRunning: work.MoreRunning,
		Waiting: make([]v1.Waiting, len(work.Waiting)), MoreWaiting: work.MoreWaiting,
		Failed: make([]v1.Run, len(work.Failed)), Repositories: make([]v1.RepositoryState, len(active)), MoreRepositories: more,
	}
	for i := range work.Running {
		r := &work.Running[i]
		out.Running[i] = v1.RunningRun{Run: s.wireRun(&r.Run), Planning: r.Planning, Calls: wireNames(r.Calls, visible != nil), MoreCalls: r.More}
	}
	for i := range work.Waiting {
		w := &work.Waiting[i]
		out.Waiting[i] = v1.Waiting{
			Run: s.wireRun(&w.Run), Calls: wireNames(w.Calls, visible != nil), MoreCalls: w.More, Since: w.Since.UTC(), Why: string(w.Why), Reason: inWords(w),
			Behind: wireNames(w.Behind, visible != nil), MoreBehind: w.MoreBehind,
		}
	}
	for i := range work.Failed {
		out.Failed[i] = s.wireRun(&work.Failed[i])
	}
	for i := range out.Running {
		unnamed(ctx, &out.Running[i].Run)
	}
	for i := range out.Waiting {
		unnamed(ctx, &out.Waiting[i].Run)
	}
	for i := range out.Failed {
		unnamed(ctx, &out.Failed[i])
	}
	for i := range active {
		out.Repositories[i] = wireActivity(&active[i])
		if d := disabled[[3]string{active[i].Repository}]; d != nil && visible != nil {
			// Who did so and why is not for strangers.
			out.Repositories[i].Disabled = &v1.Disabled{Repository: d.Repository, At: d.At}
		} else {
			out.Repositories[i].Disabled = d
		}
	}
	if more > 0 {
		out.Next = cursorOf(listOverview, active[len(active)-1].LastRun)
	}
	return out, nil
}

// wireNames names calls, for strangers without the agents that make them.
func wireNames(calls []store.CallName, strangers bool) []v1.CallRef {
	out := make([]v1.CallRef, len(calls))
	for i, c := range calls {
		if strangers {
			c.Agent = ""
		}
		out[i] = v1.CallRef{ID: c.ID, RunNumber: c.RunNumber, Module: c.Module, Function: c.Function, Agent: c.Agent, Since: moment(c.Since)}
	}
	return out
}

func wireActivity(a *store.Activity) v1.RepositoryState {
	out := v1.RepositoryState{Repository: a.Repository, DefaultBranch: a.DefaultBranch, Recent: make([]v1.RecentRun, len(a.Recent))}
	for i := range a.Recent {
		out.Recent[i] = wireRecent(&a.Recent[i])
	}
	if a.Branch != nil {
		branch := wireRecent(a.Branch)
		out.Branch = &branch
	}
	return out
}

func wireRecent(r *store.Run) v1.RecentRun {
	return v1.RecentRun{
		Number: r.Number, State: string(r.State), Vendor: r.Vendor, Name: r.Name, Ref: r.Ref, SHA: r.SHA, PR: r.PullRequest,
		CreatedAt: r.CreatedAt.UTC(), StartedAt: moment(r.StartedAt), EndedAt: moment(r.EndedAt),
	}
}
