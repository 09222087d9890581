package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/store"
)

const (
	// nextTimes is how many of a schedule's next times are listed.
	nextTimes = 5
	// lookBack is how many ticks are looked through for the last one of a
	// schedule. Others may have the same name.
	lookBack = 50
)

// Schedules are those that an agent keeps; it is a [schedules.Keeper].
type Schedules interface {
	List(ctx context.Context, now time.Time, times int) ([]schedules.Listed, error)
	Tick(ctx context.Context, name string, now time.Time) (events.Event, error)
}

func (s *service) scheduleRoutes() {
	register(s, operation{
		id: "list-schedules", method: http.MethodGet, path: "/schedules", tag: tagRepositories, scope: v1.ScopeRead,
		summary:     "List the schedules with their next five times and their last tick",
		description: "Those of agent.yaml come first, then those that functions have themselves on the default branches of their repositories.",
	}, s.listSchedules)
}

type scheduleQuery struct {
	Repository string `query:"repository" maxLength:"255" doc:"full name of the repository whose functions are called; all schedules if it is left out"`
}

func (s *service) listSchedules(ctx context.Context, in *scheduleQuery) (*body[v1.Schedules], error) {
	out := v1.Schedules{Schedules: []v1.Schedule{}}
	if s.Schedules == nil {
		return answer(out), nil
	}
	found, err := s.Schedules.List(ctx, time.Now(), nextTimes)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if in.Repository != "" && found[i].Repository != in.Repository {
			continue
		}
		wired := wireSchedule(&found[i])
		if wired.LastTick, err = s.lastTick(ctx, &found[i]); err != nil {
			return nil, err
		}
		out.Schedules = append(out.Schedules, wired)
	}
	return answer(out), nil
}

// lastTick finds the last tick of a schedule that is kept, with what became of it.
func (s *service) lastTick(ctx context.Context, l *schedules.Listed) (*v1.Tick, error) {
	if l.Told.IsZero() {
		return nil, nil
	}
	tick := &v1.Tick{Due: l.Told.UTC()}
	ticks, err := s.Store.Events(ctx, store.EventFilter{Vendor: events.VendorTime, Name: events.NameTick, Filter: l.Filter, Repository: l.Repository, Limit: lookBack})
	if err != nil {
		return nil, err
	}
	for _, e := range ticks {
		if e.Hook != l.Hook() {
			continue
		}
		tick.Due, tick.Event = e.OccurredAt.UTC(), e.ID
		found, err := s.Store.Runs(ctx, store.RunFilter{Event: e.ID, Limit: 1})
		if err != nil || len(found) == 0 {
			return tick, err
		}
		run := s.wireRun(&found[0])
		tick.Run = &run
		break
	}
	return tick, nil
}

func wireSchedule(l *schedules.Listed) v1.Schedule {
	out := v1.Schedule{
		Name: l.Name, Filter: l.Filter, Of: string(l.Of), Expression: l.Schedule.Expression(), TimeZone: l.Schedule.TimeZone(),
		CatchUp: l.Policy.CatchUp.String(), MaxAge: seconds(l.Policy.Age()), Jitter: seconds(l.Policy.Jitter),
		Repository: l.Repository, Module: l.Module, Next: []time.Time{}, Paused: l.Paused, Error: l.Error,
		Functions: []v1.FunctionName{},
	}
	for _, f := range l.Functions {
		out.Functions = append(out.Functions, v1.FunctionName{Module: f.Module, Function: f.Function})
	}
	// They are in the schedule's own time zone.
	out.Next = append(out.Next, l.Next...)
	return out
}

// scheduled is the event of the next tick of a schedule.
func (s *service) scheduled(ctx context.Context, name string) (events.Event, error) {
	if s.Schedules == nil {
		return events.Event{}, absent("no schedules are kept here")
	}
	e, err := s.Schedules.Tick(ctx, name, time.Now())
	switch {
	case errors.Is(err, schedules.ErrUnknown):
		return e, absent("there is no schedule of that name; pocketci schedules list, or GET " + v1.Prefix + "/schedules, has those that there are")
	case err != nil:
		return e, &unplannedError{err}
	case e.Repository == nil:
		return e, conflict("the schedule's ticks belong to no repository")
	}
	return e, nil
}
