package reaction_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/reaction"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

// memory is a store for tests whose time is not the system's.
type memory struct {
	mu        sync.Mutex
	positions map[string]store.Position
	events    []store.Event
	skipped   map[string]string // why, by the ids of events
	watchers  []chan struct{}
	away      error
	// reads is how often events were asked for.
	reads int
}

func newMemory() *memory {
	return &memory{positions: map[string]store.Position{}, skipped: map[string]string{}}
}

func (m *memory) Events(_ context.Context, f store.EventFilter) ([]store.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	var found []store.Event
	for _, e := range m.events {
		if e.Seq > f.After && (f.Before == 0 || e.Seq < f.Before) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b store.Event) int { return int(b.Seq - a.Seq) })
	return found[:min(len(found), f.Limit)], m.away
}

func (m *memory) Watch(string) (<-chan struct{}, func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := make(chan struct{}, 1)
	m.watchers = append(m.watchers, c)
	return c, func() {}
}

func (m *memory) Position(_ context.Context, kind, name string) (store.Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.positions[kind+" "+name]
	p.Kind, p.Name = kind, name
	return p, m.away
}

func (m *memory) Positions(_ context.Context, kind string) ([]store.Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []store.Position
	for key, p := range m.positions {
		if strings.HasPrefix(key, kind+" ") {
			found = append(found, p)
		}
	}
	return found, m.away
}

func (m *memory) Advance(_ context.Context, p store.Position, deliveries ...store.Delivery) ([]store.Receipt, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away != nil {
		return nil, 0, m.away
	}
	if m.positions[p.Kind+" "+p.Name].Version != p.Version {
		return nil, 0, store.ErrMoved
	}
	p.Version++
	m.positions[p.Kind+" "+p.Name] = p
	for _, d := range deliveries {
		m.skipped[d.Event.ID] = d.Skip
		m.add(int64(len(m.events)+1), d.Event)
	}
	return make([]store.Receipt, len(deliveries)), p.Version, nil
}

func (m *memory) Forget(_ context.Context, kind, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.positions, kind+" "+name)
	return m.away
}

// add stores an event under the lock.
func (m *memory) add(seq int64, e events.Event) {
	m.events = append(m.events, store.Event{Event: e, Seq: seq})
	for _, c := range m.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// happen stores an event, as any agent does.
func (m *memory) happen(e events.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(int64(len(m.events)+1), e)
}

// leave has the store not be there, or be there again.
func (m *memory) leave(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = err
}

// told are the events of a name that reactions have stored.
func (m *memory) told(name string) (found []store.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events {
		if e.Vendor == events.VendorMirror && e.Name == name {
			found = append(found, e)
		}
	}
	return found
}

func (m *memory) achieved(name string) string {
	p, _ := m.Position(context.Background(), "mirror", "here/"+name)
	return string(p.Value)
}

// asked is how often events were asked for.
func (m *memory) asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads
}

// count is how many positions there are.
func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.positions)
}

// double is a reaction that does as it is told.
type double struct {
	name, place string
	// wants are the names of events, or VENDOR NAME FILTER.
	wants       []string
	persistence reaction.Persistence
	target      settings.Target
	react       func(ctx context.Context, r reaction.Round) (reaction.Outcome, error)
}

func (d *double) Name() string                      { return d.name }
func (d *double) Place() string                     { return d.place + d.name }
func (d *double) Persistence() reaction.Persistence { return d.persistence }
func (d *double) Target() settings.Target           { return d.target }

func (d *double) Wants(e *store.Event) bool {
	return slices.Contains(d.wants, e.Name) || slices.Contains(d.wants, e.Vendor+" "+e.Name+" "+e.Filter)
}

func (d *double) React(ctx context.Context, r reaction.Round) (reaction.Outcome, error) {
	return d.react(ctx, r)
}

func (d *double) Failed(err error) (string, events.Event) {
	return err.Error(), events.Event{Vendor: events.VendorMirror, Name: "failed", Filter: d.name}
}

// updated is what a reaction has done that had something to do.
func (d *double) updated(achieved string) reaction.Outcome {
	return reaction.Outcome{Achieved: []byte(achieved), Event: &events.Event{Vendor: events.VendorMirror, Name: "updated", Filter: d.name}}
}

// together is a place that several doubles share.
type together struct{ *double }

func (together) Place() string { return "one" }

// soon is an error that may be gone a moment later.
type soon struct{ error }

func (soon) Temporary() bool { return true }

var errBroken = errors.New("broken")

func newReactor(m *memory, change ...func(*reaction.Config)) *reaction.Reactor {
	c := reaction.Config{
		Store: m, Kind: "mirror", Agent: "here", Log: slog.New(slog.DiscardHandler),
		Aim: func(_ context.Context, t settings.Target, e *events.Event) error {
			if t.Repository == "acme/unknown" {
				return errors.New("it is not known")
			}
			if t.Repository != "" {
				e.Repository = &events.Repository{FullName: t.Repository}
			}
			return nil
		},
	}
	for _, f := range change {
		f(&c)
	}
	return reaction.New(c)
}

// guarded is a value that a test sets while reactions read it.
type guarded[T any] struct {
	mu sync.Mutex
	v  T
}

func (g *guarded[T]) set(v T) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.v = v
}

func (g *guarded[T]) get() T {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.v
}
