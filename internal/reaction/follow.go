package reaction

import (
	"context"
	"slices"
	"time"

	"github.com/franela/pocketci/internal/store"
)

const (
	// lookEvery is how often is looked for events of which nobody told.
	lookEvery = 30 * time.Second
	// lateness is how long an event may take to be there after one with a greater
	// number: more than a transaction may take that stores events.
	lateness = 30 * time.Second
	// page is how many events are read at a time.
	page = 500
)

// follower reads the events that come to be stored, each once. They have numbers that
// grow, but with several agents one may be seen before another that has a smaller
// number, and some numbers are never used.
type follower struct {
	store Store
	now   func() time.Time
	// floor is the number up to which all events were seen, seen are those above
	// it, and gaps the numbers between them with when they were noticed.
	floor int64
	seen  map[int64]bool
	gaps  map[int64]time.Time
}

// begin goes to the end of what there is. Before it the context's and the store's
// errors are returned.
func (f *follower) begin(ctx context.Context) error {
	latest, err := f.store.Events(ctx, store.EventFilter{Limit: 1})
	if err != nil {
		return err
	}
	f.seen, f.gaps = map[int64]bool{}, map[int64]time.Time{}
	if len(latest) > 0 {
		f.floor = latest[0].Seq
	}
	return nil
}

// next returns the events that came since, in the order of their numbers.
func (f *follower) next(ctx context.Context) ([]store.Event, error) {
	var found []store.Event
	filter := store.EventFilter{After: f.floor, Limit: page}
	for {
		events, err := f.store.Events(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			if !f.seen[e.Seq] {
				found = append(found, e)
			}
			filter.Before = e.Seq
		}
		if len(events) < page {
			break
		}
	}
	slices.Reverse(found)
	for _, e := range found {
		f.seen[e.Seq] = true
		delete(f.gaps, e.Seq)
	}
	f.rise()
	return found, nil
}

// rise moves the floor up to the first number that may still come to be there.
func (f *follower) rise() {
	if len(f.seen) == 0 {
		return
	}
	last := f.floor
	for seq := range f.seen {
		last = max(last, seq)
	}
	now := f.now()
	rising := true
	for seq := f.floor + 1; seq <= last; seq++ {
		if !f.seen[seq] {
			since, noticed := f.gaps[seq]
			if !noticed {
				f.gaps[seq], since = now, now
			}
			rising = rising && now.Sub(since) >= lateness
		}
		if rising {
			f.floor = seq
			delete(f.seen, seq)
			delete(f.gaps, seq)
		}
	}
}
