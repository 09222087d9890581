package api

import (
	"context"
	"errors"
	"strings"
	"time"

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
	var asked *events.ByHand
	if b.Function != "" {
		asked = &events.ByHand{Module: b.Module, Function: b.Function, Args: b.Args}
	}
	e, err := s.manual(ctx, place{"body", b.Repository, b.Ref}, asked)
	if err != nil {
		return nil, err
	}
	if b.Cause != "" {
		cause, err := s.Store.Event(ctx, b.Cause)
		if errors.Is(err, store.ErrNotFound) {
			return nil, invalid("body.cause", "there is no such event")
		}
		if err != nil {
			return nil, err
		}
		e = events.Follow(&cause.Event, e)
	}
	if asked != nil && e.Fork == "" {
		if err := s.check(ctx, e); err != nil {
			return nil, err
		}
	}
	return s.accept(ctx, store.Delivery{Event: e})
}

// place is a repository and ref in a part of a request.
type place struct{ in, repository, ref string }

// manual makes the event of a person's wish at a place: to have one function called, or
// all that match if asked is nil. Where somebody without write access may have made the
// commit, it is a fork's.
func (s *service) manual(ctx context.Context, at place, asked *events.ByHand) (events.Event, error) {
	repository, ref, sha, own, err := s.locate(ctx, at)
	if err != nil {
		return events.Event{}, err
	}
	person := who(ctx).actor.Person
	e := events.Manual(repository, ref, sha, person)
	if asked != nil {
		e = events.ManualCall(repository, ref, sha, person, *asked)
	}
	if !own {
		e.Trusted, e.Fork = false, unknownFork
	}
	// Until it is accepted, and for plans that are not.
	e.ID, e.ReceivedAt = events.NewID(), time.Now().UTC()
	return e, nil
}

// locate says where a repository is and which ref or commit of it is meant, and whether
// only somebody with write access can have made that.
func (s *service) locate(ctx context.Context, at place) (repository *events.Repository, ref, sha string, own bool, err error) {
	if name, ok := events.ModuleName(at.repository); ok {
		repository, sha, err = s.findModule(ctx, at, name)
		return repository, "", sha, true, err
	}
	latest, err := s.Store.LatestEvent(ctx, at.repository)
	if errors.Is(err, store.ErrNotFound) || err == nil && latest.Repository == nil {
		return nil, "", "", false, absent("no event of the repository " + at.repository + " was received, so that it is not known where to fetch it; " +
			"add the agent's webhook to it, and push once")
	}
	if err != nil {
		return nil, "", "", false, err
	}
	if ref, sha, err = s.commit(ctx, at); err != nil {
		return nil, "", "", false, err
	}
	own, err = s.own(ctx, at.repository, ref, sha)
	return latest.Repository, ref, sha, own, err
}

// findModule finds a version of a stored module.
func (s *service) findModule(ctx context.Context, at place, name string) (*events.Repository, string, error) {
	m, err := s.module(ctx, name)
	if err != nil {
		return nil, "", err
	}
	if at.ref == "" {
		return m.Repository(), m.SHA, nil
	}
	sha, err := s.Store.ModuleSHA(ctx, m.ID, at.ref)
	if errors.Is(err, store.ErrNotFound) {
		return nil, "", invalid(at.in+".ref", "is no version of the module that is kept; give the full sha of one, as pocketci module show "+name+" lists them")
	}
	return m.Repository(), sha, err
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
func (s *service) commit(ctx context.Context, at place) (ref, sha string, err error) {
	ref = at.ref
	if ref == "" {
		return "", "", nil
	}
	if events.CheckSHA(ref) == nil {
		return "", ref, nil
	}
	if !strings.HasPrefix(ref, "refs/") {
		branch, tag := "refs/heads/"+ref, "refs/tags/"+ref
		if ref = branch; events.CheckRef(tag) == nil {
			isBranch, err := s.seen(ctx, at.repository, branch)
			if err != nil {
				return "", "", err
			}
			isTag, err := s.seen(ctx, at.repository, tag)
			if err != nil {
				return "", "", err
			}
			if isTag && !isBranch {
				ref = tag
			}
		}
	}
	if err := events.CheckRef(ref); err != nil {
		return "", "", invalid(at.in+".ref", err.Error())
	}
	return ref, "", nil
}

// seen reports whether an event of a ref is stored.
func (s *service) seen(ctx context.Context, repository, ref string) (bool, error) {
	found, err := s.Store.Events(ctx, store.EventFilter{Repository: repository, Ref: ref, Limit: 1})
	return len(found) > 0, err
}
