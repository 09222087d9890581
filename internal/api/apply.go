package api

import (
	"context"
	"net/http"
	"path"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

func (s *service) applyRoute() {
	register(s, operation{
		id: "apply", method: http.MethodPost, path: "/apply", tag: tagRuns, scope: v1.ScopeRun,
		summary: "Have a module converge", status: http.StatusAccepted,
		description: "Starts the run that an event does which has the module converge. A ref is read as that of a call.",
		errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, s.apply)
}

type applyInput struct{ Body v1.ApplyRequest }

func (s *service) apply(ctx context.Context, in *applyInput) (*body[v1.Accepted], error) {
	b := &in.Body
	repository, ref, sha, own, err := s.locate(ctx, place{"body", b.Repository, b.Ref})
	if err != nil {
		return nil, err
	}
	if ref == "" && sha == "" && repository.DefaultBranch != "" {
		ref = "refs/heads/" + repository.DefaultBranch // which rules for secrets ask for
	}
	if !own {
		return nil, conflict("the commit may be of somebody who cannot push, and then nothing converges to it; name a branch, a tag or a commit that was pushed")
	}
	return s.accept(ctx, store.Delivery{Event: events.Apply(repository, ref, sha, who(ctx).actor.Person, path.Clean(b.Module))})
}
