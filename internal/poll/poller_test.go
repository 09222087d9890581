package poll_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/store"
)

// memory is a store for tests whose time is not the system's.
type memory struct {
	mu        sync.Mutex
	positions map[string]store.Position
	events    []store.Delivery
}

func (m *memory) Position(_ context.Context, kind, name string) (store.Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.positions[kind+name]
	p.Kind, p.Name = kind, name
	return p, nil
}

func (m *memory) Advance(_ context.Context, p store.Position, deliveries ...store.Delivery) ([]store.Receipt, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.positions[p.Kind+p.Name].Version != p.Version {
		return nil, 0, store.ErrMoved
	}
	p.Version++
	if m.positions == nil {
		m.positions = map[string]store.Position{}
	}
	m.positions[p.Kind+p.Name] = p
	m.events = append(m.events, deliveries...)
	return make([]store.Receipt, len(deliveries)), p.Version, nil
}

// source is one that does as it is told.
type source struct {
	name string
	poll func(ctx context.Context, at poll.At) (poll.Found, error)
}

func (s *source) Kind() string { return "test" }
func (s *source) Name() string { return s.name }
func (s *source) Poll(ctx context.Context, at poll.At) (poll.Found, error) {
	return s.poll(ctx, at)
}

// times are those at which a source looked.
type times struct {
	mu   sync.Mutex
	list []time.Time
}

func (t *times) add(at time.Time) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = append(t.list, at)
	return len(t.list)
}

func (t *times) all() []time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.list)
}

// run has a poller run for as long as a test.
func run(t *testing.T, s poll.Store) *poll.Poller {
	p := poll.New(poll.Config{Store: s, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return p
}

func TestPollerLooksWhenItIsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s memory
		begun := time.Now()
		var looked times
		p := run(t, &s)
		p.Set("test", []poll.Source{&source{"a", func(_ context.Context, at poll.At) (poll.Found, error) {
			if looked.add(at.Now) == 3 {
				return poll.Found{}, nil // never again, unless there is a reason
			}
			return poll.Found{Next: at.Now.Add(time.Minute)}, nil
		}}})
		time.Sleep(time.Hour)
		synctest.Wait()
		p.Nudge("test", "a")
		p.Nudge("test", "nobody")
		synctest.Wait()
		var looks []time.Duration
		for _, at := range looked.all() {
			looks = append(looks, at.Sub(begun))
		}
		want := []time.Duration{0, time.Minute, 2 * time.Minute, time.Hour}
		if diff := cmp.Diff(want, looks); diff != "" {
			t.Error(diff)
		}
		states := p.States("test")
		if len(states) != 1 || states[0].Name != "a" || states[0].LastPoll.Sub(begun) != time.Hour || states[0].Next.Sub(begun) != time.Hour+time.Minute {
			t.Errorf("the states are %+v", states)
		}
	})
}

func TestPollerBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s memory
		p := run(t, &s)
		var looked times
		failure := errors.New("no route")
		p.Set("test", []poll.Source{&source{"a", func(_ context.Context, at poll.At) (poll.Found, error) {
			switch looked.add(at.Now) {
			case 3:
				panic("a fault of ours")
			case 12:
				return poll.Found{}, &poll.RetryAfterError{After: 42 * time.Minute, Err: errors.New("slow down")}
			case 13:
				return poll.Found{Position: json.RawMessage(`1`), Events: []events.Event{{Vendor: "time", Name: "tick", Kind: "tick", Delivery: "1"}}}, nil
			}
			return poll.Found{}, failure
		}}})
		synctest.Wait()
		if states := p.States("test"); states[0].Failures != 1 || states[0].Error != "no route" || !states[0].Next.After(states[0].LastPoll) {
			t.Errorf("the states are %+v", states)
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		looks := looked.all()
		if len(looks) != 13 {
			t.Fatalf("it looked %d times", len(looks))
		}
		for i, most := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, 64 * time.Second, 128 * time.Second, 256 * time.Second, 5 * time.Minute, 5 * time.Minute} {
			if waited := looks[i+1].Sub(looks[i]); waited < most/2 || waited > most {
				t.Errorf("after failure %d it waited %s, want %s to %s", i+1, waited, most/2, most)
			}
		}
		if waited := looks[12].Sub(looks[11]); waited != 42*time.Minute {
			t.Errorf("asked for a pause, it waited %s", waited)
		}
		if states := p.States("test"); states[0].Failures != 0 || states[0].Error != "" || !states[0].Next.IsZero() {
			t.Errorf("the states are %+v", states)
		}
		if len(s.events) != 1 || s.events[0].Hook != "test:a" || s.events[0].Event.ID == "" || s.events[0].Skip == "" {
			t.Errorf("stored is %+v", s.events)
		}
	})
}

// Sources that are replaced end, and their successors go on.
func TestPollerSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s memory
		p := run(t, &s)
		hangs := func(ctx context.Context, _ poll.At) (poll.Found, error) {
			<-ctx.Done()
			return poll.Found{}, ctx.Err()
		}
		counts := func(_ context.Context, at poll.At) (poll.Found, error) {
			n := 0
			if at.Position != nil {
				if err := json.Unmarshal(at.Position, &n); err != nil {
					return poll.Found{}, err
				}
			}
			return poll.Found{Position: fmt.Append(nil, n+1), Next: at.Now.Add(time.Minute)}, nil
		}
		p.Set("test", []poll.Source{&source{"a", hangs}, &source{"b", counts}})
		synctest.Wait()
		p.Set("other", nil)
		p.Set("test", []poll.Source{&source{"b", counts}, &source{"c", counts}})
		synctest.Wait()
		var names []string
		for _, state := range p.States("test") {
			names = append(names, state.Name)
		}
		if diff := cmp.Diff([]string{"b", "c"}, names); diff != "" {
			t.Error(diff)
		}
		if got := string(s.positions["testb"].Value); got != "2" {
			t.Errorf("b stands at %s, want 2", got)
		}
	})
}

func TestOnceRefusesEventsThatCannotBeTold(t *testing.T) {
	for name, e := range map[string]events.Event{
		"without a key":    {Vendor: "time", Name: "tick"},
		"without a vendor": {Name: "tick", Delivery: "1"},
		"without a name":   {Vendor: "time", Delivery: "1"},
	} {
		var s memory
		_, err := poll.Once(t.Context(), &s, &source{"a", func(context.Context, poll.At) (poll.Found, error) {
			return poll.Found{Position: json.RawMessage(`1`), Events: []events.Event{e}}, nil
		}}, time.Now())
		if err == nil || len(s.positions) != 0 {
			t.Errorf("%s: %v, and %d positions moved", name, err, len(s.positions))
		}
	}
}
