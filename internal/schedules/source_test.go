package schedules_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/poll/polltest"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/store"
)

func TestConformance(t *testing.T) {
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			for kind, c := range map[string]struct {
				expression string
				policy     schedule.Policy
				step       time.Duration
			}{
				"each hour":   {"0 * * * *", schedule.Policy{}, time.Hour},
				"all of them": {"*/20 * * * *", schedule.Policy{CatchUp: schedule.CatchUpAll}, time.Hour},
				"with jitter": {"@every 10m", schedule.Policy{Jitter: 9 * time.Minute}, 40 * time.Minute},
			} {
				if name != "SQLite" && kind != "each hour" {
					continue // a database for each test takes its time
				}
				t.Run(kind, func(t *testing.T) {
					polltest.Run(t, database, func(t *testing.T) polltest.World {
						now := at(t, "2026-03-01T12:30:00Z")
						return polltest.World{
							New: func(t *testing.T) poll.Source {
								return &schedules.Source{Entry: entry(t, "nightly", c.expression, c.policy), Log: logTo(t)}
							},
							Happen: func(*testing.T) string {
								now = now.Add(c.step)
								return "nightly"
							},
							Now: func() time.Time { return now },
						}
					})
				})
			}
		})
	}
}

// looks has a source look at several times, beginning with none or the position
// given, and returns what it told at each: the time that it was due, and how many
// before it were missed.
func looks(t *testing.T, source *schedules.Source, times ...string) (told []string, next time.Time) {
	t.Helper()
	var position json.RawMessage
	for _, text := range times {
		found, err := source.Poll(t.Context(), poll.At{Now: at(t, text), Position: position})
		if err != nil {
			t.Fatal(err)
		}
		position, next = found.Position, found.Next
		var list []string
		for _, e := range found.Events {
			tick, ok := schedule.ReadTick(&e)
			if !ok || !tick.Time.Equal(e.OccurredAt) || e.Delivery != source.Name()+" "+e.OccurredAt.UTC().Format(time.RFC3339) {
				t.Errorf("the event is %+v", e)
			}
			line := e.OccurredAt.Format("02T15:04:05")
			if tick.Missed > 0 {
				line += fmt.Sprintf(" after %d", tick.Missed)
			}
			list = append(list, line)
		}
		told = append(told, strings.Join(list, ", "))
		if !next.IsZero() && !next.After(at(t, text)) {
			t.Errorf("at %s the next look is at %s, which is no later", text, next)
		}
	}
	return told, next
}

func TestCatchingUp(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		expression string
		policy     schedule.Policy
		times      []string
		want       []string
		next       string // empty for never
	}{
		"the first look catches up with nothing": {"0 3 * * *", schedule.Policy{CatchUp: schedule.CatchUpAll}, []string{"2026-03-01T12:00:00Z"}, []string{""}, "2026-03-02T03:00:00Z"},
		"on time":                                {"0 3 * * *", schedule.Policy{}, []string{"2026-03-01T12:00:00Z", "2026-03-02T02:59:59Z", "2026-03-02T03:00:00Z", "2026-03-02T03:00:01Z"}, []string{"", "", "02T03:00:00", ""}, "2026-03-03T03:00:00Z"},
		"the last of several":                    {"0 * * * *", schedule.Policy{}, []string{"2026-03-01T12:30:00Z", "2026-03-01T17:40:00Z"}, []string{"", "01T17:00:00 after 4"}, "2026-03-01T18:00:00Z"},
		"the last, too old":                      {"0 3 * * *", schedule.Policy{MaxAge: time.Hour}, []string{"2026-03-01T12:30:00Z", "2026-03-03T05:00:00Z", "2026-03-04T03:00:00Z"}, []string{"", "", "04T03:00:00"}, "2026-03-05T03:00:00Z"},
		"the last of long ago":                   {"0 3 1 * *", schedule.Policy{}, []string{"2026-03-01T12:30:00Z", "2026-07-15T05:00:00Z", "2026-07-15T06:00:00Z"}, []string{"", "", ""}, "2026-08-01T03:00:00Z"},
		"the last of long ago, with time":        {"0 3 1 * *", schedule.Policy{MaxAge: 30 * day}, []string{"2026-03-01T12:30:00Z", "2026-07-15T05:00:00Z"}, []string{"", "01T03:00:00"}, "2026-08-01T03:00:00Z"},
		"each":                                   {"0 * * * *", schedule.Policy{CatchUp: schedule.CatchUpAll}, []string{"2026-03-01T12:30:00Z", "2026-03-01T15:40:00Z"}, []string{"", "01T13:00:00, 01T14:00:00, 01T15:00:00"}, "2026-03-01T16:00:00Z"},
		"each that is not too old":               {"0 * * * *", schedule.Policy{CatchUp: schedule.CatchUpAll, MaxAge: 100 * time.Minute}, []string{"2026-03-01T02:30:00Z", "2026-03-01T15:40:00Z"}, []string{"", "01T14:00:00, 01T15:00:00"}, "2026-03-01T16:00:00Z"},
		"none, though it came late":              {"0 * * * *", schedule.Policy{CatchUp: schedule.CatchUpNone}, []string{"2026-03-01T12:30:00Z", "2026-03-01T15:40:00Z", "2026-03-01T16:00:30Z"}, []string{"", "", "01T16:00:00"}, "2026-03-01T17:00:00Z"},
		"none but the one that is due":           {"0 * * * *", schedule.Policy{CatchUp: schedule.CatchUpNone}, []string{"2026-03-01T12:30:00Z", "2026-03-01T15:00:20Z"}, []string{"", "01T15:00:00 after 2"}, "2026-03-01T16:00:00Z"},
		"once":                                   {"2026-03-01T13:00:00Z", schedule.Policy{}, []string{"2026-03-01T12:30:00Z", "2026-03-01T13:00:00Z", "2027-03-01T13:00:00Z"}, []string{"", "01T13:00:00", ""}, ""},
		"once, while nobody looked":              {"2026-03-01T13:00:00Z", schedule.Policy{}, []string{"2026-03-01T12:30:00Z", "2026-03-01T14:30:00Z"}, []string{"", "01T13:00:00"}, ""},
		"once, long ago":                         {"2026-03-01T13:00:00Z", schedule.Policy{}, []string{"2026-03-01T12:30:00Z", "2026-03-03T14:30:00Z", "2026-03-03T14:31:00Z"}, []string{"", "", ""}, ""},
		"once, before it was seen":               {"2026-03-01T13:00:00Z", schedule.Policy{}, []string{"2026-03-01T13:00:00Z", "2026-03-01T13:01:00Z"}, []string{"", ""}, ""},
		"a clock that is set back":               {"0 * * * *", schedule.Policy{CatchUp: schedule.CatchUpAll}, []string{"2026-03-01T12:30:00Z", "2026-03-01T13:00:00Z", "2026-03-01T11:00:00Z", "2026-03-01T13:00:00Z", "2026-03-01T14:00:00Z"}, []string{"", "01T13:00:00", "", "", "01T14:00:00"}, "2026-03-01T15:00:00Z"},
		"put forward in Berlin":                  {"TZ=Europe/Berlin 30 2 * * *", schedule.Policy{}, []string{"2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"}, []string{"", "29T03:00:00", ""}, "2026-03-30T00:30:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			told, next := looks(t, &schedules.Source{Entry: entry(t, "nightly", c.expression, c.policy), Log: logTo(t)}, c.times...)
			if diff := cmp.Diff(c.want, told); diff != "" {
				t.Error(diff)
			}
			if got := next.UTC().Format(time.RFC3339); c.next == "" != next.IsZero() || c.next != "" && got != c.next {
				t.Errorf("the next look is at %s, want %q", got, c.next)
			}
		})
	}
}

// A bound keeps a schedule of each minute from flooding the queue after a night, and
// what it cost is said.
func TestCatchingUpIsBounded(t *testing.T) {
	told, _ := looks(t, &schedules.Source{Entry: entry(t, "often", "* * * * *", schedule.Policy{CatchUp: schedule.CatchUpAll})}, "2026-03-01T12:00:00Z", "2026-03-02T10:00:00Z")
	list := strings.Split(told[1], ", ")
	if len(list) != 100 || list[0] != "02T08:21:00 after 1220" || list[99] != "02T10:00:00" {
		t.Errorf("%d ticks, from %s to %s", len(list), list[0], list[len(list)-1])
	}
}

// Jitter delays what is told and not what was due, by the same time on all agents.
func TestJitterDelays(t *testing.T) {
	source := &schedules.Source{Entry: entry(t, "nightly", "0 3 * * *", schedule.Policy{Jitter: time.Hour})}
	due := at(t, "2026-03-02T03:00:00Z")
	delay := schedule.Jitter("nightly", due, time.Hour)
	if delay < time.Second {
		t.Fatalf("the delay of the example is %s; take another", delay)
	}
	first, err := source.Poll(t.Context(), poll.At{Now: at(t, "2026-03-01T12:00:00Z")})
	if err != nil || !first.Next.Equal(due.Add(delay)) {
		t.Fatalf("the first look is followed by one at %s, %v; want %s", first.Next, err, due.Add(delay))
	}
	early, err := source.Poll(t.Context(), poll.At{Now: due.Add(delay - 1), Position: first.Position})
	if err != nil || len(early.Events) != 0 || string(early.Position) != string(first.Position) || !early.Next.Equal(due.Add(delay)) {
		t.Errorf("too early it tells %v", early)
	}
	then, err := source.Poll(t.Context(), poll.At{Now: due.Add(delay), Position: first.Position})
	if err != nil || len(then.Events) != 1 || !then.Events[0].OccurredAt.Equal(due) {
		t.Errorf("then it tells %+v, %v", then, err)
	}
}

// What is not the same schedule any more begins anew.
func TestAnotherExpression(t *testing.T) {
	before, err := (&schedules.Source{Entry: entry(t, "nightly", "0 3 * * *", schedule.Policy{})}).Poll(t.Context(), poll.At{Now: at(t, "2026-03-01T12:00:00Z")})
	if err != nil {
		t.Fatal(err)
	}
	for _, expression := range []string{"0 4 * * *", "TZ=Europe/Berlin 0 3 * * *"} {
		source := &schedules.Source{Entry: entry(t, "nightly", expression, schedule.Policy{CatchUp: schedule.CatchUpAll})}
		found, err := source.Poll(t.Context(), poll.At{Now: at(t, "2026-03-05T12:00:00Z"), Position: before.Position})
		if err != nil || len(found.Events) != 0 || string(found.Position) == string(before.Position) {
			t.Errorf("%s: %+v, %v", expression, found, err)
		}
	}
}

// What functions have counts from when they came to have it.
func TestSince(t *testing.T) {
	e := entry(t, "acme/shop#Nightly", "0 * * * *", schedule.Policy{CatchUp: schedule.CatchUpAll})
	e.Since = at(t, "2026-03-01T12:30:00Z")
	told, _ := looks(t, &schedules.Source{Entry: e}, "2026-03-01T14:30:00Z")
	if diff := cmp.Diff([]string{"01T13:00:00, 01T14:00:00"}, told); diff != "" {
		t.Error(diff)
	}
	// It was removed and comes back, and its position is still there.
	old, err := (&schedules.Source{Entry: e}).Poll(t.Context(), poll.At{Now: at(t, "2026-03-01T14:30:00Z")})
	if err != nil {
		t.Fatal(err)
	}
	e.Since = at(t, "2026-03-01T16:30:00Z")
	found, err := (&schedules.Source{Entry: e}).Poll(t.Context(), poll.At{Now: at(t, "2026-03-01T17:00:00Z"), Position: old.Position})
	if err != nil || len(found.Events) != 1 || found.Events[0].OccurredAt.Hour() != 17 {
		t.Errorf("it tells %+v, %v", found.Events, err)
	}
}

// While all of its functions are disabled a schedule says nothing, and afterwards
// nothing of that time.
func TestPaused(t *testing.T) {
	e := entry(t, "acme/shop#Nightly", "0 * * * *", schedule.Policy{CatchUp: schedule.CatchUpAll})
	begin, err := (&schedules.Source{Entry: e}).Poll(t.Context(), poll.At{Now: at(t, "2026-03-01T12:30:00Z")})
	if err != nil {
		t.Fatal(err)
	}
	e.Paused = "disabled by mona"
	paused, err := (&schedules.Source{Entry: e}).Poll(t.Context(), poll.At{Now: at(t, "2026-03-01T15:00:00Z"), Position: begin.Position})
	if err != nil || len(paused.Events) != 0 || paused.Next.Hour() != 16 {
		t.Fatalf("paused, it tells %+v, %v", paused, err)
	}
	e.Paused = ""
	again, err := (&schedules.Source{Entry: e}).Poll(t.Context(), poll.At{Now: at(t, "2026-03-01T16:00:00Z"), Position: paused.Position})
	if err != nil || len(again.Events) != 1 || again.Events[0].OccurredAt.Hour() != 16 {
		t.Errorf("afterwards it tells %+v, %v", again.Events, err)
	}
}

// A tick whose repository cannot be found waits, and is not lost.
func TestNoTarget(t *testing.T) {
	e := entry(t, "nightly", "0 * * * *", schedule.Policy{})
	missing := errors.New("it is not known where acme/shop is cloned from")
	e.Aim = func(context.Context, *events.Event) error { return missing }
	first, err := (&schedules.Source{Entry: e}).Poll(t.Context(), poll.At{Now: at(t, "2026-03-01T12:30:00Z")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&schedules.Source{Entry: e}).Poll(t.Context(), poll.At{Now: at(t, "2026-03-01T13:00:00Z"), Position: first.Position}); !errors.Is(err, missing) {
		t.Fatalf("got %v", err)
	}
	e.Aim = func(_ context.Context, event *events.Event) error {
		event.Repository = &events.Repository{FullName: "acme/shop"}
		return nil
	}
	found, err := (&schedules.Source{Entry: e}).Poll(t.Context(), poll.At{Now: at(t, "2026-03-01T13:00:10Z"), Position: first.Position})
	if err != nil || len(found.Events) != 1 || found.Events[0].Repository.FullName != "acme/shop" {
		t.Errorf("it tells %+v, %v", found.Events, err)
	}
}

// Two agents whose clocks differ keep the time over a day, and one of them is away
// for some hours. Each tick is there once.
func TestTwoAgentsOverADay(t *testing.T) {
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			o := database(t)
			stores := []*store.Store{open(t, o), open(t, o)}
			e := entry(t, "often", "@every 30m", schedule.Policy{Jitter: 5 * time.Minute})
			start := at(t, "2026-03-01T00:00:01Z")
			for minute := 0; minute <= 24*60; minute += 5 {
				now := start.Add(time.Duration(minute) * time.Minute)
				var both sync.WaitGroup
				for i, s := range stores {
					if i == 1 && minute > 300 && minute < 700 {
						continue // it is being replaced
					}
					both.Go(func() {
						if _, err := poll.Once(t.Context(), s, &schedules.Source{Entry: e}, now.Add(time.Duration(i)*700*time.Millisecond)); err != nil {
							t.Error(err)
						}
					})
				}
				both.Wait()
			}
			all, err := stores[0].Events(t.Context(), store.EventFilter{Vendor: events.VendorTime, Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			due := map[string]int{}
			for _, event := range all {
				due[event.OccurredAt.UTC().Format(time.TimeOnly)]++
			}
			if len(all) != 47 && len(all) != 48 || len(due) != len(all) {
				t.Errorf("%d ticks, due at %d times: %v", len(all), len(due), due)
			}
		})
	}
}
