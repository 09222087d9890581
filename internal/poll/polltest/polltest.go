// Package polltest is what every source that is asked has to do, as tests that run
// against each of them.
package polltest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/store"
)

// World is a source with what it looks at.
type World struct {
	// New makes the source, as it is made after every start. All that are made in
	// one world look at the same things under the same name.
	New func(t *testing.T) poll.Source
	// Happen has one thing happen that the next look tells of, with one event or
	// several, and returns the filter of the last one.
	Happen func(t *testing.T) (filter string)
	// Now is the time of the next look.
	Now func() time.Time
	// Break has what is outside give bad answers until it is mended. Nil is for
	// sources that look at nothing which could.
	Break func(t *testing.T) (mend func())
}

// Run tests a source. Make sets up a world of its own for each test, in which nothing
// has happened yet. Each database is one of its own, too.
func Run(t *testing.T, database func(t *testing.T) store.Options, make func(t *testing.T) World) {
	for name, test := range map[string]func(*bench){
		"what happens is told once":                once,
		"after a restart it goes on":               restart,
		"stored before moved":                      storedFirst,
		"a crash after storing repeats nothing":    crash,
		"two agents tell once":                     twoAgents,
		"what it says follows from what there is":  repeatable,
		"a bad answer changes nothing":             badAnswer,
		"a position that cannot be read":           badPosition,
		"it does not outlive its context":          ends,
		"where nothing happens, nothing is stored": quiet,
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{T: t, world: make(t), options: database(t)}
			b.options.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
			b.store = b.open()
			test(b)
		})
	}
}

// bench is one test.
type bench struct {
	*testing.T
	world   World
	options store.Options
	store   *store.Store
}

func (b *bench) open() *store.Store {
	b.Helper()
	s, err := store.Open(b.Context(), b.options)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// look has the source look with a store.
func (b *bench) look(s poll.Store, source poll.Source) error {
	_, err := poll.Once(b.Context(), s, source, b.world.Now())
	return err
}

// begin has a source look for the first time, which tells it where it stands.
func (b *bench) begin() poll.Source {
	b.Helper()
	source := b.world.New(b.T)
	if err := b.look(b.store, source); err != nil {
		b.Fatal(err)
	}
	return source
}

// stored lists the filters of the events that are stored, the oldest first, with
// their keys.
func (b *bench) stored() []string {
	b.Helper()
	all, err := b.store.Events(b.Context(), store.EventFilter{Limit: 1000})
	if err != nil {
		b.Fatal(err)
	}
	var list []string
	for _, e := range slices.Backward(all) {
		if !e.Trusted || e.Vendor == "" || e.Name == "" || e.Kind == "" {
			b.Errorf("an event is %+v", e.Event)
		}
		if e.Hook != poll.Hook(b.world.New(b.T).Kind(), b.world.New(b.T).Name()) {
			b.Errorf("an event came by %s", e.Hook)
		}
		full, err := b.store.Event(b.Context(), e.ID)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := events.EncodeFile(&full.Event, nil); err != nil {
			b.Error(err)
		}
		list = append(list, e.Name+" "+e.Filter+" "+e.Delivery)
	}
	return list
}

// grew fails unless something was stored since there were so many, the last of it
// with the filter.
func (b *bench) grew(from int, filter string) []string {
	b.Helper()
	all := b.stored()
	if len(all) <= from {
		b.Fatalf("nothing was stored after %q happened; stored are %q", filter, all)
	}
	last, err := b.store.Events(b.Context(), store.EventFilter{Limit: 1})
	if err != nil || last[0].Filter != filter {
		b.Errorf("the last event has the filter %q (%v), want %q", last[0].Filter, err, filter)
	}
	return all
}

func (b *bench) same(before []string, when string) {
	b.Helper()
	if diff := cmp.Diff(before, b.stored()); diff != "" {
		b.Errorf("%s, other events are stored:\n%s", when, diff)
	}
}

func (b *bench) position() string {
	b.Helper()
	source := b.world.New(b.T)
	p, err := b.store.Position(b.Context(), source.Kind(), source.Name())
	if err != nil {
		b.Fatal(err)
	}
	return string(p.Value)
}

func once(b *bench) {
	source := b.begin()
	for range 3 {
		before := len(b.stored())
		filter := b.world.Happen(b.T)
		if err := b.look(b.store, source); err != nil {
			b.Fatal(err)
		}
		all := b.grew(before, filter)
		if err := b.look(b.store, source); err != nil {
			b.Fatal(err)
		}
		b.same(all, "after another look")
	}
}

func restart(b *bench) {
	b.begin()
	before := len(b.stored())
	filter := b.world.Happen(b.T) // while nobody looks
	if err := b.look(b.store, b.world.New(b.T)); err != nil {
		b.Fatal(err)
	}
	all := b.grew(before, filter)
	if err := b.look(b.store, b.world.New(b.T)); err != nil {
		b.Fatal(err)
	}
	b.same(all, "after another start")
}

// failing is a store in which an advance fails, before or after it is done.
type failing struct {
	*store.Store
	after bool
}

var errDisk = errors.New("the disk is on fire")

func (f *failing) Advance(ctx context.Context, p store.Position, deliveries ...store.Delivery) ([]store.Receipt, int64, error) {
	if f.after {
		if _, _, err := f.Store.Advance(ctx, p, deliveries...); err != nil {
			return nil, 0, err
		}
	}
	return nil, 0, errDisk
}

func storedFirst(b *bench) {
	source := b.begin()
	filter := b.world.Happen(b.T)
	before, at := b.stored(), b.position()
	for range 2 {
		if err := b.look(&failing{Store: b.store}, source); !errors.Is(err, errDisk) {
			b.Fatalf("got %v, want the error of the store", err)
		}
	}
	b.same(before, "though the store failed")
	if now := b.position(); now != at {
		b.Errorf("the position moved from %s to %s", at, now)
	}
	if err := b.look(b.store, source); err != nil {
		b.Fatal(err)
	}
	b.grew(len(before), filter)
}

func crash(b *bench) {
	source := b.begin()
	before := len(b.stored())
	filter := b.world.Happen(b.T)
	if err := b.look(&failing{Store: b.store, after: true}, source); !errors.Is(err, errDisk) {
		b.Fatalf("got %v, want the error of the store", err)
	}
	all := b.grew(before, filter)
	if err := b.look(b.store, b.world.New(b.T)); err != nil {
		b.Fatal(err)
	}
	b.same(all, "after the crash")
	// Even without its position it tells nothing under another key.
	if err := b.store.Forget(b.Context(), source.Kind(), source.Name()); err != nil {
		b.Fatal(err)
	}
	if err := b.look(b.store, b.world.New(b.T)); err != nil {
		b.Fatal(err)
	}
	b.same(all, "without a position")
}

func twoAgents(b *bench) {
	stores := []*store.Store{b.store, b.open()}
	sources := []poll.Source{b.begin(), b.world.New(b.T)}
	for range 3 {
		before := len(b.stored())
		filter := b.world.Happen(b.T)
		now := b.world.Now()
		var both sync.WaitGroup
		for i := range 2 {
			both.Go(func() {
				if _, err := poll.Once(b.Context(), stores[i], sources[i], now); err != nil {
					b.Error(err)
				}
			})
		}
		both.Wait()
		all := b.grew(before, filter)
		if keys := slices.Sorted(slices.Values(all)); len(slices.Compact(keys)) != len(all) {
			b.Errorf("something is stored twice: %q", all)
		}
	}
}

func repeatable(b *bench) {
	b.begin()
	b.world.Happen(b.T)
	at := poll.At{Now: b.world.Now(), Position: json.RawMessage(b.position())}
	if len(at.Position) == 0 {
		at.Position = nil
	}
	first, err := b.world.New(b.T).Poll(b.Context(), at)
	if err != nil {
		b.Fatal(err)
	}
	second, err := b.world.New(b.T).Poll(b.Context(), at)
	if err != nil {
		b.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" || len(first.Events) == 0 {
		b.Errorf("%d events, and then:\n%s", len(first.Events), diff)
	}
}

func badAnswer(b *bench) {
	if b.world.Break == nil {
		return // it asks nobody
	}
	source := b.begin()
	filter := b.world.Happen(b.T)
	before, at := b.stored(), b.position()
	mend := b.world.Break(b.T)
	if err := b.look(b.store, source); err == nil {
		b.Error("a bad answer is no error")
	}
	b.same(before, "after a bad answer")
	if now := b.position(); now != at {
		b.Errorf("the position moved from %s to %s", at, now)
	}
	mend()
	if err := b.look(b.store, source); err != nil {
		b.Fatal(err)
	}
	b.grew(len(before), filter)
}

// A position that an older or newer version wrote, or somebody by hand, is an error
// that says so or a fresh start, and no panic.
func badPosition(b *bench) {
	source := b.world.New(b.T)
	for _, value := range []string{`null`, `true`, `"x"`, `[1]`, `{"last": {"a": []}, "tags": 7, "seen": "x", "version": -1}`} {
		found, err := source.Poll(b.Context(), poll.At{Now: b.world.Now(), Position: json.RawMessage(value)})
		if err == nil && found.Position != nil && !json.Valid(found.Position) {
			b.Errorf("from %s it goes to %s", value, found.Position)
		}
	}
}

func ends(b *bench) {
	source := b.begin()
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	b.world.Happen(b.T)
	before := b.stored()
	if _, err := poll.Once(ctx, b.store, source, b.world.Now()); !errors.Is(err, context.Canceled) {
		b.Errorf("got %v, want that it was cancelled", err)
	}
	b.same(before, "after the end")
}

func quiet(b *bench) {
	source := b.begin()
	all, at := b.stored(), b.position()
	for range 3 {
		if err := b.look(b.store, source); err != nil {
			b.Fatal(err)
		}
	}
	b.same(all, "though nothing happened")
	if now := b.position(); now != at {
		b.Errorf("the position moved from %s to %s", at, now)
	}
}
