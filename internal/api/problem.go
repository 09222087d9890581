package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
)

// retryAfter is what clients are told to wait when the store is away or the
// queue is full, in seconds.
const retryAfter = 5

// fault is an error of a handler for the client to read.
type fault struct {
	status int
	detail string
}

func (f *fault) Error() string { return f.detail }

func conflict(detail string) error { return &fault{http.StatusConflict, detail} }
func absent(detail string) error   { return &fault{http.StatusNotFound, detail} }

// unplannedError says why an event cannot be planned. The planner's errors are
// about the repository, and for the client to read.
type unplannedError struct{ err error }

func (e *unplannedError) Error() string { return "the event cannot be planned: " + e.err.Error() }

func (e *unplannedError) problem() error {
	switch {
	case errors.Is(e.err, ErrAway):
		return later(e.Error())
	case errors.Is(e.err, context.DeadlineExceeded):
		return huma.Error504GatewayTimeout("the event could not be planned in time")
	case errors.Is(e.err, context.Canceled):
		return later("the request was ended")
	}
	return huma.Error422UnprocessableEntity(e.Error())
}

// invalid says that a parameter or a field of the body cannot be used, such as
// query.cursor or body.ref.
func invalid(location, message string) error {
	return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: location, Message: message})
}

// invalidCall says what is wrong with a call by hand that a plan has no call for.
func invalidCall(list []dispatcher.Invalid) error {
	var details []error
	for _, v := range list {
		location, what := "body.function", v.Function
		switch {
		case v.Argument != "":
			location = "body.args." + v.Argument
		case v.Function == "":
			location = "body.module"
		}
		if v.Module != "" {
			what = strings.TrimSuffix(v.Module+":"+v.Function, ":")
		}
		details = append(details, &huma.ErrorDetail{Location: location, Message: strings.TrimPrefix(what+": "+v.Error, ": ")})
	}
	return huma.Error422UnprocessableEntity("the function cannot be called so", details...)
}

// problem maps the errors of handlers to problem details. It is the one place
// that does.
func (s *service) problem(ctx context.Context, operation string, err error) error {
	var (
		own       *fault
		ready     huma.StatusError
		state     *store.StateError
		malformed *events.MalformedError
		nothing   *events.NothingError
		unplanned *unplannedError
	)
	switch {
	case errors.As(err, &ready):
		return err
	case errors.As(err, &own):
		return huma.NewError(own.status, own.detail)
	case errors.As(err, &unplanned):
		return unplanned.problem()
	case errors.As(err, &malformed), errors.As(err, &nothing):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.As(err, &state):
		return huma.Error409Conflict(state.Error())
	case errors.Is(err, store.ErrNothingToRestart), errors.Is(err, store.ErrExists), errors.Is(err, store.ErrModuleDeleted):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, store.ErrNotFound):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, store.ErrLogGone):
		return huma.NewError(http.StatusGone, store.ErrLogGone.Error())
	case errors.Is(err, store.ErrFull):
		return later(store.ErrFull.Error())
	case errors.Is(err, store.ErrClosed):
		return later("the agent is stopping")
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		s.Log.Warn("a request could not be answered", "operation", operation, "error", err)
		return later(store.ErrUnavailable.Error() + " at the moment")
	case ctx.Err() != nil:
		return later("the request was ended")
	}
	s.Log.Error("a request failed", "operation", operation, "error", err)
	return huma.Error500InternalServerError("internal error; the agent's log has more")
}

// later is the problem of what may succeed when it is asked for again.
func later(detail string) error {
	return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable(detail), http.Header{"Retry-After": {strconv.Itoa(retryAfter)}})
}

// discreet takes the values that were refused out of problem details: they can
// be megabytes, and they can be secrets.
func discreet(_ huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*huma.ErrorModel); ok {
		for _, detail := range p.Errors {
			if detail != nil {
				detail.Value = nil
			}
		}
	}
	return v, nil
}

// logPanic writes what a panic was.
func logPanic(log *slog.Logger, r *http.Request, value any, stack []byte) {
	log.Error("panic while serving a request", "method", r.Method, "path", r.URL.Path, "panic", value, "stack", string(stack))
}
