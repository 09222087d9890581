package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

func (s *service) logRoutes() {
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	register(s, operation{
		id: "get-call-log", method: http.MethodGet, path: "/calls/{id}/log", tag: tagCalls, scope: v1.ScopeRead,
		summary: "Download a call's log", public: true,
		description: "What there is of it by now. As ndjson each line is one LogLine; as text each is made for people, without control " +
			"sequences; raw is what the steps printed, byte for byte, and nothing else.",
		errors:   []int{http.StatusNotFound, http.StatusGone},
		produces: map[string]*huma.MediaType{"application/x-ndjson": text, "text/plain; charset=utf-8": text},
	}, s.getLog)
	register(s, operation{
		id: "stream-call-log", method: http.MethodGet, path: "/calls/{id}/log/stream", tag: tagCalls, scope: v1.ScopeRead,
		summary: "Follow a call's log", public: true,
		description: "Server-sent events: each line of the log as it is written. The id of an event is the place in bytes behind its " +
			"line; Last-Event-ID or from continues there. When the attempt has ended, a last event named end follows.",
		errors: []int{http.StatusNotFound, http.StatusGone}, produces: s.streams(v1.LogLine{}, v1.End{}),
	}, s.streamLog)
}

// LogPlace says which part of which log is asked for.
type LogPlace struct {
	CallID
	Attempt int   `query:"attempt" minimum:"1" doc:"the present one if it is left out"`
	From    int64 `query:"from" minimum:"0" doc:"place in bytes; a part of a line is left out but in ndjson"`
}

// log finds the attempt that is asked for.
func (s *service) log(ctx context.Context, in *LogPlace) (attempt int, err error) {
	c, err := s.findCall(ctx, in.ID)
	if err != nil {
		return 0, err
	}
	if in.Attempt == 0 {
		in.Attempt = c.Attempt
	}
	end, gone, err := s.ending(ctx, &c, in.Attempt)
	switch {
	case err != nil:
		return 0, err
	case end == nil:
		return 0, absent("call " + c.ID + " has no attempt " + strconv.Itoa(in.Attempt))
	case gone:
		return 0, store.ErrLogGone
	}
	return in.Attempt, nil
}

// ending is how an attempt of a call stands, nil if there is none, and whether
// its log has been deleted.
func (s *service) ending(ctx context.Context, c *store.Call, attempt int) (end *v1.End, gone bool, err error) {
	if attempt == c.Attempt {
		return &v1.End{State: string(c.State), Reason: c.Reason, Attempt: attempt, LogCut: c.LogCut}, c.LogGone, nil
	}
	earlier, err := s.Store.CallAttempts(ctx, c.ID)
	for _, a := range earlier {
		if a.Number == attempt {
			return &v1.End{State: string(a.State), Reason: a.Reason, Attempt: attempt, LogCut: a.LogCut}, a.LogGone, nil
		}
	}
	return nil, false, err
}

type logQuery struct {
	LogPlace
	Format string `query:"format" enum:"ndjson,text,raw" default:"ndjson"`
}

func (s *service) getLog(ctx context.Context, in *logQuery) (*huma.StreamResponse, error) {
	attempt, err := s.log(ctx, &in.LogPlace)
	if err != nil {
		return nil, err
	}
	l, place := from(in.From)
	render := human
	switch in.Format {
	case "ndjson":
		place = in.From
	case "raw":
		render = raw
	}
	// What cannot be read at all is a problem, not an empty log.
	chunks, _, err := s.Store.ReadLog(ctx, in.ID, attempt, place)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		ctx := hctx.Context()
		_, w := humago.Unwrap(hctx)
		out := newPaced(w, s.Stall)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if in.Format == "ndjson" {
			w.Header().Set("Content-Type", "application/x-ndjson")
		}
		for len(chunks) > 0 {
			for _, c := range chunks {
				place = c.First + int64(len(c.Data))
				var err error
				if in.Format == "ndjson" {
					_, err = out.Write(c.Data)
				} else {
					err = l.add(c, func(line []byte, _ int64) error {
						if parsed, ok := readLine(line); ok {
							_, err := out.Write([]byte(render(&parsed)))
							return err
						}
						return nil
					})
				}
				if err != nil {
					s.breakOff(in.ID, err)
				}
			}
			var err error
			if chunks, _, err = s.Store.ReadLog(ctx, in.ID, attempt, place); err != nil {
				s.breakOff(in.ID, err)
			}
		}
	}}, nil
}

// breakOff ends the download of a log so that the client does not take what it
// has for all of it. It does not return.
func (s *service) breakOff(call string, err error) {
	s.Log.Debug("the download of a log was broken off", "call", call, "error", err)
	panic(http.ErrAbortHandler)
}

type logStreamQuery struct {
	LogPlace
	LastEventID int64 `header:"Last-Event-ID" minimum:"0" doc:"continues behind that event; counts before from"`
}

func (s *service) streamLog(ctx context.Context, in *logStreamQuery) (*huma.StreamResponse, error) {
	attempt, err := s.log(ctx, &in.LogPlace)
	if err != nil {
		return nil, err
	}
	place := in.From
	if in.LastEventID > 0 {
		place = in.LastEventID
	}
	return s.stream(func(ctx context.Context, out *sse) {
		if err := s.followLog(ctx, out, in.ID, attempt, place); err != nil {
			// The client sees that there was no end, and comes again.
			s.Log.Debug("the stream of a log was broken off", "call", in.ID, "error", err)
		}
	}), nil
}

func (s *service) followLog(ctx context.Context, out *sse, call string, attempt int, place int64) error {
	ctx, cancel := context.WithCancel(ctx)
	l, place := from(place)
	chunks, broken := make(chan store.LogChunk), make(chan error, 1)
	go func() {
		defer close(chunks)
		for c, err := range s.Store.FollowLog(ctx, call, attempt, place) {
			if err != nil {
				broken <- err
				return
			}
			select {
			case chunks <- c:
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() {
		cancel()
		for range chunks { // until the reader has ended
		}
	}()
	for {
		select {
		case c, more := <-chunks:
			if !more {
				select {
				case err := <-broken:
					return err
				default:
				}
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				return s.endLog(ctx, out, call, attempt)
			}
			err := l.add(c, func(line []byte, behind int64) error {
				if line = oneLine(line); line == nil {
					return nil
				}
				return out.send(strconv.FormatInt(behind, 10), "", line)
			})
			if err != nil {
				return err
			}
			if err := out.flush(); err != nil {
				return err
			}
		case <-out.beats.C:
			if err := out.beat(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// endLog tells how the attempt ended whose log has been sent.
func (s *service) endLog(ctx context.Context, out *sse, call string, attempt int) error {
	c, err := s.Store.Call(ctx, call)
	if err != nil {
		return err
	}
	end, _, err := s.ending(ctx, &c, attempt)
	if err != nil {
		return err
	}
	if end != nil {
		out.end(end)
	}
	return nil
}
