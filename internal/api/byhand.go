package api

import (
	"context"
	"errors"
	"strings"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

type callInput struct{ Body v1.CallRequest }

func (s *service) call(ctx context.Context, in *callInput) (*body[v1.Accepted], error) {
	b := &in.Body
	if b.Function == "" && (b.Module != "" || len(b.Args) > 0) {
		return nil, invalid("body.function", "is missing: a module or arguments are of one function")
	}
	latest, err := s.Store.LatestEvent(ctx, b.Repository)
	if errors.Is(err, store.ErrNotFound) || err == nil && latest.Repository == nil {
		return nil, absent("no event of the repository " + b.Repository + " was received, so that it is not known where to fetch it; " +
			"add the agent's webhook to it, and push once")
	}
	if err != nil {
		return nil, err
	}
	ref, sha, err := s.commit(ctx, b)
	if err != nil {
		return nil, err
	}
	person := who(ctx).actor.Person
	e := events.Manual(latest.Repository, ref, sha, person)
	if b.Function != "" {
		e = events.ManualCall(latest.Repository, ref, sha, person, events.ByHand{Module: b.Module, Function: b.Function, Args: b.Args})
	}
	own, err := s.own(ctx, b.Repository, ref, sha)
	if err != nil {
		return nil, err
	}
	if !own {
		e.Trusted, e.Fork = false, unknownFork
	}
	return s.accept(ctx, store.Delivery{Event: e})
}

// own reports whether only somebody with write access can have made the commit. Forges
// keep the heads of pull requests under refs of their own, those of forks too, and serve
// any of their commits by its sha.
func (s *service) own(ctx context.Context, repository, ref, sha string) (bool, error) {
	if sha != "" {
		return s.Store.Pushed(ctx, repository, sha)
	}
	return ref == "" || strings.HasPrefix(ref, "refs/heads/") || strings.HasPrefix(ref, "refs/tags/"), nil
}

// unknownFork stands for whose commit a ref holds that is no branch or tag.
const unknownFork = "unknown"

// commit turns the ref of a request into a full ref or a full sha. Both are
// empty for the default branch.
func (s *service) commit(ctx context.Context, b *v1.CallRequest) (ref, sha string, err error) {
	ref = b.Ref
	if ref == "" {
		return "", "", nil
	}
	if events.CheckSHA(ref) == nil {
		return "", ref, nil
	}
	if !strings.HasPrefix(ref, "refs/") {
		branch, tag := "refs/heads/"+ref, "refs/tags/"+ref
		if ref = branch; events.CheckRef(tag) == nil {
			isBranch, err := s.seen(ctx, b.Repository, branch)
			if err != nil {
				return "", "", err
			}
			isTag, err := s.seen(ctx, b.Repository, tag)
			if err != nil {
				return "", "", err
			}
			if isTag && !isBranch {
				ref = tag
			}
		}
	}
	if err := events.CheckRef(ref); err != nil {
		return "", "", invalid("body.ref", err.Error())
	}
	return ref, "", nil
}

// seen reports whether an event of a ref is stored.
func (s *service) seen(ctx context.Context, repository, ref string) (bool, error) {
	found, err := s.Store.Events(ctx, store.EventFilter{Repository: repository, Ref: ref, Limit: 1})
	return len(found) > 0, err
}
