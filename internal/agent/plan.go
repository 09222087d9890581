package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// Bounds of planning one run.
const (
	// planTimeout is how long fetching and planning may take, not counting
	// the wait for an engine that is away. What takes longer would keep other
	// runs from being planned.
	planTimeout = 20 * time.Minute
	// planLosses is how often the engine may go away while the run is being
	// planned. A run whose planning makes the engine fail would otherwise do
	// so for ever.
	planLosses = 5
)

// claimRun claims a run and returns the work of planning it.
func (m *membership) claimRun(ctx context.Context) (func(), error) {
	claim, run, err := m.member.ClaimRun(ctx, store.Limits{Agent: m.cfg.Planners, Repository: max(1, m.cfg.Planners/2)})
	if err != nil {
		return nil, err
	}
	return func() { m.planRun(claim, run) }, nil
}

// planRun plans a claimed run and answers the claim, whatever happens.
func (m *membership) planRun(claim store.Claim, run store.Run) {
	begun := time.Now()
	log := m.cfg.Log.With("run", run.Number)
	ctx, end := m.member.Guard(m.abort, claim)
	defer end()
	var (
		event    store.Event
		snapshot *runs.Snapshot
		plan     *dispatcher.Plan
		stored   store.Plan
	)
	err := contain(log, "plan a run", func() (err error) {
		if event, err = m.cfg.Store.Event(ctx, run.Event); err != nil {
			return err
		}
		log = log.With(runs.Log(&event.Event))
		if err := m.closePullRequest(ctx, &event.Event, &run); err != nil {
			return err
		}
		if err := m.complete(ctx, claim, &event.Event); err != nil {
			return err
		}
		if err := m.command(ctx, &event.Event); err != nil {
			return err
		}
		if err := m.overtaken(ctx, &event.Event, &run); err != nil {
			return err
		}
		if snapshot, plan, err = m.plan(ctx, &event.Event, &run, log); err != nil {
			return err
		}
		if stored, err = toStore(snapshot, plan); err != nil {
			return err
		}
		return m.tell(ctx, &event.Event, plan, &stored)
	})
	if err != nil {
		m.unplanned(ctx, claim, err, m.tells(&event.Event), log)
		return
	}
	for _, warning := range plan.Warnings {
		log.Warn("plan", "warning", warning)
	}
	// Before its calls can begin anywhere.
	m.cfg.Report.Planned(&dispatcher.Run{ID: reportID(&run), Plan: plan}, snapshot.Place)
	err = m.answer(func(ctx context.Context) error {
		_, err := m.member.Planned(ctx, claim, stored)
		return err
	})
	switch {
	case over(err):
		log.Info("run ended while it was planned", "cause", err)
	case err != nil:
		// What the store does not take, it takes no better the next time.
		log.Error("store plan", "error", err)
		m.unplanned(ctx, claim, fmt.Errorf("store plan: %w", errInternal), stored.Tell, log)
	default:
		log.Debug("run is planned", "duration", time.Since(begun))
	}
}

// complete adds to an event what its forge knows and its payload leaves out. People
// and forges look for the run by its commit, also if it waits.
func (m *membership) complete(ctx context.Context, claim store.Claim, event *events.Event) error {
	if m.cfg.Complete == nil {
		return nil
	}
	sent := event.SHA
	if err := m.cfg.Complete(ctx, event); err != nil {
		return fmt.Errorf("ask the forge about the event: %w", err)
	}
	if event.SHA == sent {
		return nil
	}
	return m.member.Pin(ctx, claim, event.SHA)
}

// closePullRequest ends what is still to be done for a pull request that the
// event closes, whoever closed it.
func (m *membership) closePullRequest(ctx context.Context, event *events.Event, run *store.Run) error {
	if event.Name == events.NamePullRequest && event.Filter == "closed" && event.Repository != nil {
		n, err := m.cfg.Store.AbortPullRequest(ctx, event.Vendor, event.Repository.FullName, event.PullRequest, run.ID,
			fmt.Sprintf("pull request %d was closed", event.PullRequest))
		if err != nil {
			return err
		}
		if n > 0 {
			m.cfg.Log.Info("runs ended because their pull request was closed", "runs", n, "by", run.Number)
		}
	}
	return nil
}

// plan fetches the repository and plans, again if the engine goes away:
// nothing has been called yet, so nothing happens twice.
func (a *Agent) plan(ctx context.Context, event *events.Event, run *store.Run, log *slog.Logger) (*runs.Snapshot, *dispatcher.Plan, error) {
	for losses := 1; ; losses++ {
		if err := a.gate.wait(ctx); err != nil {
			return nil, nil, err
		}
		var (
			snapshot *runs.Snapshot
			plan     *dispatcher.Plan
		)
		err := a.withRoom(ctx, log, func() (err error) {
			snapshot, plan, err = a.planOnce(ctx, event, run)
			return err
		})
		if err == nil || !errors.Is(err, modules.ErrUnavailable) || ctx.Err() != nil || losses == planLosses {
			return snapshot, plan, err
		}
		log.Warn("engine went away before the run began; trying again", "error", err, "times", losses)
		// An engine can answer and yet serve nothing.
		pause(ctx, time.Duration(losses)*a.cfg.PingEvery)
	}
}

func (a *Agent) planOnce(ctx context.Context, event *events.Event, run *store.Run) (*runs.Snapshot, *dispatcher.Plan, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, planTimeout, &dispatcher.TimeoutError{Limit: planTimeout})
	defer cancel()
	disabled, whole, err := a.disabled(ctx, event)
	if err != nil {
		return nil, nil, err
	}
	terms, unfit, err := a.terms(ctx, event, run, event.SHA)
	switch {
	case err != nil:
		return nil, nil, told(ctx, err)
	case unfit != nil && event.Name == events.NamePullRequest:
		return nil, nil, unfit // nothing of it is even fetched
	}
	snapshot := &runs.Snapshot{Event: *event}
	if !whole {
		begun := time.Now()
		snapshot, err = a.cfg.Repositories.Snapshot(ctx, event, terms)
		switch {
		case err != nil && unfit != nil && ctx.Err() == nil:
			return nil, nil, unfit
		case err != nil:
			return nil, nil, told(ctx, err)
		}
		a.cfg.Meter.Phase("fetch", time.Since(begun))
		if event.SHA == "" && unfit == nil {
			// Only now is it known which commit was to be approved.
			if _, unfit, err = a.terms(ctx, event, run, snapshot.Event.SHA); err != nil {
				return nil, nil, told(ctx, err)
			}
		}
	}
	begun := time.Now()
	request := snapshot.Request()
	request.RunURL, request.Disabled = a.cfg.RunURL(run.Number), disabled
	plan, err := a.cfg.Planner.Plan(ctx, request)
	a.cfg.Meter.Phase("plan", time.Since(begun))
	if unfit != nil && ctx.Err() == nil && (err != nil || len(plan.Calls)+len(plan.Invalid) > 0) {
		// Planned were the repository's own rules, which is all that may be done
		// yet. Where nothing would be called, nobody needs to approve anything.
		return nil, nil, unfit
	}
	if err == nil && a.cfg.Schedules != nil && unfit == nil {
		err = a.cfg.Schedules.Planned(ctx, &snapshot.Event, snapshot)
	}
	return snapshot, plan, told(ctx, err)
}

// disabled lists what is disabled of the event's repository, and whether that
// is all of it.
func (a *Agent) disabled(ctx context.Context, event *events.Event) (list []dispatcher.Disabled, whole bool, err error) {
	if event.Repository == nil {
		return nil, false, nil
	}
	all, err := a.cfg.Store.Disabled(ctx, event.Repository.FullName)
	for _, d := range all {
		list = append(list, dispatcher.Disabled{Module: d.Module, Function: d.Function, By: d.Person, Reason: d.Reason})
		whole = whole || d.Module == ""
	}
	return list, whole, err
}

// told returns the reason why a context ended where that is why there is an
// error.
func told(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// unplanned answers a claim whose run came to no plan.
func (m *membership) unplanned(ctx context.Context, claim store.Claim, cause error, tell bool, log *slog.Logger) {
	reason := m.cfg.Mask(cause.Error())
	state := store.StateFailed
	var (
		held     *heldError
		skipped  *skippedError
		invalid  *invalidError
		whole    *modules.WholeError
		yaml     *config.Error
		timedOut *dispatcher.TimeoutError
	)
	switch {
	case ctx.Err() != nil && m.abort.Err() != nil && !over(context.Cause(ctx)):
		state = "" // the agent stops
	case errors.Is(cause, store.ErrUnavailable):
		state = ""
	case errors.As(cause, &held):
		state = store.StateWaiting
	case errors.As(cause, &skipped):
		state = store.StateSkipped
	case errors.As(cause, &invalid), errors.As(cause, &yaml), errors.As(cause, &whole):
		state = store.StateInvalid
	case errors.As(cause, &timedOut):
		state = store.StateTimedOut
	}
	err := m.answer(func(ctx context.Context) error {
		if state == "" {
			return m.member.Return(ctx, claim, reason)
		}
		return m.member.Unplanned(ctx, claim, state, reason, tell)
	})
	switch {
	case over(err):
		log.Info("run ended while it was planned", "cause", err)
	case err != nil:
		log.Error("answer for a run", "error", err)
	case state == "":
		log.Warn("run is given back to be planned again", "cause", cause)
	case state == store.StateWaiting:
		log.Warn("run waits for an approval", "reason", reason)
	}
}

// toStore makes what the store keeps of a plan. What cannot be called is a
// call too, so that it is seen and makes the run invalid.
func toStore(s *runs.Snapshot, plan *dispatcher.Plan) (store.Plan, error) {
	record, err := encode(runs.NewRecord(s, plan))
	if err != nil {
		return store.Plan{}, err
	}
	p := store.Plan{Plan: record, SHA: s.Event.SHA, Reason: whyNone(plan), Follows: follows(s, plan)}
	for i := range plan.Calls {
		call := &plan.Calls[i]
		spec, err := encode(call)
		if err != nil {
			return store.Plan{}, err
		}
		p.Calls = append(p.Calls, store.NewCall{
			Module: call.Module, Function: call.Function, Spec: spec, After: call.After, AfterSkipped: call.AfterSkipped,
			RunsOn: runs.Place(call.RunsOn, s.Terms.Untrusted),
			Group:  call.Concurrency.Group, Cancel: call.Concurrency.Cancel, Newest: call.Concurrency.Newest,
		})
	}
	places := map[[2]string]int{}
	for _, v := range plan.Invalid {
		name := [2]string{v.Module, v.Function}
		if at, twice := places[name]; twice {
			p.Calls[at].Invalid += "\n" + v.Error
			continue
		}
		places[name] = len(p.Calls)
		p.Calls = append(p.Calls, store.NewCall{Module: v.Module, Function: v.Function, Invalid: v.Error})
	}
	return p, nil
}

// whyNone says why a plan has no call.
func whyNone(plan *dispatcher.Plan) string {
	if len(plan.Following) > 0 {
		var names []string
		for _, f := range plan.Following {
			names = append(names, f.Module)
		}
		return "all that it calls is what has " + strings.Join(names, ", ") + " converge, in a run that follows"
	}
	switch len(plan.Skipped) {
	case 0:
		return "the repository has no function"
	case 1:
		return plan.Skipped[0].Reason
	}
	return strconv.Itoa(len(plan.Skipped)) + " functions are not called; the plan says why"
}

// reportID names a run in reports.
func reportID(run *store.Run) string { return strconv.FormatInt(run.Number, 10) }
