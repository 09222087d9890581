package agent_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/store"
)

var ann = store.Actor{Person: "ann"}

// patient makes calls whose first attempts go on until they are aborted, and some
// time longer.
type patient struct {
	begun chan string
	leave chan struct{}
}

func (w *world) patient() patient {
	p := patient{make(chan string, 10), make(chan struct{})}
	w.call = func(ctx context.Context, function string, attempt int, _ *observed) dispatcher.Outcome {
		if attempt > 1 {
			return succeeded("")
		}
		p.begun <- function
		<-ctx.Done()
		<-p.leave
		return dispatcher.Outcome{State: dispatcher.StateAborted, Begun: true, Err: context.Cause(ctx)}
	}
	return p
}

// elsewhere is a plan whose calls only another runner makes.
func elsewhere(functions ...string) func(dispatcher.Request) (*dispatcher.Plan, error) {
	return func(req dispatcher.Request) (*dispatcher.Plan, error) {
		p, err := planOf(functions...)(req)
		for i := range p.Calls {
			p.Calls[i].RunsOn = "elsewhere"
		}
		return p, err
	}
}

// planned waits until a run has calls and returns it.
func (w *world) planned(number int64) store.Run {
	w.t.Helper()
	return w.run(number, "a plan", func(r store.Run) bool { return len(r.Plan) > 0 })
}

func (w *world) abort(run string) {
	w.t.Helper()
	if err := w.store.Abort(w.t.Context(), run, ann, "wrong branch"); err != nil {
		w.t.Fatal(err)
	}
}

// reported is what was said and counted of ends: the numbers by state, the
// outcomes in the report of each run, and the lines of log.
func (w *world) reported() (counts, reports string, lines []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, `msg="run ended"`) || strings.Contains(line, `msg="event is not run"`) {
			lines = append(lines, line)
		}
	}
	return fmt.Sprint(w.counts), fmt.Sprint(w.told), lines
}

// Whatever ends a run, its end is counted once, logged once, and reported once if
// it had a plan.
func TestEachEndIsReportedOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do      func(w *world)
		counts  string
		reports string
		lines   []string // parts of the lines, in order
	}{
		"nobody has planned it": {func(w *world) {
			w.ping = func(context.Context) error { return errors.New("no engine") }
			w.abort(w.run(w.accept(w.start(nil), push("one")), "anything", func(store.Run) bool { return true }).ID)
		}, "map[aborted:1]", "map[]", []string{`run=1 event.id=one`}},
		"nobody has approved it": {func(w *world) {
			ev := push("one")
			ev.Trusted = false
			w.abort(w.run(w.accept(w.start(nil), ev), "anything", func(store.Run) bool { return true }).ID)
		}, "map[aborted:1]", "map[]", []string{`state=aborted reason="aborted by ann: wrong branch"`}},
		"it is being planned": {func(w *world) {
			planning, leave := make(chan struct{}), make(chan struct{})
			w.plan = func(req dispatcher.Request) (*dispatcher.Plan, error) {
				close(planning)
				<-leave
				return planOf("a")(req)
			}
			number := w.accept(w.start(nil), push("one"))
			<-planning
			w.abort(w.run(number, "anything", func(store.Run) bool { return true }).ID)
			if counts, _, lines := w.reported(); counts != "map[]" || lines != nil {
				w.t.Errorf("while it is planned %s and %q are said", counts, lines)
			}
			close(leave)
		}, "map[aborted:1]", "map[]", []string{`state=aborted`}},
		"its calls wait": {func(w *world) {
			w.plan = elsewhere("a", "b")
			w.abort(w.planned(w.accept(w.start(nil), push("one"))).ID)
		}, "map[aborted:1]", "map[1:[2]]", []string{`reason="aborted by ann: wrong branch" planning=`}},
		"its call is being made": {func(w *world) {
			p := w.patient()
			number := w.accept(w.start(nil), push("one"))
			<-p.begun
			w.abort(w.planned(number).ID)
			if counts, _, lines := w.reported(); counts != "map[]" || lines != nil {
				w.t.Errorf("while its call ends %s and %q are said", counts, lines)
			}
			close(p.leave)
		}, "map[aborted:1]", "map[1:[1]]", []string{`succeeded=0 failed=0 timed-out=0 aborted=1`}},
		"its only call is aborted": {func(w *world) {
			p := w.patient()
			close(p.leave)
			number := w.accept(w.start(nil), push("one"))
			<-p.begun
			if err := w.store.AbortCall(w.t.Context(), w.onlyCall(w.planned(number).ID).ID, ann, "too slow"); err != nil {
				w.t.Fatal(err)
			}
		}, "map[aborted:1]", "map[1:[1]]", []string{`reason="aborted by ann: too slow"`}},
		"it is restarted before its call has ended": {func(w *world) {
			p := w.patient()
			number := w.accept(w.start(nil), push("one"))
			<-p.begun
			run := w.planned(number).ID
			w.abort(run)
			if _, err := w.store.Restart(w.t.Context(), run, store.RestartAll, ann); err != nil {
				w.t.Fatal(err)
			}
			close(p.leave)
			w.ended(number, store.StateSucceeded)
		}, "map[aborted:1 succeeded:1]", "map[1:[1]]", []string{`state=aborted attempt=1 restarted=true`, `state=succeeded`}},
		"a newer run supersedes it": {func(w *world) {
			w.plan = func(req dispatcher.Request) (*dispatcher.Plan, error) {
				p, err := elsewhere("a")(req)
				if req.Event.ID == "two" {
					p.Calls[0].RunsOn = ""
				}
				p.Calls[0].Concurrency = dispatcher.Concurrency{Group: "g", Cancel: true}
				return p, err
			}
			p := w.start(nil)
			w.planned(w.accept(p, push("one")))
			w.ended(w.accept(p, push("two")), store.StateSucceeded)
		}, "map[aborted:1 succeeded:1]", "map[1:[1] 2:[1]]", []string{`reason="superseded by run 2"`, `run=2`}},
		"its pull request is closed": {func(w *world) {
			w.plan = func(req dispatcher.Request) (*dispatcher.Plan, error) {
				if req.Event.Filter == "closed" {
					return planOf("a")(req)
				}
				return elsewhere("a")(req)
			}
			p := w.start(nil)
			ev := push("one")
			ev.Name, ev.Filter, ev.PullRequest = "pull_request", "opened", 7
			w.planned(w.accept(p, ev))
			ev.ID, ev.Delivery, ev.Filter = "two", "two", "closed"
			w.ended(w.accept(p, ev), store.StateSucceeded)
		}, "map[aborted:1 succeeded:1]", "map[1:[1] 2:[1]]", []string{`reason="pull request 7 was closed"`, `run=2`}},
		"it cannot be planned": {func(w *world) {
			w.plan = func(dispatcher.Request) (*dispatcher.Plan, error) { return nil, errors.New("no: " + secret) }
			w.accept(w.start(nil), push("one"))
		}, "map[failed:1]", "map[]", []string{`msg="event is not run" run=1`}},
		"it has no call": {func(w *world) {
			w.plan = planOf()
			w.accept(w.start(nil), push("one"))
		}, "map[skipped:1]", "map[1:[0]]", []string{`state=skipped`}},
		"its call succeeds": {func(w *world) {
			w.accept(w.start(nil), push("one"))
		}, "map[succeeded:1]", "map[1:[1]]", []string{`state=succeeded`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.do(w)
			for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
				if _, _, lines := w.reported(); len(lines) >= len(c.lines) {
					break
				}
			}
			for _, p := range w.started {
				p.stop()
				p.wait(t) // which says what is left to be said
			}
			counts, reports, lines := w.reported()
			if counts != c.counts || reports != c.reports || len(lines) != len(c.lines) {
				t.Fatalf("%s counted, %s reported, want %s and %s:\n%s", counts, reports, c.counts, c.reports, strings.Join(lines, ""))
			}
			for i, part := range c.lines {
				if !strings.Contains(lines[i], part) {
					t.Errorf("line %d is not about %s: %s", i, part, lines[i])
				}
			}
		})
	}
}

// slowly is a report on a slow terminal.
type slowly struct{ report.Report }

func (r slowly) Finished(run *dispatcher.Run, place dispatcher.Place, outcomes []dispatcher.Outcome) {
	time.Sleep(20 * time.Millisecond)
	r.Report.Finished(run, place, outcomes)
}

// What has ended is reported before the agent has stopped.
func TestEndsAreReportedBeforeTheAgentStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var runs []string
	w.plan = elsewhere("a")
	p := w.start(func(c *agent.Config) { c.Report = slowly{c.Report} })
	for i := range 5 {
		runs = append(runs, w.planned(w.accept(p, push(fmt.Sprint(i)))).ID)
	}
	for _, run := range runs {
		w.abort(run)
	}
	p.stop()
	p.wait(t)
	if _, reports, lines := w.reported(); len(lines) != len(runs) {
		t.Errorf("%s and %d lines were reported, want %d", reports, len(lines), len(runs))
	}
	if got := slices.Sorted(maps.Keys(w.told)); len(got) != len(runs) {
		t.Errorf("%v were reported", got)
	}
}
