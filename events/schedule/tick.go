package schedule

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/franela/pocketci/events"
)

// Owner says whose schedule a tick is of.
type Owner string

// The owners.
const (
	// OfAgent is a schedule of agent.yaml, whose ticks call what is named for it.
	OfAgent Owner = "agent"
	// OfFunctions is that which functions of a repository have themselves. Its
	// ticks call these functions alone.
	OfFunctions Owner = "functions"
)

// Tick is the payload of a tick's event.
type Tick struct {
	// Expression and TimeZone are those of the schedule.
	Expression string `json:"expression"`
	// Time is when the schedule was due, in its time zone.
	Time     time.Time `json:"time"`
	TimeZone string    `json:"time_zone"`
	// Missed is how many ticks before this one were not told, because nobody kept
	// the clock then.
	Missed int `json:"missed"`
	// Of is empty for an event that somebody made by hand.
	Of Owner `json:"schedule_of,omitempty"`
}

// Is reports whether the tick is one of a schedule, as far as it says. One that was
// made by hand may be of any.
func (t Tick) Is(s Schedule) bool {
	return t.Expression == "" || t.Expression == s.Expression() && (t.TimeZone == "" || t.TimeZone == s.TimeZone())
}

// Event returns the event of a tick, without ID, ReceivedAt, Delivery and a
// repository. The name of the schedule is its filter.
func (s Schedule) Event(name string, due time.Time, of Owner, missed int) events.Event {
	due = due.In(s.location())
	payload, err := json.Marshal(Tick{Expression: s.Expression(), Time: due, TimeZone: s.TimeZone(), Missed: missed, Of: of})
	if err != nil {
		panic(fmt.Sprintf("encode a tick: %v", err)) // cannot happen: the years of schedules have four digits
	}
	return events.Event{
		Vendor: events.VendorTime, Name: events.NameTick, Kind: events.NameTick, Filter: name,
		Trusted: true, OccurredAt: due, Payload: payload,
	}
}

// ReadTick returns what an event says about its schedule. It is false for what is not
// a tick. A payload that is not that of a tick says nothing.
func ReadTick(event *events.Event) (Tick, bool) {
	if event.Vendor != events.VendorTime || event.Name != events.NameTick {
		return Tick{}, false
	}
	var t Tick
	if len(event.Payload) > 0 && json.Unmarshal(event.Payload, &t) != nil {
		return Tick{}, true
	}
	return t, true
}

func (s Schedule) location() *time.Location { return orUTC(s.zone) }
