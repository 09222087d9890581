package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
)

// tick is a delivery of a source that is asked.
func tick(delivery string) store.Delivery {
	return store.Delivery{Hook: "time:nightly", Event: events.Event{
		ID: events.NewID(), Delivery: delivery, Vendor: events.VendorTime, Name: events.NameTick, Kind: events.NameTick, Filter: "nightly", Trusted: true,
	}}
}

func TestAdvance(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		p, err := s.Position(t.Context(), "time", "nightly")
		if err != nil || p.Version != 0 || p.Value != nil {
			t.Fatalf("got %+v, %v before anything", p, err)
		}
		for i := range 3 {
			p.Value = fmt.Appendf(nil, `{"last": %d}`, i)
			receipts, version, err := s.Advance(t.Context(), p, tick(fmt.Sprint("b", i)), tick(fmt.Sprint("a", i)))
			if err != nil {
				t.Fatal(err)
			}
			if version != int64(i+1) || len(receipts) != 2 || receipts[0].Outcome != store.Accepted {
				t.Errorf("move %d gives version %d, receipts %+v", i, version, receipts)
			}
			for j, want := range []string{"b", "a"} {
				if e, err := s.Event(t.Context(), receipts[j].Event); err != nil || e.Delivery != fmt.Sprint(want, i) {
					t.Errorf("receipt %d is of delivery %s (%v)", j, e.Delivery, err)
				}
			}
			p.Version = version
		}
		got, err := s.Positions(t.Context(), "time")
		if err != nil {
			t.Fatal(err)
		}
		want := []store.Position{{Kind: "time", Name: "nightly", Value: json.RawMessage(`{"last": 2}`), Version: 3}}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(store.Position{}, "MovedAt")); diff != "" || got[0].MovedAt.IsZero() {
			t.Error(diff)
		}
		if others, err := s.Positions(t.Context(), "registry"); err != nil || len(others) != 0 {
			t.Errorf("another kind has %v, %v", others, err)
		}
		if _, _, err := s.Advance(t.Context(), store.Position{Kind: "time", Name: "nowhere"}, tick("c")); err != nil {
			t.Fatal(err)
		}
		if p, err := s.Position(t.Context(), "time", "nowhere"); err != nil || p.Version != 1 || p.Value != nil {
			t.Errorf("without a value it is %+v, %v", p, err)
		}
		if err := s.Forget(t.Context(), "time", "nightly"); err != nil {
			t.Fatal(err)
		}
		if p, err := s.Position(t.Context(), "time", "nightly"); err != nil || p.Version != 0 {
			t.Errorf("forgotten, it is %+v, %v", p, err)
		}
	})
}

// What was not stored has not moved anything, and the other way round.
func TestAdvanceIsAllOrNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		o.Depth = 2
		s := open(t, o)
		first := tick("1")
		if _, _, err := s.Advance(t.Context(), store.Position{Kind: "time", Name: "nightly", Value: json.RawMessage(`1`)}, first); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			position   store.Position
			deliveries []store.Delivery
			want       error
		}{
			"it does not exist for who read it":    {store.Position{Value: json.RawMessage(`2`)}, []store.Delivery{tick("2")}, store.ErrMoved},
			"it is at another version":             {store.Position{Value: json.RawMessage(`2`), Version: 2}, []store.Delivery{tick("2")}, store.ErrMoved},
			"there is no room":                     {store.Position{Value: json.RawMessage(`2`), Version: 1}, []store.Delivery{tick("2"), tick("3")}, store.ErrFull},
			"it is not JSON":                       {store.Position{Value: json.RawMessage(`{`), Version: 1}, []store.Delivery{tick("2")}, nil},
			"the id of the event is another one's": {store.Position{Value: json.RawMessage(`2`), Version: 1}, []store.Delivery{{Hook: "time:nightly", Event: events.Event{ID: first.Event.ID, Delivery: "2"}}}, nil},
		} {
			t.Run(name, func(t *testing.T) {
				c.position.Kind, c.position.Name = "time", "nightly"
				_, _, err := s.Advance(t.Context(), c.position, c.deliveries...)
				if err == nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if p, err := s.Position(t.Context(), "time", "nightly"); err != nil || p.Version != 1 || string(p.Value) != "1" {
					t.Errorf("the position is %+v, %v", p, err)
				}
				if all, err := s.Events(t.Context(), store.EventFilter{Vendor: events.VendorTime}); err != nil || len(all) != 1 {
					t.Errorf("%d events are stored, %v", len(all), err)
				}
			})
		}
		// What was here before is no reason to stay where one is.
		receipts, _, err := s.Advance(t.Context(), store.Position{Kind: "time", Name: "nightly", Value: json.RawMessage(`3`), Version: 1}, tick("1"))
		if err != nil || receipts[0].Outcome != store.Duplicate || receipts[0].Event != first.Event.ID {
			t.Errorf("got %+v, %v", receipts, err)
		}
	})
}

// Of several agents that saw the same, one moves the position.
func TestAdvanceByManyAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{open(t, o), open(t, o)}
		for round := range 5 {
			var (
				mu      sync.Mutex
				winners int
				wait    sync.WaitGroup
			)
			for i := range 8 {
				wait.Go(func() {
					_, _, err := stores[i%2].Advance(t.Context(), store.Position{Kind: "time", Name: "nightly", Value: json.RawMessage(`0`), Version: int64(round)}, tick(fmt.Sprint(round, "-", i)))
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						winners++
					case !errors.Is(err, store.ErrMoved):
						t.Error(err)
					}
				})
			}
			wait.Wait()
			if winners != 1 {
				t.Errorf("round %d: %d moved it", round, winners)
			}
		}
		all, err := stores[0].Events(t.Context(), store.EventFilter{Vendor: events.VendorTime})
		if err != nil || len(all) != 5 {
			t.Errorf("%d events are stored, %v", len(all), err)
		}
	})
}

// Who watches positions is told, and who follows an event too often is cut off.
func TestChainsAreCut(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		moved, end := s.Watch(store.TopicPositions)
		defer end()
		e := tick("0").Event
		var states []store.State
		for i := range events.MaxDepth + 2 {
			receipts, _, err := s.Advance(t.Context(), store.Position{Kind: "mirror", Name: fmt.Sprint(i), Value: json.RawMessage(`{}`)}, store.Delivery{Event: e})
			if err != nil {
				t.Fatal(err)
			}
			<-moved
			run, err := s.Run(t.Context(), receipts[0].Run)
			if err != nil {
				t.Fatal(err)
			}
			states = append(states, run.State)
			if run.State == store.StateSkipped && !strings.Contains(run.Reason, "taken for a circle") {
				t.Errorf("the reason is %q", run.Reason)
			}
			next := tick("").Event
			e = events.Follow(&e, next)
		}
		want := slices.Repeat([]store.State{store.StateQueued}, events.MaxDepth+1)
		if diff := cmp.Diff(append(want, store.StateSkipped), states); diff != "" {
			t.Error(diff)
		}
	})
}
