package api

import (
	"context"
	"errors"
	"net/http"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/reaction"
)

func (s *service) mirrorRoutes() {
	register(s, operation{
		id: "list-mirrors", method: http.MethodGet, path: "/mirrors", tag: tagAgent, scope: v1.ScopeRead,
		summary:     "List the mirrors of all agents",
		description: "What a mirror does at the moment is known of the agent that answers alone.",
	}, s.listMirrors)
	register(s, operation{
		id: "sync-mirror", method: http.MethodPost, path: "/mirrors/{name}/sync", tag: tagAgent, scope: v1.ScopeRun,
		summary:     "Have a mirror of the agent that answers look now",
		description: "It is not waited for. If it works already, it looks once more.",
		status:      http.StatusAccepted, errors: []int{http.StatusNotFound},
	}, s.syncMirror)
}

func (s *service) listMirrors(ctx context.Context, _ *struct{}) (*body[v1.Mirrors], error) {
	out := v1.Mirrors{Mirrors: []v1.Mirror{}}
	if s.Mirrors == nil {
		return answer(out), nil
	}
	found, err := s.Mirrors(ctx)
	if err != nil {
		return nil, err
	}
	out.Mirrors = append(out.Mirrors, found...)
	return answer(out), nil
}

type syncMirrorInput struct {
	Name string `path:"name" maxLength:"255" doc:"name of the mirror"`
	Body v1.SyncMirror
}

func (s *service) syncMirror(ctx context.Context, in *syncMirrorInput) (*struct{}, error) {
	err := reaction.ErrUnknown
	if s.SyncMirror != nil {
		err = s.SyncMirror(in.Name, in.Body.Touch)
	}
	switch {
	case errors.Is(err, reaction.ErrUnknown):
		return nil, absent("the agent that answers has no mirror of this name; GET " + v1.Prefix + "/mirrors lists which agent has")
	case err != nil:
		return nil, err
	}
	detail := ""
	if in.Body.Touch {
		detail = "touches its trigger file"
	}
	return nil, s.Store.Note(ctx, who(ctx).actor, "sync", "mirror "+in.Name, detail)
}
