package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

func (s *service) repositoryRoutes() {
	register(s, operation{
		id: "list-repositories", method: http.MethodGet, path: "/repositories", tag: tagRepositories, scope: v1.ScopeRead,
		summary: "List the repositories that have runs",
	}, s.listRepositories)
	register(s, operation{
		id: "list-functions", method: http.MethodGet, path: "/functions", tag: tagRepositories, scope: v1.ScopeRead,
		summary: "List functions that were called, with statistics over 7 and 30 days",
	}, s.listFunctions)
	register(s, operation{
		id: "list-refs", method: http.MethodGet, path: "/refs", tag: tagRepositories, scope: v1.ScopeRead,
		summary: "List the branches and tags of a repository that have runs", public: true,
	}, s.listRefs)
	register(s, operation{
		id: "list-disabled", method: http.MethodGet, path: "/disabled", tag: tagRepositories, scope: v1.ScopeRead,
		summary: "List what is disabled",
	}, s.listDisabled)
	register(s, operation{
		id: "disable", method: http.MethodPost, path: "/disable", tag: tagRepositories, scope: v1.ScopeRun,
		summary:     "Disable a repository, module or function",
		description: "Its events are still stored, and it is not called until somebody enables it again. Doing so again replaces the reason.",
		status:      http.StatusNoContent,
	}, s.disable)
	register(s, operation{
		id: "enable", method: http.MethodPost, path: "/enable", tag: tagRepositories, scope: v1.ScopeRun,
		summary: "Enable a repository, module or function", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, s.enable)
}

func (s *service) listRepositories(ctx context.Context, _ *struct{}) (*body[v1.Repositories], error) {
	found, err := s.Store.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	disabled, err := s.disabled(ctx, "")
	if err != nil {
		return nil, err
	}
	out := v1.Repositories{Repositories: make([]v1.Repository, len(found))}
	for i, r := range found {
		out.Repositories[i] = v1.Repository{
			Repository: r.Name, Runs: r.Runs, LastEvent: moment(r.LastEvent), Disabled: disabled[[3]string{r.Name}],
		}
		last, err := s.Store.Run(ctx, r.LastRun)
		if errors.Is(err, store.ErrNotFound) {
			continue // it has been deleted to make room since
		}
		if err != nil {
			return nil, err
		}
		run := s.wireRun(&last)
		out.Repositories[i].LastRun = &run
	}
	return answer(out), nil
}

// disabled is what is disabled by repository, module and function.
func (s *service) disabled(ctx context.Context, repository string) (map[[3]string]*v1.Disabled, error) {
	found, err := s.Store.Disabled(ctx, repository)
	if err != nil {
		return nil, err
	}
	disabled := map[[3]string]*v1.Disabled{}
	for i := range found {
		d := wireDisabled(&found[i])
		disabled[[3]string{d.Repository, d.Module, d.Function}] = &d
	}
	return disabled, nil
}

type repositoryQuery struct {
	Repository string `query:"repository" maxLength:"255" doc:"full name; all repositories if it is left out"`
}

type functionsQuery struct {
	Repository string `query:"repository" maxLength:"255" doc:"full name; all repositories if it is left out"`
	Ref        string `query:"ref" maxLength:"1024" doc:"branch or tag in full, whose calls are recent alone; statistics are of all of them"`
}

func (s *service) listFunctions(ctx context.Context, in *functionsQuery) (*body[v1.Functions], error) {
	found, err := s.Store.FunctionStatistics(ctx, in.Repository)
	if err != nil {
		return nil, err
	}
	disabled, err := s.disabled(ctx, in.Repository)
	if err != nil {
		return nil, err
	}
	out := v1.Functions{Functions: make([]v1.Function, len(found))}
	for i, f := range found {
		out.Functions[i] = v1.Function{
			Repository: f.Repository, Module: f.Module, Function: f.Function, LastState: string(f.LastState), LastCall: f.LastCall,
			Days7: wireStatistics(f.Days7), Days30: wireStatistics(f.Days30),
		}
		if in.Repository != "" {
			if out.Functions[i].Recent, err = s.recent(ctx, &f, in.Ref); err != nil {
				return nil, err
			}
		}
		// What is disabled as a whole takes its parts with it.
		for _, name := range [][3]string{{f.Repository}, {f.Repository, f.Module}, {f.Repository, f.Module, f.Function}} {
			if d := disabled[name]; d != nil {
				out.Functions[i].Disabled = d
				break
			}
		}
	}
	return answer(out), nil
}

func wireStatistics(n store.Statistics) *v1.Statistics {
	if n.Calls == 0 {
		return nil
	}
	return &v1.Statistics{
		Calls: n.Calls, Succeeded: n.Succeeded, Ratio: float64(n.Succeeded) / float64(n.Calls),
		P50: seconds(n.P50), P90: seconds(n.P90),
	}
}

// seconds are those of a duration, to the millisecond.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

func (s *service) listDisabled(ctx context.Context, in *repositoryQuery) (*body[v1.DisabledList], error) {
	found, err := s.Store.Disabled(ctx, in.Repository)
	if err != nil {
		return nil, err
	}
	out := v1.DisabledList{Disabled: make([]v1.Disabled, len(found))}
	for i := range found {
		out.Disabled[i] = wireDisabled(&found[i])
	}
	return answer(out), nil
}

type disableInput struct{ Body v1.Disabled }

func (s *service) disable(ctx context.Context, in *disableInput) (*struct{}, error) {
	b := &in.Body
	if b.Function != "" && b.Module == "" {
		return nil, invalid("body.module", "is missing: a function is one of a module")
	}
	d := store.Disabled{Repository: b.Repository, Module: b.Module, Function: b.Function, Reason: b.Reason}
	return nil, s.Store.Disable(ctx, d, who(ctx).actor)
}

type enableInput struct{ Body v1.Enable }

func (s *service) enable(ctx context.Context, in *enableInput) (*struct{}, error) {
	b := &in.Body
	err := s.Store.Enable(ctx, b.Repository, b.Module, b.Function, who(ctx).actor)
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent("nothing of exactly these names is disabled; GET " + v1.Prefix + "/disabled lists what is")
	}
	return nil, err
}
