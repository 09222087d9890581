package schedules

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/predicate"
)

const (
	// mostAtOnce is how many missed ticks are told at most, the latest ones.
	mostAtOnce = 100
	// grace is how late a tick may be told that is not caught up with: an agent
	// that is busy or replaced by the next one has not missed it.
	grace = time.Minute
)

// Source is a schedule that is asked whether it is due.
type Source struct {
	Entry
	Log *slog.Logger
}

// position is how far a schedule has come.
type position struct {
	// Schedule is what it was, so that another one of the same name begins anew.
	Schedule string `json:"schedule"`
	// Through is the last tick that was told or left out, or when the schedule
	// was first seen.
	Through time.Time `json:"through"`
	// Told is the last tick that was told, zero if none was.
	Told time.Time `json:"told,omitzero"`
}

// Kind is that of all schedules.
func (s *Source) Kind() string { return Kind }

// Name is the entry's.
func (s *Source) Name() string { return s.Entry.Name }

// Filters are the entry's, as [poll.Filtered] has them.
func (s *Source) Filters() []predicate.Filter { return s.Conditions }

// Poll tells of the ticks since the position. A schedule that is first seen, or is
// not what it was, begins now and has missed nothing.
func (s *Source) Poll(ctx context.Context, at poll.At) (poll.Found, error) {
	now := at.Now.UTC()
	known, ok := s.read(at.Position)
	if !ok {
		known = position{Schedule: s.Schedule.String(), Through: now.Truncate(time.Second)}
		if !s.Since.IsZero() && s.Since.Before(known.Through) {
			known.Through = s.Since.UTC().Truncate(time.Second)
		}
	}
	if s.Since.After(known.Through) {
		known.Through = s.Since.UTC().Truncate(time.Second)
	}
	oldest, outdated := s.oldest(known.Through, now)
	ticks, missed := s.due(oldest, now)
	if len(ticks) == 0 && !outdated {
		if ok {
			return poll.Found{Position: at.Position, Next: s.next(known.Through)}, nil
		}
		return s.found(known, nil)
	}
	told, late := s.tell(ticks, now)
	missed += late
	list, err := s.events(ctx, told, missed)
	if err != nil {
		return poll.Found{}, err
	}
	known.Through = oldest
	if len(ticks) > 0 {
		known.Through = ticks[len(ticks)-1]
	}
	if len(told) > 0 {
		known.Told = told[len(told)-1]
	} else if s.Paused == "" && s.Log != nil {
		s.Log.Info("a schedule was due, and is too late to be caught up with", "schedule", s.Entry.Name, "catch-up", s.Policy.CatchUp.String(), "max-age", s.Policy.Age())
	}
	return s.found(known, list)
}

// events makes those of ticks. The first says how many before it were missed.
func (s *Source) events(ctx context.Context, ticks []time.Time, missed int) ([]events.Event, error) {
	var list []events.Event
	for _, due := range ticks {
		e := s.Schedule.Event(s.Filter, due, s.Of, missed)
		e.Delivery = s.Entry.Name + " " + due.UTC().Format(time.RFC3339)
		if s.Aim != nil {
			if err := s.Aim(ctx, &e); err != nil {
				return nil, fmt.Errorf("find whose functions the tick calls: %w", err)
			}
		}
		list = append(list, e)
		missed = 0
	}
	return list, nil
}

// read returns a position, and false for none, one that cannot be read, and that of
// another schedule.
func (s *Source) read(data json.RawMessage) (position, bool) {
	var p position
	if data == nil || json.Unmarshal(data, &p) != nil || p.Through.IsZero() || p.Schedule != s.Schedule.String() {
		return position{}, false
	}
	return p, true
}

// oldest is after when ticks are looked at: after the last one, or what may be caught
// up with at all. It says whether that leaves out any.
func (s *Source) oldest(through, now time.Time) (after time.Time, leavesOut bool) {
	oldest := now.Add(-max(s.Policy.Age(), grace) - s.Policy.Jitter - time.Second).Truncate(time.Second)
	if !through.Before(oldest) {
		return through, false
	}
	first := s.Schedule.Next(through)
	return oldest, !first.IsZero() && !first.After(oldest)
}

// due lists the ticks that have come, the latest if there are too many, and how many
// there were before them.
func (s *Source) due(after, now time.Time) (ticks []time.Time, earlier int) {
	ticks, earlier = s.Schedule.Due(after, now, mostAtOnce)
	// One that waits for its jitter has not come yet, and neither has what is
	// after it.
	for i, due := range ticks {
		if s.delayed(due).After(now) {
			return ticks[:i], earlier
		}
	}
	return ticks, earlier
}

func (s *Source) delayed(due time.Time) time.Time {
	return due.Add(schedule.Jitter(s.Entry.Name, due, s.Policy.Jitter))
}

// tell chooses from the ticks those that are told, and counts the others. What is on
// time is told in any case.
func (s *Source) tell(ticks []time.Time, now time.Time) (told []time.Time, missed int) {
	if s.Paused != "" || len(ticks) == 0 {
		return nil, 0
	}
	age := s.Policy.Age()
	if s.Policy.CatchUp == schedule.CatchUpNone {
		age = grace
	}
	first := len(ticks) - 1
	if s.Policy.CatchUp == schedule.CatchUpAll {
		first = 0
	}
	for first < len(ticks) && now.Sub(s.delayed(ticks[first])) > age {
		first++
	}
	return ticks[first:], first
}

// found is an answer with the position where it says.
func (s *Source) found(p position, list []events.Event) (poll.Found, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return poll.Found{}, fmt.Errorf("write the position of the schedule: %w", err)
	}
	return poll.Found{Position: data, Events: list, Next: s.next(p.Through)}, nil
}

// next is when the next tick is told, zero if there is none.
func (s *Source) next(through time.Time) time.Time {
	due := s.Schedule.Next(through)
	if due.IsZero() {
		return time.Time{}
	}
	return s.delayed(due)
}
