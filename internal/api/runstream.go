package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// lookEvery is how often what is watched is looked at without a notification.
const lookEvery = time.Second

func (s *service) runStreamRoute() {
	register(s, operation{
		id: "stream-run", method: http.MethodGet, path: "/runs/{id}/stream", tag: tagRuns, scope: v1.ScopeRead,
		summary: "Follow a run", public: true,
		description: "Server-sent events: the run with its calls, without plan and attempts, at once and after every change. " +
			"When it has ended, a last event named end follows.",
		errors: []int{http.StatusNotFound}, produces: s.streams(v1.Run{}, v1.End{}),
	}, s.streamRun)
}

func (s *service) streamRun(ctx context.Context, in *RunID) (*huma.StreamResponse, error) {
	r, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.stream(func(ctx context.Context, out *sse) {
		if err := s.followRun(ctx, out, r.ID); err != nil {
			// The client sees that there was no end, and comes again.
			s.Log.Debug("the stream of a run was broken off", "run", r.ID, "error", err)
		}
	}), nil
}

func (s *service) followRun(ctx context.Context, out *sse, id string) error {
	woken, unwatch := s.Store.Watch(store.TopicRun(id))
	defer unwatch()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var last []byte
	for {
		r, err := s.Store.Run(ctx, id)
		if err != nil {
			return err
		}
		run, _, err := s.withCalls(ctx, &r)
		if err != nil {
			return err
		}
		data, err := json.Marshal(run)
		if err != nil {
			return err
		}
		if !bytes.Equal(data, last) {
			if err := out.send("", "", data); err != nil {
				return err
			}
			if err := out.flush(); err != nil {
				return err
			}
			last = data
		}
		if r.State.Final() {
			out.end(v1.End{State: string(r.State), Reason: r.Reason, Attempt: r.Attempt})
			return nil
		}
		for waiting := true; waiting; {
			select {
			case <-woken:
				waiting = false
			case <-look.C:
				waiting = false
			case <-out.beats.C:
				if err := out.beat(ctx); err != nil {
					return err
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}
