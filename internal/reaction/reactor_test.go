package reaction_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/reaction"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

// running has a reactor run until the test ends.
func running(t *testing.T, r *reaction.Reactor) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

func push(id string) events.Event {
	return events.Event{ID: id, Vendor: events.VendorGithub, Name: events.NamePush}
}

func TestEveryReasonHasItLookOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.happen(push("long ago"))
		rounds, at, most := 0, 0, 0
		goOn := make(chan struct{})
		d := &double{name: "a", wants: []string{"push"}}
		d.react = func(ctx context.Context, r reaction.Round) (reaction.Outcome, error) {
			rounds++
			at++
			most = max(most, at)
			defer func() { at-- }()
			select {
			case <-goOn:
			case <-ctx.Done():
			}
			return reaction.Outcome{Achieved: []byte(`1`)}, nil
		}
		r := newReactor(m)
		r.Set(5, []reaction.Reaction{d})
		synctest.Wait()
		if rounds != 0 {
			t.Fatal("it works before it runs")
		}
		running(t, r)
		synctest.Wait()
		if state := r.States(); rounds != 1 || state[0].Phase != reaction.PhaseWorking {
			t.Fatalf("%d rounds at the start, %+v", rounds, state)
		}
		// Whatever comes while it works is one more round.
		for i := range 5 {
			m.happen(push(fmt.Sprint(i)))
		}
		m.happen(events.Event{ID: "other", Name: "issues"})
		if err := r.Sync("a", false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		goOn <- struct{}{}
		synctest.Wait()
		if rounds != 2 {
			t.Fatalf("%d rounds", rounds)
		}
		goOn <- struct{}{}
		synctest.Wait()
		time.Sleep(time.Hour)
		synctest.Wait()
		if state := r.States(); rounds != 2 || most != 1 || state[0].Phase != reaction.PhaseIdle || state[0].LastRound.IsZero() {
			t.Fatalf("%d rounds, %d at a time, %+v", rounds, most, state)
		}
		m.happen(push("another"))
		synctest.Wait()
		if rounds != 3 {
			t.Fatalf("%d rounds", rounds)
		}
		if len(m.told("updated"))+len(m.told("failed")) != 0 || m.achieved("a") != "1" {
			t.Errorf("it told %v, and achieved %s", m.told("updated"), m.achieved("a"))
		}
		if err := r.Sync("b", false); !errors.Is(err, reaction.ErrUnknown) {
			t.Errorf("sync of none: %v", err)
		}
	})
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var at, most, one, mostOfOne atomic.Int32
		higher := func(most *atomic.Int32, now int32) {
			for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
			}
		}
		var list []reaction.Reaction
		var ended []string
		for i := range 8 {
			d := &double{name: fmt.Sprint("free", i)}
			d.react = func(context.Context, reaction.Round) (reaction.Outcome, error) {
				higher(&most, at.Add(1))
				time.Sleep(time.Second)
				at.Add(-1)
				return reaction.Outcome{Achieved: []byte(`1`)}, nil
			}
			list = append(list, d)
		}
		for i := range 4 {
			d := &double{name: fmt.Sprint("one", i)}
			d.react = func(context.Context, reaction.Round) (reaction.Outcome, error) {
				higher(&most, at.Add(1))
				higher(&mostOfOne, one.Add(1))
				time.Sleep(100 * time.Second)
				one.Add(-1)
				at.Add(-1)
				return reaction.Outcome{Achieved: []byte(`1`)}, nil
			}
			list = append(list, together{d})
		}
		r := newReactor(m)
		r.Set(3, list)
		running(t, r)
		// Those that wait for the one place keep no slot: the free ones are done
		// while the first of the others works.
		time.Sleep(20 * time.Second)
		synctest.Wait()
		for _, s := range r.States() {
			if s.Phase == reaction.PhaseIdle {
				ended = append(ended, s.Name)
			}
		}
		if got := strings.Join(ended, " "); got != "free0 free1 free2 free3 free4 free5 free6 free7" {
			t.Errorf("after 20 seconds have ended: %s", got)
		}
		time.Sleep(400 * time.Second)
		synctest.Wait()
		if most.Load() != 3 || mostOfOne.Load() != 1 {
			t.Errorf("%d at a time, %d on one place", most.Load(), mostOfOne.Load())
		}
		for _, s := range r.States() {
			if s.Phase != reaction.PhaseIdle {
				t.Errorf("%s is %s", s.Name, s.Phase)
			}
		}
	})
}

func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var failing guarded[error]
		failing.set(errBroken)
		var count atomic.Int64
		calls := func() int { return int(count.Load()) }
		var last guarded[reaction.Round]
		d := &double{name: "a", wants: []string{"push"}, persistence: reaction.Persistence{Tries: 3, Delay: 10 * time.Second}, target: settings.Target{Repository: "acme/shop"}}
		d.react = func(_ context.Context, r reaction.Round) (reaction.Outcome, error) {
			count.Add(1)
			last.set(r)
			if err := failing.get(); err != nil {
				return reaction.Outcome{}, err
			}
			return d.updated(`"done"`), nil
		}
		counted := map[string]int{}
		r := newReactor(m, func(c *reaction.Config) { c.Count = func(name, result string) { counted[name+" "+result]++ } })
		r.Set(1, []reaction.Reaction{d})
		running(t, r)
		synctest.Wait()
		if calls() != 1 || len(m.told("failed")) != 1 || m.achieved("a") != "" {
			t.Fatalf("%d calls, told %v, achieved %s", calls(), m.told("failed"), m.achieved("a"))
		}
		if e := m.told("failed")[0]; e.Repository == nil || e.Repository.FullName != "acme/shop" || e.Filter != "a" || m.skipped[e.ID] != "" || !e.Trusted {
			t.Errorf("told %+v", e)
		}
		// It is tried again with pauses that grow, and told once.
		time.Sleep(5 * time.Second)
		synctest.Wait()
		early := calls()
		if early < 3 || early > 6 {
			t.Errorf("%d calls within five seconds", early)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if state := r.States()[0]; calls()-early < 10 || calls()-early > 40 || state.Failures != calls() || state.Error != "broken" || state.Next.IsZero() {
			t.Errorf("%d more calls within an hour, %+v", calls()-early, state)
		}
		if len(m.told("failed")) != 1 {
			t.Errorf("told %v", m.told("failed"))
		}
		// The next event does not wait for it, and another failure is told.
		failing.set(errors.New("broken otherwise"))
		before := calls()
		cause := push("cause")
		m.happen(cause)
		synctest.Wait()
		told := m.told("failed")
		if calls() != before+1 || len(told) != 2 || told[1].Cause != "cause" || told[1].Depth != 1 {
			t.Fatalf("%d calls, told %+v", calls()-before, told)
		}
		if stored, err := r.Stored(t.Context()); err != nil || len(stored) != 1 || stored[0].Error != "broken otherwise" || stored[0].Agent != "here" || stored[0].Name != "a" {
			t.Errorf("stored is %+v, %v", stored, err)
		}
		// What may be gone a moment later is tried before it counts, and what has
		// failed is still the event's reaction when it succeeds in the end.
		failing.set(soon{errBroken})
		before = calls()
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if calls() < before+2 {
			t.Errorf("%d tries", calls()-before)
		}
		failing.set(nil)
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		updated := m.told("updated")
		if len(updated) != 1 || updated[0].Cause != "cause" || m.achieved("a") != `"done"` {
			t.Fatalf("told %+v, achieved %s", updated, m.achieved("a"))
		}
		if state := r.States()[0]; state.Failures != 0 || state.Error != "" || !state.Next.IsZero() {
			t.Errorf("state is %+v", state)
		}
		if stored, err := r.Stored(t.Context()); err != nil || stored[0].Error != "" || string(stored[0].Achieved) != `"done"` {
			t.Errorf("stored is %+v, %v", stored, err)
		}
		// The same failure is told again after a success.
		failing.set(errBroken)
		m.happen(push("next"))
		synctest.Wait()
		if len(m.told("failed")) != 4 { // broken, otherwise, soon, again
			t.Errorf("told %d failures", len(m.told("failed")))
		}
		if last := last.get(); string(last.Achieved) != `"done"` || last.Touch {
			t.Errorf("the last round was %+v", last)
		}
		if counted["a changed"] != 1 || counted["a failed"] == 0 {
			t.Errorf("counted %v", counted)
		}
	})
}

func TestTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		begun := time.Now()
		var at []time.Duration
		d := &double{name: "a", persistence: reaction.Persistence{Tries: 3, Delay: 10 * time.Second, Every: time.Hour}}
		d.react = func(context.Context, reaction.Round) (reaction.Outcome, error) {
			at = append(at, time.Since(begun))
			if len(at)%3 != 0 {
				return reaction.Outcome{}, soon{errBroken}
			}
			return d.updated(fmt.Sprint(len(at))), nil
		}
		// One that waits between two tries keeps nobody else from working.
		other := &double{name: "b", wants: []string{"push"}}
		others := 0
		other.react = func(context.Context, reaction.Round) (reaction.Outcome, error) {
			others++
			return reaction.Outcome{Achieved: []byte("1")}, nil
		}
		r := newReactor(m)
		r.Set(1, []reaction.Reaction{d, other})
		running(t, r)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if others != 1 {
			t.Errorf("the other one worked %d times", others)
		}
		time.Sleep(time.Hour + time.Minute)
		synctest.Wait()
		want := "[0s 10s 20s 1h0m20s 1h0m30s 1h0m40s]"
		if got := fmt.Sprint(at); got != want {
			t.Errorf("it looked at %s, want %s", got, want)
		}
		if updated := m.told("updated"); len(updated) != 2 || updated[0].Cause != "" || updated[0].Depth != 0 || m.skipped[updated[0].ID] == "" {
			t.Errorf("told %+v", updated)
		}
		if len(m.told("failed")) != 0 {
			t.Error("a try was told as a failure")
		}
	})
}

func TestCirclesAreCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var list []reaction.Reaction
		rounds := 0
		for name, other := range map[string]string{"a": "b", "b": "a"} {
			d := &double{name: name, wants: []string{"mirror updated " + other, "push"}}
			d.react = func(_ context.Context, r reaction.Round) (reaction.Outcome, error) {
				rounds++
				if r.Cause == nil {
					return reaction.Outcome{Achieved: []byte("0")}, nil
				}
				return d.updated(fmt.Sprint(rounds)), nil
			}
			list = append(list, d)
		}
		r := newReactor(m)
		r.Set(1, list)
		running(t, r)
		synctest.Wait()
		m.happen(push("first"))
		time.Sleep(time.Hour)
		synctest.Wait()
		deepest := 0
		for _, e := range m.told("updated") {
			deepest = max(deepest, e.Depth)
			if e.Depth == 1 && e.Cause != "first" || e.Depth == 0 {
				t.Errorf("an event of depth %d follows from %s", e.Depth, e.Cause)
			}
		}
		if deepest != events.MaxDepth+1 || rounds > 2*(events.MaxDepth+3) {
			t.Errorf("the chain is %d long after %d rounds", deepest, rounds)
		}
	})
}

func TestTouchAndTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var last reaction.Round
		d := &double{name: "a", target: settings.Target{Repository: "acme/unknown"}}
		d.react = func(_ context.Context, r reaction.Round) (reaction.Outcome, error) {
			last = r
			if r.Touch {
				return d.updated("1"), nil
			}
			return reaction.Outcome{Achieved: []byte("1")}, nil
		}
		r := newReactor(m)
		r.Set(1, []reaction.Reaction{d})
		running(t, r)
		synctest.Wait()
		if err := r.Sync("a", true); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if updated := m.told("updated"); !last.Touch || len(updated) != 1 || m.skipped[updated[0].ID] != "it is not known" {
			t.Errorf("round %+v, told %+v, skipped %v", last, updated, m.skipped)
		}
		if err := r.Sync("a", false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if last.Touch {
			t.Error("it was touched once more")
		}
	})
}

// Where there are no reactions nobody reads what is stored, and the first one misses
// nothing that comes after it.
func TestNoReactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := newReactor(m)
		running(t, r)
		synctest.Wait()
		before := m.asked()
		for i := range 100 {
			m.happen(push(fmt.Sprint("early ", i)))
			synctest.Wait()
		}
		if reads := m.asked() - before; reads != 0 {
			t.Errorf("events were read %d times for nobody", reads)
		}
		time.Sleep(time.Hour) // it goes to the end of what there is
		synctest.Wait()
		var (
			mu     sync.Mutex
			causes []string
		)
		r.Set(1, []reaction.Reaction{&double{name: "a", wants: []string{"push"}, react: func(_ context.Context, round reaction.Round) (reaction.Outcome, error) {
			mu.Lock()
			defer mu.Unlock()
			if round.Cause != nil {
				causes = append(causes, round.Cause.ID)
			}
			return reaction.Outcome{Achieved: []byte(`1`)}, nil
		}}})
		synctest.Wait()
		m.happen(push("late"))
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(causes, []string{"late"}) {
			t.Errorf("it looked after %q", causes)
		}
	})
}

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.positions["mirror here/gone"] = position("here/gone")
		m.positions["mirror there/gone"] = position("there/gone")
		at, most := 0, 0
		var worked []string
		made := func(name, version string, persistence reaction.Persistence, err error) reaction.Reaction {
			d := &double{name: name, wants: []string{"push"}, persistence: persistence}
			d.react = func(context.Context, reaction.Round) (reaction.Outcome, error) {
				at++
				most = max(most, at)
				time.Sleep(time.Minute)
				at--
				worked = append(worked, name+version)
				return reaction.Outcome{Achieved: []byte(`1`)}, err
			}
			return together{d}
		}
		r := newReactor(m)
		r.Set(2, []reaction.Reaction{made("a", "1", reaction.Persistence{}, nil), made("b", "1", reaction.Persistence{Tries: 100, Delay: time.Hour}, soon{errBroken})})
		running(t, r)
		synctest.Wait()
		if m.achieved("gone") != "" || m.count() != 1 {
			t.Errorf("of a reaction that is gone there is %q, of %d positions", m.achieved("gone"), m.count())
		}
		time.Sleep(30 * time.Second)
		// While one works: it goes on to its end, and the new one follows.
		r.Set(2, []reaction.Reaction{made("a", "2", reaction.Persistence{}, nil), made("b", "2", reaction.Persistence{}, nil)})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		got := strings.Join(worked, " ")
		if most != 1 || !strings.Contains(got, "a2") || !strings.Contains(got, "b2") {
			t.Errorf("%s worked, %d at a time", got, most)
		}
		worked = nil
		r.Set(2, []reaction.Reaction{made("b", "3", reaction.Persistence{}, nil)})
		time.Sleep(10 * time.Minute)
		m.happen(push("1"))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := strings.Join(worked, " "); got != "b3 b3" || len(r.States()) != 1 {
			t.Errorf("%s worked", got)
		}
		if m.achieved("a") != "" || m.achieved("b") == "" {
			t.Errorf("achieved are %q and %q", m.achieved("a"), m.achieved("b"))
		}
	})
}

func position(name string) store.Position {
	return store.Position{Kind: "mirror", Name: name, Version: 1, Value: []byte("1")}
}

func TestStoreThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.leave(store.ErrUnavailable)
		done := 0
		d := &double{name: "a", wants: []string{"push"}}
		d.react = func(context.Context, reaction.Round) (reaction.Outcome, error) {
			done++
			return d.updated(fmt.Sprint(done)), nil
		}
		r := newReactor(m)
		r.Set(1, []reaction.Reaction{d})
		running(t, r)
		time.Sleep(time.Hour)
		synctest.Wait()
		if done != 0 {
			t.Error("it worked without knowing what it has achieved")
		}
		m.leave(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if done != 1 || len(m.told("updated")) != 1 {
			t.Errorf("%d rounds, told %v", done, m.told("updated"))
		}
		m.leave(store.ErrUnavailable)
		m.happen(push("unseen"))
		time.Sleep(time.Minute)
		m.leave(nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if updated := m.told("updated"); len(updated) != 2 || updated[1].Cause != "unseen" {
			t.Errorf("told %+v", updated)
		}
	})
}

func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		d := &double{name: "a", react: func(context.Context, reaction.Round) (reaction.Outcome, error) { panic("oops") }}
		r := newReactor(m)
		r.Set(1, []reaction.Reaction{d})
		running(t, r)
		synctest.Wait()
		if state := r.States()[0]; state.Error != "internal error: oops" {
			t.Errorf("state is %+v", state)
		}
	})
}

func TestEventsThatComeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var causes []string
		d := &double{name: "a", wants: []string{"push"}}
		d.react = func(_ context.Context, r reaction.Round) (reaction.Outcome, error) {
			if r.Cause != nil {
				causes = append(causes, r.Cause.ID)
			}
			return reaction.Outcome{Achieved: []byte("1")}, nil
		}
		r := newReactor(m)
		r.Set(1, []reaction.Reaction{d})
		running(t, r)
		synctest.Wait()
		add := func(seq int64) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.add(seq, push(fmt.Sprint(seq)))
		}
		// The transactions of several agents do not end in the order of numbers.
		for _, seq := range []int64{1, 4, 3, 8, 2} {
			add(seq)
			synctest.Wait()
		}
		time.Sleep(20 * time.Second)
		add(6)
		synctest.Wait()
		time.Sleep(time.Minute)
		add(9)
		synctest.Wait()
		if got := strings.Join(causes, " "); got != "1 4 3 8 2 6 9" {
			t.Errorf("followed %s", got)
		}
		// More than are read at a time.
		for seq := range int64(1200) {
			add(10 + seq)
		}
		synctest.Wait()
		if got := causes[len(causes)-1]; got != "1209" {
			t.Errorf("the last one followed is %s", got)
		}
	})
}
