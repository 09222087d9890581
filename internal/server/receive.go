package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"os"
	"time"

	"github.com/franela/pocketci/events"
)

const (
	// acceptTimeout limits how long the sink may take. GitHub gives up on a
	// delivery after ten seconds.
	acceptTimeout = 8 * time.Second
	// retryAfter is what a sender is told when there is no room, in seconds.
	retryAfter = "30"
)

// outcome is how a delivery ended: the answer, and what the log says of it.
type outcome struct {
	status int
	body   map[string]any
	event  events.Event
	// events is how many events a delivery told of, if they are several.
	events int
	// cause is an error whose details are for the log alone.
	cause error
}

// receive handles one delivery. Method and route have been checked; then come
// content type, size, signature, content, and only then is anything done.
func (s *Server) receive(w *response, r *http.Request, hook *Hook) {
	start := time.Now()
	o := s.take(w, r, hook)
	if o.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	s.answer(hook.Source.Vendor(), o.status)
	w.reply(o.status, o.body)

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
		slog.String("remote", r.RemoteAddr),
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

func (s *Server) take(w *response, r *http.Request, hook *Hook) outcome {
	source := hook.Source
	switch mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType {
	case "application/json", "application/x-www-form-urlencoded":
	default:
		return refuse(http.StatusUnsupportedMediaType,
			"the content type must be application/json or application/x-www-form-urlencoded")
	}
	// Without it the server would read a body that is refused before it
	// answers.
	unheard := func() { w.Header().Set("Connection", "close") }
	if r.ContentLength > MaxBody {
		unheard()
		return refuse(http.StatusRequestEntityTooLarge, tooLarge)
	}
	if err := source.Screen(r.Header); err != nil {
		unheard()
		return unfit(events.Event{Vendor: source.Vendor()}, err)
	}
	// Whoever sends a body is not known before all of it is here.
	room := int64(MaxBody)
	if r.ContentLength >= 0 {
		room = r.ContentLength
	}
	if !s.bodies.TryAcquire(room) {
		unheard()
		return unaccepted(events.Event{Vendor: source.Vendor()}, ErrFull)
	}
	defer s.bodies.Release(room)
	// The writer of net/http itself, which then closes the connection.
	body, err := readBody(http.MaxBytesReader(w.ResponseWriter, r.Body, MaxBody), r.ContentLength)
	if err != nil {
		return unread(err)
	}
	received, err := events.ReceiveAll(source, r.Header, body)
	if err != nil {
		return unfit(received[0].Event, err)
	}
	// A sender that hangs up has still sent the events.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), acceptTimeout)
	defer cancel()
	var outcomes []outcome
	for _, one := range received {
		o := s.takeOver(ctx, hook, one)
		if o.status >= http.StatusBadRequest {
			// The sender sends all of them again, and those that were taken
			// over are then known.
			return o
		}
		outcomes = append(outcomes, o)
	}
	return together(outcomes)
}

// takeOver hands one event to the sink.
func (s *Server) takeOver(ctx context.Context, hook *Hook, one events.Received) outcome {
	e := one.Event
	if one.Nothing != nil && one.Nothing.Ping {
		return outcome{status: http.StatusOK, body: map[string]any{"reason": one.Nothing.Reason}, event: e}
	}
	if hook.Accepts != nil && e.Repository != nil && !hook.Accepts(e.Repository.FullName) {
		o := refuse(http.StatusForbidden, "the webhook "+hook.Name+" takes no deliveries of the repository "+e.Repository.FullName)
		o.event = e
		return o
	}
	d := Delivery{Hook: hook.Name}
	if one.Nothing != nil {
		d.Nothing = one.Nothing.Reason // it happened nonetheless
	}
	e.ID = events.NewID()
	d.Event = e
	receipt, err := s.sink.Accept(ctx, d)
	if err != nil {
		o := unaccepted(e, err)
		if o.status == http.StatusServiceUnavailable {
			s.outage.refuse(err)
		}
		return o
	}
	s.outage.accept()
	return accepted(e, receipt)
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

// readAtOnce is how many bytes are set aside for a body that has not come.
const readAtOnce = 64 << 10

// readBody is [io.ReadAll] for a body whose length is known, unless it is below
// zero.
func readBody(r io.Reader, length int64) ([]byte, error) {
	body := bytes.NewBuffer(make([]byte, 0, min(max(length, 0), readAtOnce)+bytes.MinRead))
	_, err := body.ReadFrom(r)
	return body.Bytes(), err
}

// accepted answers for an event that has been taken over. A delivery that was
// here before is named after the first one.
func accepted(e events.Event, r Receipt) outcome {
	e.ID = r.Event
	o := outcome{status: http.StatusAccepted, body: map[string]any{"id": r.Event, "run": r.Run}, event: e}
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

const tooLarge = "the body is larger than 25 MiB"

func refuse(status int, reason string) outcome {
	return outcome{status: status, body: map[string]any{"error": reason}}
}

// unread maps the errors of reading a body.
func unread(err error) outcome {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, tooLarge)
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
