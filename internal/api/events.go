package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// acceptTimeout limits how long a new event may take to be stored.
const acceptTimeout = 8 * time.Second

// listEvent names the list of events in cursors.
const listEvent = "event"

func (s *service) eventRoutes() {
	register(s, operation{
		id: "list-events", method: http.MethodGet, path: "/events", tag: tagEvents, scope: v1.ScopeRead,
		summary: "List events, the latest first",
	}, s.listEvents)
	register(s, operation{
		id: "get-event", method: http.MethodGet, path: "/events/{id}", tag: tagEvents, scope: v1.ScopeRead,
		summary: "Show an event with its redeliveries and runs", errors: []int{http.StatusNotFound},
	}, s.getEvent)
	register(s, operation{
		id: "get-event-payload", method: http.MethodGet, path: "/events/{id}/payload", tag: tagEvents, scope: v1.ScopeRead,
		summary:     "Download an event's payload",
		description: "The payload byte for byte as the vendor sent it, or null for an event without one.",
		errors:      []int{http.StatusNotFound},
		produces:    map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{}}},
	}, s.getPayload)
	register(s, operation{
		id: "get-event-file", method: http.MethodGet, path: "/events/{id}/file", tag: tagEvents, scope: v1.ScopeRead,
		summary: "Download an event's file",
		description: "The event file that functions get as eventTrigger, as docs/event.schema.json says. " +
			"Its changes are those of the run's plan, null before there is one.",
		errors:   []int{http.StatusNotFound},
		produces: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}},
	}, s.getFile)
	register(s, operation{
		id: "replay-event", method: http.MethodPost, path: "/events/{id}/replay", tag: tagEvents, scope: v1.ScopeRun,
		summary: "Replay an event", status: http.StatusAccepted,
		description: "Makes a new event with the same content, which is planned anew. The run of an untrusted event waits for an approval again.",
		errors:      []int{http.StatusNotFound},
	}, s.replay)
}

// eventID names an event in a path.
type eventID struct {
	ID string `path:"id" maxLength:"100" pattern:"^[0-9A-Za-z_.~-]+$" patternDescription:"an id" doc:"id of the event"`
}

type eventQuery struct {
	Page
	Vendor     string    `query:"vendor" maxLength:"100"`
	Event      string    `query:"event" maxLength:"255" doc:"name of the event, such as push"`
	Filter     string    `query:"filter" maxLength:"1024"`
	Repository string    `query:"repository" maxLength:"255" doc:"full name"`
	Ref        string    `query:"ref" maxLength:"1024" doc:"full ref, such as refs/heads/main"`
	Original   string    `query:"original" maxLength:"100" pattern:"^[0-9A-Za-z_.~-]+$" patternDescription:"an id" doc:"id of the event that is replayed"`
	Cause      string    `query:"cause" maxLength:"100" pattern:"^[0-9A-Za-z_.~-]+$" patternDescription:"an id" doc:"id of the event that they follow from; bounded by since and until it is found quickly"`
	Since      time.Time `query:"since" doc:"received at that time or later"`
	Until      time.Time `query:"until" doc:"received before that time"`
}

func (s *service) listEvents(ctx context.Context, in *eventQuery) (*body[v1.Events], error) {
	before, err := in.before(listEvent)
	if err != nil {
		return nil, err
	}
	found, err := s.Store.Events(ctx, store.EventFilter{
		Vendor: in.Vendor, Name: in.Event, Filter: in.Filter, Repository: in.Repository, Ref: in.Ref,
		Original: in.Original, Cause: in.Cause, Since: in.Since, Until: in.Until, Before: before, Limit: in.Limit + 1,
	})
	if err != nil {
		return nil, err
	}
	found, next := cut(in.Page, listEvent, found, func(e store.Event) int64 { return e.Seq })
	out := v1.Events{Events: make([]v1.Event, len(found)), Next: next}
	for i := range found {
		out.Events[i] = wireEvent(&found[i])
	}
	return answer(out), nil
}

func (s *service) getEvent(ctx context.Context, in *eventID) (*body[v1.Event], error) {
	e, err := s.Store.Event(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	runs, err := s.Store.Runs(ctx, store.RunFilter{Event: in.ID})
	if err != nil {
		return nil, err
	}
	out := wireEvent(&e)
	sha := ""
	if len(runs) > 0 {
		sha = runs[0].SHA
	}
	out.Origin, out.Headers, out.PayloadSize = wireOrigin(&e.Event, sha), e.Headers, len(e.Payload)
	for i := range runs {
		out.Runs = append(out.Runs, s.wireRun(&runs[i]))
	}
	return answer(out), nil
}

// download is JSON that is passed on as it is.
type download struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func asJSON(data []byte) *download { return &download{"application/json", data} }

func (s *service) getPayload(ctx context.Context, in *eventID) (*download, error) {
	e, err := s.Store.Event(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if len(e.Payload) == 0 {
		return asJSON([]byte("null\n")), nil
	}
	return asJSON(e.Payload), nil
}

func (s *service) getFile(ctx context.Context, in *eventID) (*download, error) {
	e, err := s.Store.Event(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	runs, err := s.Store.Runs(ctx, store.RunFilter{Event: in.ID, Limit: 1})
	if err != nil {
		return nil, err
	}
	var stored json.RawMessage
	if len(runs) > 0 {
		r, err := s.Store.Run(ctx, runs[0].ID) // lists have no plans
		if err != nil {
			return nil, err
		}
		stored = r.Plan
	}
	file, err := events.EncodeFile(&e.Event, readPlan(stored).changes)
	if err != nil {
		return nil, err
	}
	return asJSON(file), nil
}

func (s *service) replay(ctx context.Context, in *eventID) (*body[v1.Accepted], error) {
	e, err := s.Store.Event(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	d := store.Delivery{Event: e.Event, Original: e.Original}
	if d.Original == "" {
		d.Original = e.ID
	}
	if !e.Trusted {
		d.Hold = "an untrusted event was replayed"
		if e.Fork != "" {
			d.Hold += ", from fork " + e.Fork
		}
	}
	// Nothing can be planned for some, such as the deletion of a branch; their
	// source says so.
	var nothing *events.NothingError
	if _, err := s.Parse(e.Vendor, e.Kind, e.Payload); errors.As(err, &nothing) {
		d.Skip = nothing.Reason
	}
	// It has not been delivered, so that the delivery of the first one counts
	// no second time.
	d.Event.Delivery = ""
	return s.accept(ctx, d)
}

// accept makes a new event that the caller asked for.
func (s *service) accept(ctx context.Context, d store.Delivery) (*body[v1.Accepted], error) {
	d.Event.ID, d.Event.ReceivedAt = events.NewID(), time.Now().UTC()
	by := who(ctx).actor
	d.By = &by
	// Whoever hangs up now has still asked for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
	defer cancel()
	receipt, err := s.Store.Accept(ctx, d)
	if err != nil {
		return nil, err
	}
	return answer(v1.Accepted{Event: receipt.Event, Run: receipt.Run, Number: receipt.Number}), nil
}
