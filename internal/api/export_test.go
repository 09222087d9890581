package api

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// Limiter is the limiter of failed authentications.
type Limiter struct{ l *limiter }

// NewLimiter returns one that takes the time from now.
func NewLimiter(now func() time.Time) Limiter { return Limiter{newLimiter(now)} }

// Wait is limiter.wait.
func (l Limiter) Wait(address string) time.Duration { return l.l.wait(address) }

// Failed is limiter.failed.
func (l Limiter) Failed(address string) { l.l.failed(address) }

// Len is how many addresses are remembered.
func (l Limiter) Len() int { return len(l.l.clear) }

// ProblemOf is what the error of a handler becomes.
func ProblemOf(ctx context.Context, err error) (status int, header http.Header, detail string) {
	s := &service{Options: Options{Log: slog.New(slog.DiscardHandler)}}
	p, header := s.refusal(ctx, "test", err)
	return p.GetStatus(), header, p.Error()
}

// CursorOf returns the place that a cursor of a list names.
func CursorOf(list, cursor string) (int64, error) { return Page{Cursor: cursor}.before(list) }

// LinesFrom splits a log that comes in chunks of some bytes, beginning at a
// place, and returns the places behind the lines.
func LinesFrom(log []byte, chunk int, place int64) (found []string, behind []int64) {
	l, at := from(place)
	for at < int64(len(log)) {
		end := min(at+int64(chunk), int64(len(log)))
		// It never fails, as the function does not.
		_ = l.add(store.LogChunk{First: at, Data: bytes.Clone(log[at:end])}, func(line []byte, after int64) error {
			found, behind = append(found, string(line)), append(behind, after)
			return nil
		})
		at = end
	}
	return found, behind
}

// Share is what those who follow an overview share.
type Share struct{ s share }

// Get is share.get.
func (s *Share) Get(ctx context.Context, since time.Time, compute func() ([]byte, error)) ([]byte, error) {
	return s.s.get(ctx, since, compute)
}

// InWords is why something waits.
func InWords(w *store.Waiting) string { return inWords(w) }

// InProcess is the transport to a handler.
func InProcess(h http.Handler, log *slog.Logger) http.RoundTripper {
	return &inProcess{handler: h, visitor: Visitor{Remote: "192.0.2.9"}, log: log}
}
