package e2e_test

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/store"
)

// ticks lists the ticks of a schedule that are stored, the oldest first.
func ticks(t *testing.T, s *store.Store, name string) []store.Event {
	t.Helper()
	all, err := s.Events(t.Context(), store.EventFilter{Vendor: events.VendorTime, Filter: name, Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]store.Event, len(all))
	for i, e := range all {
		list[len(all)-1-i] = e
	}
	return list
}

// outputs are what calls of a function have returned.
func outputs(t *testing.T, s *store.Store, function string) []string {
	t.Helper()
	calls, err := s.ListCalls(t.Context(), store.CallFilter{Repository: fullName, Function: function, State: store.StateSucceeded, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range calls {
		var r struct{ Output string }
		if err := json.Unmarshal(c.Result, &r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r.Output)
	}
	return list
}

// A push to the default branch brings schedules of functions, which two agents keep
// together, each tick once, also when one of them is killed; the next push takes them
// away again. A schedule of
// agent.yaml calls what is named for it, and nothing that has a schedule itself.
func TestFunctionsAreCalledByTheClock(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	module := dang(`
  pub onTimeTickOften(schedule: String!, eventTrigger: File!): String! { "at " + schedule + " by " + eventTrigger.contents }
  pub onTimeTickBeat(filter: String!): String! { "beat of " + filter }
  pub onTimeTick: String! { "any tick" }
  pub checkOnPush: String! { "pushed" }
`)
	scheduled := f.repo.Commit("main", "1", join(module, yaml("module-path: ./ci", "functions:", "  onTimeTickOften: {schedule: {every: 2s, catch-up: all}}"))...)
	dsn, s := shared(t)
	config := agentYAML(t, "schedules:\n- {name: beat, every: 1s, calls: "+fullName+"}\n")
	first := with(t, f, dsn, config...)
	second := with(t, f, dsn, config...)

	first.deliver("push", push(t, f, "", scheduled))
	until(t, "the function's schedule has called it", patience, func() bool { return len(outputs(t, s, "onTimeTickOften")) >= 3 })
	for _, output := range outputs(t, s, "onTimeTickOften") {
		if !strings.HasPrefix(output, `at @every 2s by {`) || !strings.Contains(output, `"expression":"@every 2s"`) || !strings.Contains(output, `"schedule_of":"functions"`) || !strings.Contains(output, `"occurred_at": "2`) {
			t.Errorf("it returned %s", output)
		}
	}
	// One of the agents is killed, and another one takes its place.
	second.signal(syscall.SIGKILL)
	second.exit()
	third := with(t, f, dsn, config...)
	called := len(outputs(t, s, "onTimeTickOften"))
	until(t, "the schedule goes on", patience, func() bool { return len(outputs(t, s, "onTimeTickOften")) >= called+3 })
	for name, period := range map[string]time.Duration{"Often": 2 * time.Second, "beat": time.Second} {
		due := map[time.Time]bool{}
		for _, e := range ticks(t, s, name) {
			if due[e.OccurredAt] || e.OccurredAt.Truncate(period) != e.OccurredAt || e.ReceivedAt.Before(e.OccurredAt) {
				t.Errorf("a tick of %s is due at %s and was received at %s", name, e.OccurredAt, e.ReceivedAt)
			}
			due[e.OccurredAt] = true
		}
	}
	until(t, "the schedule of the agent has called what is named for it", patience, func() bool { return len(outputs(t, s, "onTimeTickBeat")) >= 2 })
	if n := len(outputs(t, s, "onTimeTick")); n > 0 {
		t.Errorf("the general function was called %d times", n)
	}

	// It is looked for where it is no more, and then gone.
	silent := f.repo.Commit("main", "2", yaml("module-path: ./ci")...)
	third.deliver("push", push(t, f, scheduled, silent))
	keeper := schedules.New(schedules.Config{Store: s})
	until(t, "no function has a schedule", patience, func() bool {
		left, err := keeper.Entries(t.Context())
		return err == nil && len(left) == 0
	})
	// The beat is the clock of the rest.
	beats := func() int { return len(ticks(t, s, "beat")) }
	from := beats()
	until(t, "both agents know", patience, func() bool { return beats() >= from+3 })
	before := ticks(t, s, "Often")
	from = beats()
	until(t, "some time has passed", patience, func() bool { return beats() >= from+5 })
	if after := ticks(t, s, "Often"); len(after) != len(before) {
		t.Errorf("%d ticks came after the schedule was removed, the last due at %s", len(after)-len(before), after[len(after)-1].OccurredAt)
	}
}
