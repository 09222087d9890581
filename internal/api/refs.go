package api

import (
	"context"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

type refsQuery struct {
	Repository string `query:"repository" required:"true" minLength:"1" maxLength:"255" doc:"full name"`
}

func (s *service) listRefs(ctx context.Context, in *refsQuery) (*body[v1.Refs], error) {
	if err := seen(ctx, in.Repository); err != nil {
		return nil, err
	}
	found, err := s.Store.Refs(ctx, in.Repository)
	if err != nil {
		return nil, err
	}
	branch, err := s.Store.DefaultBranch(ctx, in.Repository)
	if err != nil {
		return nil, err
	}
	out := v1.Refs{Repository: in.Repository, DefaultBranch: branch, Refs: make([]v1.KnownRef, len(found))}
	for i := range found {
		out.Refs[i] = v1.KnownRef{Ref: found[i].Ref, Last: wireRecent(&found[i])}
	}
	return answer(out), nil
}

// recent are the last calls of a function.
func (s *service) recent(ctx context.Context, f *store.FunctionStatistics, ref string) ([]v1.RecentCall, error) {
	found, err := s.Store.RecentCalls(ctx, f.Repository, f.Module, f.Function, ref)
	if err != nil {
		return nil, err
	}
	out := make([]v1.RecentCall, len(found))
	for i, c := range found {
		out[i] = v1.RecentCall{RunNumber: c.RunNumber, Ref: c.Ref, State: string(c.State), StartedAt: moment(c.StartedAt), EndedAt: moment(c.EndedAt)}
	}
	return out, nil
}
