package api

import (
	"context"
	"net/http"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// listCall names the list of calls in cursors.
const listCall = "call"

func (s *service) callRoutes() {
	register(s, operation{
		id: "list-calls", method: http.MethodGet, path: "/calls", tag: tagCalls, scope: v1.ScopeRead,
		summary: "List calls, the latest first", description: "Commands are only in the answer for one call or run.",
		errors: []int{http.StatusNotFound},
	}, s.listCalls)
	register(s, operation{
		id: "get-call", method: http.MethodGet, path: "/calls/{id}", tag: tagCalls, scope: v1.ScopeRead,
		summary: "Show a call with its attempts", public: true, errors: []int{http.StatusNotFound},
	}, s.getCall)
	register(s, operation{
		id: "abort-call", method: http.MethodPost, path: "/calls/{id}/abort", tag: tagCalls, scope: v1.ScopeRun,
		summary: "Abort a call", description: "The other calls of its run go on, but for those that come after it.",
		errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.abortCall)
}

// CallID names a call in a path.
type CallID struct {
	ID string `path:"id" maxLength:"100" pattern:"^[0-9A-Za-z_.~-]+$" patternDescription:"an id" doc:"id of the call"`
}

type callQuery struct {
	Page
	Run        string `query:"run" maxLength:"100" pattern:"^[0-9A-Za-z_.~-]+$" patternDescription:"an id" doc:"id or number of a run"`
	Repository string `query:"repository" maxLength:"255" doc:"full name"`
	Module     string `query:"module" maxLength:"1024"`
	Function   string `query:"function" maxLength:"255"`
	State      string `query:"state" enum:"queued,running,succeeded,failed,aborted,timed-out,invalid,skipped"`
}

func (s *service) listCalls(ctx context.Context, in *callQuery) (*body[v1.Calls], error) {
	before, err := in.before(listCall)
	if err != nil {
		return nil, err
	}
	if in.Run != "" {
		r, err := s.find(ctx, in.Run)
		if err != nil {
			return nil, err
		}
		in.Run = r.ID
	}
	found, err := s.Store.ListCalls(ctx, store.CallFilter{
		Run: in.Run, Repository: in.Repository, Module: in.Module, Function: in.Function, State: store.State(in.State),
		Before: before, Limit: in.Limit + 1,
	})
	if err != nil {
		return nil, err
	}
	found, next := cut(in.Page, listCall, found, func(c store.Call) int64 { return c.Number })
	return answer(v1.Calls{Calls: wireCalls(found, plan{}), Next: next}), nil
}

// findCall reads a call that the caller may read.
func (s *service) findCall(ctx context.Context, id string) (store.Call, error) {
	c, err := s.Store.Call(ctx, id)
	if err == nil {
		err = seen(ctx, c.Repository)
	}
	return c, err
}

func (s *service) getCall(ctx context.Context, in *CallID) (*body[v1.Call], error) {
	c, err := s.findCall(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	r, err := s.Store.Run(ctx, c.Run)
	if err != nil {
		return nil, err
	}
	attempts, err := s.Store.CallAttempts(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	out := wireCalls([]store.Call{c}, readPlan(r.Plan))
	out[0].Attempts = wireAttempts(attempts)
	if who(ctx).limited {
		unnamedCalls(out)
	}
	return answer(out[0]), nil
}

type abortCallInput struct {
	CallID
	Body *v1.Abort
}

func (s *service) abortCall(ctx context.Context, in *abortCallInput) (*body[v1.Call], error) {
	if err := s.Store.AbortCall(ctx, in.ID, who(ctx).actor, reason(in.Body)); err != nil {
		return nil, err
	}
	return s.getCall(ctx, &in.CallID)
}
