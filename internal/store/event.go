package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/franela/pocketci/events"
)

// Event is a stored event.
type Event struct {
	events.Event
	// Seq grows with every event.
	Seq int64
	// Hook is where it arrived, empty for events made here.
	Hook string
	// Original is the id of the event that this one replays, or empty.
	Original string
	// Headers are those that are kept of the request that brought it first. Lists
	// have none.
	Headers map[string]string
	// Redeliveries are the further arrivals of the event. Lists have none.
	Redeliveries []Redelivery
}

// fields are what is stored of an event besides what is looked for.
type fields struct {
	events.Event
	Headers map[string]string `json:",omitempty"`
}

// Redelivery is a further arrival of an event.
type Redelivery struct {
	At time.Time
	// Attempt is the attempt of the run that it added, or 0.
	Attempt int
}

// Event returns an event with its payload, or [ErrNotFound].
func (s *Store) Event(ctx context.Context, id string) (Event, error) {
	var (
		e             Event
		text, payload []byte
		repository    string
		packed        bool
	)
	err := s.get(ctx, []any{&e.Seq, &e.Hook, &e.Original, &repository, &packed, &text, &payload},
		`SELECT seq, hook, original, repository, packed, fields, payload FROM events WHERE id = ?`, id)
	if err != nil {
		return Event{}, fmt.Errorf("read event %s: %w", id, err)
	}
	var stored fields
	if err := json.Unmarshal(text, &stored); err != nil {
		return Event{}, fmt.Errorf("read event %s: %w", id, err)
	}
	e.Event, e.Headers = stored.Event, stored.Headers
	e.rename(repository)
	if payload, err = unpack(payload, packed); err != nil {
		return Event{}, fmt.Errorf("read event %s: %w", id, err)
	}
	if e.Payload = payload; payload == nil {
		e.Payload = json.RawMessage{}
	}
	var (
		r  Redelivery
		at int64
	)
	for _, err := range s.each(ctx, []any{&at, &r.Attempt}, `SELECT received_at, attempt FROM redeliveries WHERE event = ? ORDER BY received_at, attempt`, id) {
		if err != nil {
			return Event{}, fmt.Errorf("read redeliveries of event %s: %w", id, s.failed(err))
		}
		r.At = fromMicros(at)
		e.Redeliveries = append(e.Redeliveries, r)
	}
	return e, nil
}

// rename gives the event of a stored module the name that the module has now, which is
// in the column alone.
func (e *Event) rename(repository string) {
	if _, ok := e.Repository.Module(); ok {
		e.Repository.FullName = repository
	}
}

// EventFilter selects events. Zero values select all.
type EventFilter struct {
	Vendor, Name, Filter, Repository, Ref string
	// Original is the id of an event that is replayed, Cause that of one that others
	// follow from. A cause is looked for in every event that the other fields select.
	Original, Cause string
	// Since and Until bound the time of receipt.
	Since, Until time.Time
	// Before is the Seq of an event: only older events are listed, for the
	// next page of a list.
	Before int64
	// After is the Seq of an event: only newer events are listed. In PostgreSQL an
	// event can come to be listed after one with a greater Seq.
	After int64
	// Limit is how many events are listed at most; 100 by default.
	Limit int
}

// Events lists events without their payloads, the latest first.
func (s *Store) Events(ctx context.Context, f EventFilter) ([]Event, error) {
	// By the column that leaves the fewest, each of which has an index.
	list := newest{number: "seq", before: f.Before}
	for _, by := range []struct{ column, value string }{{"cause", key(f.Cause)}, {"original", key(f.Original)}, {"repository", key(f.Repository)}} {
		if by.value != "" {
			list.columns, list.values = []string{by.column}, []any{by.value}
			break
		}
	}
	which, args := list.where()
	where := []string{which}
	add := func(given bool, condition string, value any) {
		if given {
			where, args = append(where, condition), append(args, value)
		}
	}
	add(f.Vendor != "", "vendor = ?", key(f.Vendor))
	add(f.Name != "", "name = ?", key(f.Name))
	add(f.Filter != "", "filter = ?", clean(f.Filter))
	add(f.Ref != "", "ref = ?", clean(f.Ref))
	// Their indexes have no entries for events without.
	add(f.Cause != "", "cause <> '' AND cause = ?", key(f.Cause))
	add(f.Original != "", "original <> '' AND original = ?", key(f.Original))
	add(f.Repository != "" && list.columns[0] != "repository", "repository = ?", key(f.Repository))
	add(!f.Since.IsZero(), "received_at >= ?", micros(f.Since))
	add(!f.Until.IsZero(), "received_at < ?", micros(f.Until))
	add(f.After != 0, "seq > ?", f.After)
	if f.Limit == 0 {
		f.Limit = 100
	}
	var (
		seq                        int64
		hook, original, repository string
		text                       []byte
	)
	found := []Event{}
	for _, err := range s.each(ctx, []any{&seq, &hook, &original, &repository, &text}, `SELECT seq, hook, original, repository, fields FROM events WHERE `+
		strings.Join(where, " AND ")+` ORDER BY `+list.order()+` LIMIT ?`, append(args, f.Limit)...) {
		if err != nil {
			return nil, fmt.Errorf("list events: %w", s.failed(err))
		}
		e := Event{Seq: seq, Hook: hook, Original: original}
		if err := json.Unmarshal(text, &e.Event); err != nil {
			return nil, fmt.Errorf("list events: %w", err)
		}
		e.rename(repository)
		e.Payload = nil
		found = append(found, e)
	}
	return found, nil
}

// LatestEvent returns the latest event of a repository without its payload, for
// what it says about the repository. The error is [ErrNotFound] if none is kept.
func (s *Store) LatestEvent(ctx context.Context, repository string) (Event, error) {
	if repository == "" {
		return Event{}, fmt.Errorf("find the latest event: %w", ErrNotFound)
	}
	found, err := s.Events(ctx, EventFilter{Repository: repository, Limit: 1})
	if err != nil {
		return Event{}, err
	}
	if len(found) == 0 {
		return Event{}, fmt.Errorf("find the latest event of %s: %w", repository, ErrNotFound)
	}
	return found[0], nil
}
