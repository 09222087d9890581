package api_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/store"
)

// keeper keeps schedules of a test.
type keeper struct{ list []schedules.Listed }

func (k *keeper) List(_ context.Context, now time.Time, times int) ([]schedules.Listed, error) {
	for i := range k.list {
		k.list[i].Next = []time.Time{k.list[i].Schedule.Next(now)}
	}
	return k.list, nil
}

func (k *keeper) Tick(_ context.Context, name string, now time.Time) (events.Event, error) {
	for _, l := range k.list {
		if l.Name == name {
			e := l.Schedule.Event(l.Filter, now, l.Of, 0)
			e.ID = events.NewID()
			if l.Repository == "" {
				return e, nil
			}
			e.Repository = &events.Repository{FullName: l.Repository}
			return e, l.Aim(context.Background(), &e)
		}
	}
	return events.Event{}, schedules.ErrUnknown
}

func TestSchedules(t *testing.T) {
	daily, err := schedule.Parse("TZ=Europe/Berlin 0 3 * * *", nil)
	if err != nil {
		t.Fatal(err)
	}
	fine := func(context.Context, *events.Event) error { return nil }
	due := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	k := &keeper{list: []schedules.Listed{
		{Entry: schedules.Entry{Name: "nightly", Filter: "nightly", Schedule: daily, Of: schedule.OfAgent, Repository: "a/b", Aim: fine}, Told: due},
		{Entry: schedules.Entry{
			Name: "c/d#Nightly", Filter: "Nightly", Schedule: daily, Of: schedule.OfFunctions, Repository: "c/d", Paused: "disabled by mona",
			Functions: []dispatcher.FunctionName{{Module: "ci", Function: "x"}},
			Aim: func(context.Context, *events.Event) error {
				return errors.New("it is not known where it is cloned from")
			},
		}},
		{Entry: schedules.Entry{Name: "nobody", Filter: "nobody", Schedule: daily, Of: schedule.OfAgent}, Told: due},
	}}
	f := newFixture(t, func(o *api.Options, _ *http.Server) { o.Schedules = k })
	tick := daily.Event("nightly", due, schedule.OfAgent, 0)
	tick.ID, tick.Repository, tick.Delivery = events.NewID(), &events.Repository{FullName: "a/b"}, "1"
	for _, hook := range []string{poll.Hook(schedules.Kind, "nightly"), poll.Hook(schedules.Kind, "a/b#Nightly")} {
		if _, err := f.store.Accept(t.Context(), store.Delivery{Hook: hook, Event: tick}); err != nil {
			t.Fatal(err)
		}
		tick.ID = events.NewID()
	}
	var list v1.Schedules
	f.get("/schedules", &list)
	if len(list.Schedules) != 3 {
		t.Fatalf("there are %+v", list)
	}
	first := list.Schedules[0]
	if first.Name != "nightly" || first.TimeZone != "Europe/Berlin" || first.Expression != "0 3 * * *" || first.CatchUp != "last" || first.MaxAge != 86400 ||
		len(first.Next) != 1 || first.Next[0].Format("15:04:05") != "03:00:00" || first.LastTick == nil || first.LastTick.Run == nil || first.LastTick.Run.Number != 1 || !first.LastTick.Due.Equal(due) {
		t.Errorf("the first is %+v, last tick %+v", first, first.LastTick)
	}
	if second := list.Schedules[1]; second.LastTick != nil || second.Paused == "" || second.Functions[0].Function != "x" || second.Of != "functions" {
		t.Errorf("the second is %+v", second)
	}
	if third := list.Schedules[2]; third.LastTick == nil || third.LastTick.Event != "" || !third.LastTick.Due.Equal(due) {
		t.Errorf("the third is %+v, its tick %+v", third, third.LastTick)
	}
	f.get("/schedules?repository=c/d", &list)
	if len(list.Schedules) != 1 || list.Schedules[0].Repository != "c/d" {
		t.Errorf("of c/d there are %+v", list)
	}

	f.do(v1.ScopeRun, http.MethodPost, "/plan", v1.PlanRequest{Schedule: "nightly"}, http.StatusOK, nil)
	f.do(v1.ScopeRun, http.MethodPost, "/plan", v1.PlanRequest{Schedule: "else"}, http.StatusNotFound, nil)
	f.do(v1.ScopeRun, http.MethodPost, "/plan", v1.PlanRequest{Schedule: "nobody"}, http.StatusConflict, nil)
	f.do(v1.ScopeRun, http.MethodPost, "/plan", v1.PlanRequest{Schedule: "c/d#Nightly"}, http.StatusUnprocessableEntity, nil)
	f.do(v1.ScopeRun, http.MethodPost, "/plan", v1.PlanRequest{Schedule: "nightly", Event: "x"}, http.StatusUnprocessableEntity, nil)
}

func TestWithoutSchedules(t *testing.T) {
	f := newFixture(t)
	var list v1.Schedules
	f.get("/schedules", &list)
	if list.Schedules == nil || len(list.Schedules) != 0 {
		t.Errorf("there are %+v", list)
	}
	f.do(v1.ScopeRun, http.MethodPost, "/plan", v1.PlanRequest{Schedule: "x"}, http.StatusNotFound, nil)
}
