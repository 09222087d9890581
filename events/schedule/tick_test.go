package schedule_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
)

func TestTick(t *testing.T) {
	s := parse(t, "CRON_TZ=Europe/Berlin 0 3 * * *", "")
	e := s.Event("nightly", at(t, "2026-06-01T01:00:00Z"), schedule.OfFunctions, 2)
	const want = `{"expression":"0 3 * * *","time":"2026-06-01T03:00:00+02:00","time_zone":"Europe/Berlin","missed":2,"schedule_of":"functions"}`
	if string(e.Payload) != want {
		t.Errorf("the payload is %s, want %s", e.Payload, want)
	}
	if e.Vendor != "time" || e.Name != "tick" || e.Kind != "tick" || e.Filter != "nightly" || !e.Trusted || e.OccurredAt.Format(time.RFC3339) != "2026-06-01T03:00:00+02:00" {
		t.Errorf("the event is %+v", e)
	}
	tick, ok := schedule.ReadTick(&e)
	if !ok || !tick.Is(s) || tick.Is(parse(t, "0 3 * * *", "")) || tick.Is(parse(t, "TZ=Europe/Berlin 0 4 * * *", "")) {
		t.Errorf("it is read as %+v", tick)
	}
	for payload, want := range map[string]schedule.Tick{
		"": {}, "null": {}, "[1]": {}, `{"expression": "@daily"}`: {Expression: "@daily"}, `{"expression": 7}`: {},
	} {
		got, ok := schedule.ReadTick(&events.Event{Vendor: "time", Name: "tick", Payload: json.RawMessage(payload)})
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s: %v, %s", payload, ok, diff)
		}
	}
	if _, ok := schedule.ReadTick(&events.Event{Vendor: "github", Name: "push", Payload: e.Payload}); ok {
		t.Error("a push is a tick")
	}
}
