package server

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/predicate"
)

const (
	// acceptTimeout limits how long the sink may take. GitHub gives up on a
	// delivery after ten seconds.
	acceptTimeout = 8 * time.Second
	// retryAfter is what a sender is told when there is no room, in seconds.
	retryAfter = "30"
)

// receive handles one delivery. Method and route have been checked; then come
// content type, size, signature, content, and only then is anything done.
func (s *Server) receive(w *response, r *http.Request, hook *Hook) {
	start := time.Now()
	o := s.take(w, r, hook)
	s.remember(hook, &o, start)
	if o.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	if o.status == http.StatusUnauthorized && hook.rules().Challenge != "" {
		w.Header().Set("WWW-Authenticate", hook.rules().Challenge)
	}
	if s.waiting(hook, &o) {
		// It is taken over by now, whatever the sender is told of it later.
		s.logDelivery(r, hook, &o, start)
		o.event.Payload = nil // which is stored, and may be large
		o.body = hook.told(&o)
		status := s.await(w, r, hook, &o)
		s.answer(hook.Source.Vendor(), status)
		s.answered(r.Context(), hook, &o, status, start)
		return
	}
	s.answer(hook.Source.Vendor(), o.status)
	w.reply(o.status, hook.told(&o))
	s.logDelivery(r, hook, &o, start)
}

// told is the answer as the sender may have it. What is refused is said to everybody.
func (h *Hook) told(o *outcome) map[string]any {
	if !h.Unproven || o.status >= http.StatusBadRequest {
		return o.body
	}
	body := maps.Clone(o.body)
	delete(body, "reason")
	return body
}

func (s *Server) take(w *response, r *http.Request, hook *Hook) outcome {
	source, rules := hook.Source, hook.rules()
	if !rules.takes(r.Method, r.Header.Get("Content-Type"), r.ContentLength) {
		return refuse(http.StatusUnsupportedMediaType, "the content type must be "+strings.Join(rules.ContentTypes, " or "))
	}
	// Without it the server would read a body that is refused before it
	// answers.
	unheard := func() { w.Header().Set("Connection", "close") }
	if r.ContentLength > rules.MaxBody {
		unheard()
		return refuse(http.StatusRequestEntityTooLarge, tooLarge(rules.MaxBody))
	}
	if err := source.Screen(r.Header); err != nil {
		unheard()
		return unfit(events.Event{Vendor: source.Vendor()}, err)
	}
	// Whoever sends a body is not known before all of it is here.
	room := rules.MaxBody
	if r.ContentLength >= 0 {
		room = r.ContentLength
	}
	if !s.bodies.TryAcquire(room) {
		unheard()
		return unaccepted(events.Event{Vendor: source.Vendor()}, ErrFull)
	}
	defer s.bodies.Release(room)
	// The writer of net/http itself, which then closes the connection.
	body, err := readBody(http.MaxBytesReader(w.ResponseWriter, r.Body, rules.MaxBody), r.ContentLength)
	if err != nil {
		return unread(err, rules.MaxBody)
	}
	received, err := events.ReceiveRequest(source, events.Request{Method: r.Method, Query: r.URL.Query(), Header: r.Header, Body: body})
	if err != nil {
		return unfit(received[0].Event, err)
	}
	// A sender that hangs up has still sent the events.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), acceptTimeout)
	defer cancel()
	var outcomes []outcome
	headers := keptHeaders(source.Vendor(), r.Header)
	for _, one := range received {
		o := s.takeOver(ctx, hook, one, headers)
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
func (s *Server) takeOver(ctx context.Context, hook *Hook, one events.Received, headers map[string]string) outcome {
	e := one.Event
	if one.Nothing != nil && one.Nothing.Ping {
		return outcome{status: http.StatusOK, body: map[string]any{"reason": one.Nothing.Reason}, event: e}
	}
	if hook.Accepts != nil && e.Repository != nil && !hook.Accepts(e.Repository.FullName) {
		o := refuse(http.StatusForbidden, "the webhook "+hook.Name+" takes no deliveries of the repository "+e.Repository.FullName)
		o.event = e
		return o
	}
	d := Delivery{Hook: hook.Name, Headers: headers}
	if one.Nothing != nil {
		d.Nothing = one.Nothing.Reason // it happened nonetheless
	}
	e.ID = events.NewID()
	if err := hook.aim(ctx, &e, &d.Nothing); err != nil {
		return s.unavailable(e, err)
	}
	d.Event = e
	receipt, err := s.sink.Accept(ctx, d)
	if err != nil {
		return s.unavailable(e, err)
	}
	s.outage.accept()
	return accepted(e, receipt)
}

// aim finds out whose functions an event calls, and whether it calls any.
func (h *Hook) aim(ctx context.Context, e *events.Event, nothing *string) (err error) {
	if h.Aim != nil && *nothing == "" {
		if *nothing, err = h.Aim(ctx, e); err != nil {
			return err
		}
	}
	if len(h.Filters) > 0 && *nothing == "" {
		*nothing = predicate.Check(h.Filters, predicate.NewDocument(e.Payload))
	}
	return nil
}

// unavailable answers for an event that was not taken over.
func (s *Server) unavailable(e events.Event, err error) outcome {
	o := unaccepted(e, err)
	if o.status == http.StatusServiceUnavailable {
		s.outage.refuse(err)
	}
	return o
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
