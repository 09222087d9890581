package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

const (
	// overviewEvery is the shortest time from one computation of an overview for
	// streams to the next.
	overviewEvery = time.Second
	// overviewLook is how old it may be without a notification.
	overviewLook = 5 * time.Second
)

func (s *service) overviewStreamRoute() {
	register(s, operation{
		id: "stream-overview", method: http.MethodGet, path: "/overview/stream", tag: tagRuns, scope: v1.ScopeRead, public: true,
		summary: "Follow what is going on",
		description: "Server-sent events: the overview with the first page of repositories, at once and after changes, once a second at most. " +
			"It has no end.",
		produces: s.news(v1.Overview{}),
	}, s.streamOverview)
}

func (s *service) streamOverview(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	visible := visible(ctx)
	return s.stream(func(ctx context.Context, out *sse) {
		if err := s.followOverview(ctx, out, visible); err != nil {
			// The client comes again.
			s.Log.Debug("the stream of the overview was broken off", "error", err)
		}
	}), nil
}

func (s *service) followOverview(ctx context.Context, out *sse, visible func(string) bool) error {
	// Before the first look, so that nothing comes between.
	woken, unwatch := s.Store.Watch(store.TopicRuns)
	defer unwatch()
	look := time.NewTicker(overviewLook)
	defer look.Stop()
	var last []byte
	begun := time.Now()
	// What others look at comes at once, and what it misses a second later.
	for since, first := begun.Add(-overviewEvery), true; ; first = false {
		data, err := s.shared.of(visible != nil).get(ctx, since, func() ([]byte, error) {
			found, err := s.overview(ctx, 0, overviewLimit, visible)
			if err != nil {
				return nil, err
			}
			return json.Marshal(found)
		})
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
		if first {
			since = begun
			continue
		}
		for waiting := true; waiting; {
			select {
			case <-woken:
				since, waiting = time.Now(), false
			case <-look.C:
				since, waiting = time.Now().Add(-overviewLook), false
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

// shares are the overviews that streams share: one of everything, and one of what is
// public.
type shares struct{ all, public share }

func (s *shares) of(public bool) *share {
	if public {
		return &s.public
	}
	return &s.all
}

// share is an overview that those who follow it compute in turns, each for all of them.
type share struct {
	mu   sync.Mutex
	data []byte
	// at is when the computation of data began.
	at time.Time
}

// get returns an overview whose computation began at a time or later. Whoever comes first
// computes it, and the others wait for that. Computations begin a second after each other
// at least.
func (s *share) get(ctx context.Context, since time.Time, compute func() ([]byte, error)) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data != nil && !s.at.Before(since) {
		return s.data, nil
	}
	if wait := time.Until(s.at.Add(overviewEvery)); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	begun := time.Now()
	data, err := compute()
	if err != nil {
		return nil, err
	}
	s.data, s.at = data, begun
	return data, nil
}
