package schedules

import (
	"context"
	"errors"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/poll"
)

// Listed is a schedule as people are shown it.
type Listed struct {
	Entry
	// Next are the times that it is due next, without jitter, the first first.
	Next []time.Time
	// Told is when it was due last of all times that were told, zero if none was.
	Told time.Time
	// Error is why its ticks cannot be told at present, empty if they can.
	Error string
}

// Hook is where the ticks of the schedule arrive.
func (e *Entry) Hook() string { return poll.Hook(Kind, e.Name) }

// ErrUnknown says that there is no schedule of a name.
var ErrUnknown = errors.New("there is no such schedule")

// List lists all schedules with as many times as are asked for.
func (k *Keeper) List(ctx context.Context, now time.Time, times int) ([]Listed, error) {
	entries, err := k.Entries(ctx)
	if err != nil {
		return nil, err
	}
	told, err := k.told(ctx)
	if err != nil {
		return nil, err
	}
	failing := map[string]string{}
	for _, state := range k.cfg.Poller.States(Kind) {
		failing[state.Name] = state.Error
	}
	list := make([]Listed, len(entries))
	for i, e := range entries {
		list[i] = Listed{Entry: e, Told: told[e.Name], Error: failing[e.Name]}
		for at := e.Schedule.Next(now); !at.IsZero() && len(list[i].Next) < times; at = e.Schedule.Next(at) {
			list[i].Next = append(list[i].Next, at)
		}
	}
	return list, nil
}

// Tick returns the event of the next tick of a schedule, or of its last one if there
// is no other, as it would be stored then. It is for plans, and stored nowhere. The
// error is [ErrUnknown], or that of what finds the repository.
func (k *Keeper) Tick(ctx context.Context, name string, now time.Time) (events.Event, error) {
	entries, err := k.Entries(ctx)
	if err != nil {
		return events.Event{}, err
	}
	for _, e := range entries {
		if e.Name != name {
			continue
		}
		due := e.Schedule.Next(now)
		if due.IsZero() {
			due = e.Schedule.Next(time.Time{})
		}
		event := e.Schedule.Event(e.Filter, due, e.Of, 0)
		event.ID, event.ReceivedAt = events.NewID(), now.UTC()
		if e.Aim != nil {
			err = e.Aim(ctx, &event)
		}
		return event, err
	}
	return events.Event{}, ErrUnknown
}
