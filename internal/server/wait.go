package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// maxWaiting is how many senders wait for a run at a time.
	maxWaiting = 100
	// waitSlack is how much longer than the run that it waits for an answer may
	// take to be written.
	waitSlack = 30 * time.Second
)

// Wait has a delivery be answered with what the functions return.
type Wait struct {
	// Timeout is how long a sender waits. After it the answer is that of a hook
	// without a wait, and the run goes on.
	Timeout time.Duration
	// ContentType is that of what the functions return. If it is JSON, what they
	// return must be.
	ContentType string
}

// Ending is how a run ended, or why it did not.
type Ending string

// How a run may end for who waits.
const (
	// EndingSucceeded is a run whose calls all did.
	EndingSucceeded Ending = "succeeded"
	// EndingFailed is a run that did not succeed for any other reason than those
	// below.
	EndingFailed Ending = "failed"
	// EndingTimedOut is a run that took longer than it may.
	EndingTimedOut Ending = "timed-out"
	// EndingSkipped is a run in which nothing is called.
	EndingSkipped Ending = "skipped"
	// EndingHeld is a run that waits for an approval.
	EndingHeld Ending = "waiting-approval"
	// EndingNone is a run that had not ended when the time was over.
	EndingNone Ending = ""
)

// Result is what became of a run.
type Result struct {
	Ending Ending
	// Output is what the first of its functions by name returned that returned
	// something; empty if none did, and unless the run succeeded.
	Output string
}

// Runs says what becomes of runs, whichever agent makes their calls.
type Runs interface {
	// Await returns once the run with that number has ended or waits for an
	// approval, and when ctx is done: with EndingNone and no error then.
	Await(ctx context.Context, run int64) (Result, error)
}

// waiting reports whether the sender of what came to o waits for its run.
func (s *Server) waiting(hook *Hook, o *outcome) bool {
	return hook.Wait != nil && s.runs != nil && o.run != 0
}

// await answers with what comes of a run. Whoever hangs up no longer waits, and the
// run goes on.
func (s *Server) await(w *response, r *http.Request, hook *Hook, o *outcome) (status int) {
	later := func(reason string) int {
		if _, said := o.body["reason"]; !said {
			o.body["reason"] = reason
		}
		w.reply(http.StatusAccepted, o.body)
		return http.StatusAccepted
	}
	select {
	case s.waiters <- struct{}{}:
		defer func() { <-s.waiters }()
	default:
		return later("too many wait for a run already")
	}
	// The server's own limit is for requests that are answered at once; that for
	// reading is over, as all of the request is here. What has no limit needs none.
	until := time.Now().Add(hook.Wait.Timeout)
	_ = http.NewResponseController(w).SetWriteDeadline(until.Add(waitSlack))
	ctx, cancel := context.WithDeadline(r.Context(), until)
	defer cancel()
	result, err := s.runs.Await(ctx, o.run)
	if err != nil {
		s.log.Warn("a sender cannot wait for its run", "hook", hook.Name, "run", o.run, "error", err)
		return later("it is not known what became of the run")
	}
	number := strconv.FormatInt(o.run, 10)
	w.Header().Set("Pocketci-Run", number)
	fail := func(status int, reason string) int {
		w.reply(status, map[string]any{"error": reason, "id": o.event.ID, "run": o.run})
		return status
	}
	switch result.Ending {
	case EndingNone:
		if r.Context().Err() != nil {
			return later("the agent stops")
		}
		return later("the run has not ended within " + hook.Wait.Timeout.String())
	case EndingHeld:
		return later("the run waits for an approval")
	case EndingSkipped:
		return fail(http.StatusNotFound, "no function is called")
	case EndingTimedOut:
		return fail(http.StatusGatewayTimeout, "run "+number+" took longer than it may")
	case EndingSucceeded:
	default:
		return fail(http.StatusBadGateway, "run "+number+" did not succeed")
	}
	if result.Output == "" {
		w.secure()
		w.WriteHeader(http.StatusNoContent)
		return http.StatusNoContent
	}
	if isJSON(hook.Wait.ContentType) && !json.Valid([]byte(result.Output)) {
		return fail(http.StatusBadGateway, "run "+number+" returned no JSON")
	}
	w.secure()
	w.Header().Set("Content-Type", hook.Wait.ContentType)
	w.WriteHeader(http.StatusOK)
	// A client that has gone does not need the answer.
	_, _ = w.Write([]byte(result.Output))
	return http.StatusOK
}

// isJSON reports whether a content type is that of a JSON text.
func isJSON(contentType string) bool {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}

// secure keeps a browser from making more of an answer than text. It may repeat what
// was sent, and is of the origin that the API has.
func (w *response) secure() {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
}

// answered says in the log what somebody was told who waited.
func (s *Server) answered(ctx context.Context, hook *Hook, o *outcome, status int, began time.Time) {
	s.log.LogAttrs(ctx, slog.LevelInfo, "delivery is answered", slog.Int("status", status), slog.Int64("run", o.run),
		slog.Duration("duration", time.Since(began)), slog.String("hook", hook.Name), slog.String("id", o.event.ID))
}
