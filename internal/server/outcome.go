package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/franela/pocketci/events"
)

// outcome is how a delivery ended: the answer, and what the log says of it.
type outcome struct {
	status int
	body   map[string]any
	event  events.Event
	// events is how many events a delivery told of, if they are several.
	events int
	// run is the number of the event's run, 0 without one.
	run int64
	// cause is an error whose details are for the log alone.
	cause error
}

// together answers for all events of a delivery. It is accepted if any of them
// was not here before.
func together(outcomes []outcome) outcome {
	if len(outcomes) == 1 {
		return outcomes[0]
	}
	all := outcome{status: http.StatusOK, event: outcomes[0].event, events: len(outcomes)}
	var bodies []map[string]any
	for _, o := range outcomes {
		all.status = max(all.status, o.status)
		bodies = append(bodies, o.body)
	}
	all.body = map[string]any{"events": bodies}
	return all
}

// accepted answers for an event that has been taken over. A delivery that was
// here before is named after the first one.
func accepted(e events.Event, r Receipt) outcome {
	e.ID = r.Event
	o := outcome{status: http.StatusAccepted, body: map[string]any{"id": r.Event, "run": r.Run}, event: e, run: r.Run}
	if r.Reason != "" {
		o.body["reason"] = r.Reason
	}
	if r.Duplicate {
		o.status = http.StatusOK
	}
	return o
}

// reason is what the answer says in words.
func (o *outcome) reason() string {
	for _, key := range []string{"error", "reason"} {
		if text, ok := o.body[key].(string); ok {
			return text
		}
	}
	return ""
}

func tooLarge(limit int64) string { return "the body is larger than " + size(limit) }

func refuse(status int, reason string) outcome {
	return outcome{status: status, body: map[string]any{"error": reason}}
}

// unread maps the errors of reading a body.
func unread(err error, limit int64) outcome {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, tooLarge(limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "the body did not arrive in time")
	}
	o := refuse(http.StatusBadRequest, "the body did not arrive")
	o.cause = err
	return o
}

// unfit maps the errors of a source. It is the one place that does.
func unfit(e events.Event, err error) outcome {
	var (
		unauthenticated *events.UnauthenticatedError
		malformed       *events.MalformedError
	)
	switch {
	case errors.As(err, &unauthenticated):
		return refuse(http.StatusUnauthorized, unauthenticated.Reason)
	case errors.As(err, &malformed):
		o := refuse(http.StatusBadRequest, malformed.Error())
		o.event = e
		return o
	}
	o := refuse(http.StatusInternalServerError, "the delivery could not be read")
	o.event, o.cause = e, err
	return o
}

// unaccepted maps the errors of the sink.
func unaccepted(e events.Event, err error) outcome {
	var o outcome
	switch {
	case errors.Is(err, ErrFull):
		o = refuse(http.StatusServiceUnavailable, ErrFull.Error())
	case errors.Is(err, ErrStopping):
		o = refuse(http.StatusServiceUnavailable, ErrStopping.Error())
	case errors.Is(err, ErrUnavailable):
		o = refuse(http.StatusServiceUnavailable, ErrUnavailable.Error())
	case errors.Is(err, context.DeadlineExceeded):
		o = refuse(http.StatusServiceUnavailable, "the event could not be taken over in time")
	default:
		o = refuse(http.StatusInternalServerError, "the event could not be taken over")
		o.cause = err
	}
	o.event = e
	return o
}

// logDelivery writes the line of a delivery.
func (s *Server) logDelivery(r *http.Request, hook *Hook, o *outcome, start time.Time) {
	level := slog.LevelInfo
	switch {
	case o.status == http.StatusServiceUnavailable:
		level = slog.LevelWarn // why is logged once, see [outage]
	case o.status >= http.StatusInternalServerError:
		level = slog.LevelError
	case o.status >= http.StatusBadRequest:
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.Int("status", o.status),
		slog.Duration("duration", time.Since(start)),
		slog.String("hook", hook.Name),
		slog.String("vendor", hook.Source.Vendor()),
		slog.String("remote", s.remote(r)),
	}
	optional := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	optional("id", o.event.ID)
	optional("delivery", o.event.Delivery)
	optional("event", o.event.Name)
	optional("filter", o.event.Filter)
	if o.event.Repository != nil {
		optional("repository", o.event.Repository.FullName)
	}
	optional("reason", o.reason())
	if o.events > 0 {
		attrs = append(attrs, slog.Int("events", o.events))
	}
	if o.cause != nil {
		attrs = append(attrs, slog.Any("cause", o.cause))
	}
	s.log.LogAttrs(r.Context(), level, "delivery", attrs...)
}
