package api

import (
	"context"
	"net/http"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/bundle"
)

// Inspector says what functions there are, and calls none. Its errors are shown to
// the client: they hold no secrets.
type Inspector interface {
	// Functions lists what the modules of an event's repository declare, and the
	// commit at which they do.
	Functions(ctx context.Context, event events.Event) (sha string, list []dispatcher.Declared, err error)
	// FunctionsOf lists what modules declare whose files are in no repository yet.
	FunctionsOf(ctx context.Context, files []bundle.File) ([]dispatcher.Declared, error)
}

func (s *service) declaredRoutes() {
	register(s, operation{
		id: "list-declared-functions", method: http.MethodGet, path: "/functions/declared", tag: tagRepositories, scope: v1.ScopeRun,
		summary: "List the functions that a repository's modules declare",
		description: "With their arguments, types, defaults and descriptions, whether they were ever called or not. The repository is fetched " +
			"and its modules are loaded, which may take minutes when they are new.",
		errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusGatewayTimeout},
		patient: true,
	}, s.listDeclared)
}

type declaredQuery struct {
	Repository string `query:"repository" required:"true" minLength:"1" maxLength:"255" doc:"full name"`
	Ref        string `query:"ref" maxLength:"1024" doc:"branch, tag or full sha; the default branch if it is left out"`
}

func (s *service) listDeclared(ctx context.Context, in *declaredQuery) (*body[v1.Declared], error) {
	e, err := s.manual(ctx, place{"query", in.Repository, in.Ref}, nil)
	if err != nil {
		return nil, err
	}
	if e.Fork != "" {
		return nil, conflict("the commit may be a fork's, and the code of forks is not loaded")
	}
	if s.Inspector == nil {
		return nil, later("this agent loads no modules")
	}
	sha, list, err := s.Inspector.Functions(ctx, e)
	if err != nil {
		return nil, &unplannedError{err}
	}
	return answer(v1.Declared{Repository: in.Repository, SHA: sha, Modules: declareAll(list)}), nil
}

// declareAll describes modules with what pocketci.yaml says about them, which is not
// known of those that are about to be stored.
func declareAll(list []dispatcher.Declared) []v1.DeclaredModule {
	views := declare(list)
	for i, d := range list {
		if d.Err == nil {
			views[i] = v1.DeclareIn(d.Module, d.Config)
		}
	}
	return views
}

// declare describes modules, also those that cannot be loaded.
func declare(list []dispatcher.Declared) []v1.DeclaredModule {
	views := make([]v1.DeclaredModule, 0, len(list))
	for _, d := range list {
		if d.Err != nil {
			views = append(views, v1.DeclaredModule{Module: d.Path, Functions: []v1.DeclaredFunction{}, Checks: []v1.DeclaredCheck{}, Error: d.Err.Error()})
			continue
		}
		views = append(views, v1.Declare(d.Module))
	}
	return views
}

// checkTimeout limits how long a call waits for its arguments to be checked. It is
// enough where the repository and the functions are known.
const checkTimeout = 3 * time.Second

// check refuses a call by hand that would be invalid, as far as that can be said soon.
// What takes longer, because a module is new or something is away, is seen in the run.
func (s *service) check(ctx context.Context, e events.Event) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	view, err := s.Planner.Plan(ctx, e)
	if err != nil || view == nil || len(view.Calls) > 0 || len(view.Invalid) == 0 {
		return nil
	}
	return invalidCall(view.Invalid)
}
