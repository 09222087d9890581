package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

// eventPage is one event.
type eventPage struct {
	Event   v1.Event
	Origin  v1.Origin
	Headers []argument
	// Payload is what is shown of it, nil if Text or Unshown is in its place.
	Payload *payloadPart
	// Text is a payload that is not JSON, or the beginning of it.
	Text string
	// Unshown says why nothing of it is shown.
	Unshown string
	// Replays and Follows are the events that it has brought about.
	Replays, Follows []v1.Event
	MayRun           bool
	Error            string
}

// payloadPart is a part of a payload with the address of the page.
type payloadPart struct {
	value
	// Page is the event's, Whole reports that all of the payload is meant.
	Page  string
	Whole bool
}

// Part is a member with the same page.
func (p payloadPart) Part(v value) payloadPart { return payloadPart{value: v, Page: p.Page} }

// Self is the part itself.
func (p payloadPart) Self() value { return p.value }

// Address is where a part is shown by itself, from one of its members on.
func (p payloadPart) Address(v value, from int) string {
	start := ""
	if from > 0 {
		start = strconv.Itoa(from)
	}
	return address(p.Page, "at", v.At, "from", start) + "#payload"
}

// chainSpan is how long after an event those are looked for that follow from it.
const chainSpan = 7 * 24 * time.Hour

func (s *Site) event(v *visit) error { return s.showEvent(v, http.StatusOK, "") }

// showEvent shows the event of the address, with why it could not be replayed.
func (s *Site) showEvent(v *visit, status int, fault string) error {
	e, err := v.api.Event(v.ctx(), v.r.PathValue("id"))
	if err != nil {
		return v.misnamed(err)
	}
	p := &eventPage{Event: e, MayRun: v.may(v1.ScopeRun), Error: fault}
	if e.Origin != nil {
		p.Origin = *e.Origin
	}
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		p.Headers = append(p.Headers, argument{name, e.Headers[name]})
	}
	for _, each := range []struct {
		to     *[]v1.Event
		filter client.EventFilter
	}{
		{&p.Replays, client.EventFilter{Original: e.ID}},
		{&p.Follows, client.EventFilter{Cause: e.ID, Since: e.ReceivedAt.Add(-time.Minute), Until: e.ReceivedAt.Add(chainSpan)}},
	} {
		found, err := v.api.Events(v.ctx(), each.filter)
		if err != nil {
			return err
		}
		*each.to = found.Events
	}
	if err := p.read(v); err != nil {
		return err
	}
	return v.showStatus(status, "event", p)
}

// misnamed turns the refusal of an id that none can be into one of a page.
func (v *visit) misnamed(err error) error {
	if refused, ok := errors.AsType[*client.Error](err); ok && refused.Status == http.StatusUnprocessableEntity {
		return &problem{http.StatusNotFound, "There is no such event."}
	}
	return err
}

// read gets what is shown of the payload.
func (p *eventPage) read(v *visit) error {
	if p.Event.PayloadSize == 0 {
		p.Unshown = "The event has no payload."
		return nil
	}
	if p.Event.PayloadSize > payloadShown {
		p.Unshown = fmt.Sprintf("The payload has %s, which is too much for a page: more than %s. It can be downloaded.", size(int64(p.Event.PayloadSize)), size(payloadShown))
		return nil
	}
	var data bytes.Buffer
	if err := v.api.EventPayload(v.ctx(), p.Event.ID, &data); err != nil {
		return err
	}
	q := v.r.URL.Query()
	from, _ := strconv.Atoi(q.Get("from"))
	found, err := fold(data.Bytes(), q.Get("at"), max(0, from))
	switch {
	case errors.Is(err, errNoSuchPart):
		return &problem{http.StatusNotFound, "The event's payload has no such part."}
	case err != nil:
		text := data.Bytes()
		if len(text) > payloadWhole {
			text = append(slices.Clone(text[:payloadWhole]), "…"...)
		}
		p.Text = string(text)
		return nil
	}
	p.Payload = &payloadPart{found, under("/events", p.Event.ID), q.Get("at") == ""}
	return nil
}

// eventPayload passes a payload on as a file.
func (s *Site) eventPayload(v *visit) error {
	id := v.r.PathValue("id")
	return v.misnamed(v.download("event-"+id+".json", "application/json", func(w io.Writer) error {
		return v.api.EventPayload(v.ctx(), id, w)
	}))
}

func (s *Site) replayEvent(v *visit) error {
	accepted, err := v.api.Replay(v.ctx(), v.r.PathValue("id"))
	if err == nil {
		return v.back(runPath(accepted.Number), "The event is replayed as a new one. This is its run.")
	}
	status, text, ok := objected(err)
	if !ok {
		return err
	}
	return s.showEvent(v, status, text)
}
