package api

import (
	"context"
	"errors"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

type badgeQuery struct {
	Repository string `query:"repository" required:"true" minLength:"1" maxLength:"255" doc:"full name"`
	Branch     string `query:"branch" maxLength:"1024" doc:"short name; the default branch if it is left out"`
	Module     string `query:"module" maxLength:"1024" doc:"of the function; any if it is left out"`
	Function   string `query:"function" maxLength:"255"`
}

func (s *service) getBadge(ctx context.Context, in *badgeQuery) (*body[v1.Badge], error) {
	if err := seen(ctx, in.Repository); err != nil {
		return nil, err
	}
	if in.Module != "" && in.Function == "" {
		return nil, invalid("query.function", "is missing: a module has many")
	}
	out := v1.Badge{Repository: in.Repository, Branch: in.Branch, Module: in.Module, Function: in.Function, State: "none"}
	if out.Branch == "" {
		var err error
		if out.Branch, err = s.Store.DefaultBranch(ctx, in.Repository); err != nil || out.Branch == "" {
			return answer(out), err
		}
	}
	if in.Function != "" {
		c, err := s.Store.BranchCall(ctx, in.Repository, out.Branch, in.Module, in.Function)
		if err == nil {
			out.State, out.Run, out.EndedAt, out.Module = string(c.State), c.RunNumber, moment(c.EndedAt), c.Module
		}
		return badged(out, err)
	}
	r, err := s.Store.BranchRun(ctx, in.Repository, out.Branch)
	if err == nil {
		out.State, out.Run, out.EndedAt = string(r.State), r.Number, moment(r.EndedAt)
	}
	return badged(out, err)
}

// badged answers, also if nothing was found.
func badged(b v1.Badge, err error) (*body[v1.Badge], error) {
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return answer(b), nil
}
