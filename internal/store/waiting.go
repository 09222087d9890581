package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Why is what something waits for.
type Why string

// What runs and calls wait for. Of several reasons the first one is given that is
// in this order.
const (
	// WhyApproval is a run that somebody must approve.
	WhyApproval Why = "approval"
	// WhyEnding is a run or call whose last attempt was aborted and is still being
	// ended by its agent.
	WhyEnding Why = "ending"
	// WhyAfter is a call that comes after others of its run.
	WhyAfter Why = "after"
	// WhyGroup is a call of whose group another one is made, or goes first.
	WhyGroup Why = "group"
	// WhyNoAgent says that no agent is at work.
	WhyNoAgent Why = "no-agent"
	// WhyRunner is a call that asks for a runner that no agent at work has, or that
	// does not answer.
	WhyRunner Why = "runner"
	// WhyRepository says that as much is done of the repository as may be at a time.
	WhyRepository Why = "repository"
	// WhyAgents says that the agents that could take it are busy.
	WhyAgents Why = "agents"
	// WhyNothing is what an agent may take, and none has yet.
	WhyNothing Why = "nothing"
)

// Waiting is a run that waits, or calls of one that wait for the same.
type Waiting struct {
	Run Run
	// Calls are the calls that wait, More how many more there are of them. Both are
	// empty if the run itself does.
	Calls []CallName
	More  int
	// Since is when the first of them was put into the queue.
	Since time.Time
	Why   Why
	// Behind are the calls that it waits for, for [WhyAfter] and [WhyGroup], as far as
	// they are known; MoreBehind is how many more of them there are.
	Behind     []CallName
	MoreBehind int
	// RunsOn is the label of the runner that is asked for, for [WhyRunner].
	RunsOn string
	// Busy is how many are in progress of the repository, or at the agents that
	// could take it, and Most how many may be; for [WhyRepository] and [WhyAgents].
	Busy, Most int
}

// reason is why something waits, without what it is.
type reason struct {
	why        Why
	behind     []CallName
	runsOn     string
	busy, most int
}

// waiting is what waits.
func (s *Store) waiting(ctx context.Context, l *look, visible func(string) bool) ([]Waiting, int, error) {
	all := 0
	list := []Waiting{}
	for _, from := range []string{`runs WHERE state = 'waiting-approval'`, `runs WHERE ` + runQueue.waiting, `calls WHERE ended_at = 0 AND state = 'queued'`} {
		n, err := s.count(ctx, from, visible)
		if err != nil {
			return nil, 0, err
		}
		all += n
	}
	held, err := s.listRuns(ctx, shown(visible), shownWaiting, unapproved, reading(visible, shownWaiting))
	if err != nil {
		return nil, 0, err
	}
	for _, r := range held {
		list = append(list, Waiting{Run: r, Since: r.QueuedAt, Why: WhyApproval})
	}
	// Those that an agent has not let go of are not in the index of the queue.
	for _, r := range l.heldRuns {
		if r.State == StateQueued && (visible == nil || visible(r.Repository)) {
			list = append(list, Waiting{Run: r, Since: r.QueuedAt, Why: WhyEnding})
			all++
		}
	}
	queued, err := s.oldestQueued(ctx, visible)
	if err != nil {
		return nil, 0, err
	}
	for _, r := range queued {
		list = append(list, l.place(Waiting{Run: r, Since: r.QueuedAt}, l.whyRun(&r)))
	}
	listed := len(list)
	calls, n, err := s.waitingCalls(ctx, l, visible)
	if err != nil {
		return nil, 0, err
	}
	return append(list, calls...), max(0, all-listed-n), nil
}

// oldestQueued are the runs that have waited longest to be planned.
func (s *Store) oldestQueued(ctx context.Context, visible func(string) bool) ([]Run, error) {
	var (
		number  int64
		numbers []int64
	)
	for _, err := range s.each(ctx, []any{&number}, queuedRuns, reading(visible, shownWaiting)) {
		if err != nil {
			return nil, fmt.Errorf("list queued runs: %w", s.failed(err))
		}
		numbers = append(numbers, number)
	}
	byNumber, err := s.runsByNumber(ctx, numbers)
	if err != nil {
		return nil, err
	}
	var list []Run
	for _, n := range numbers {
		r, found := byNumber[n]
		if found && r.State == StateQueued && len(list) < shownWaiting && (visible == nil || visible(r.Repository)) {
			list = append(list, r)
		}
	}
	return list, nil
}

// waitingCalls are the calls that wait, those of a run together that do so for the
// same reason, and how many calls that are.
func (s *Store) waitingCalls(ctx context.Context, l *look, visible func(string) bool) ([]Waiting, int, error) {
	type group struct {
		run  int64
		what string
	}
	var (
		list    []Waiting
		numbers []int64
		found   int
	)
	places := map[group]int{}
	for i := range l.queued {
		c := &l.queued[i]
		if visible != nil && !visible(c.repository) {
			continue
		}
		why := l.whyCall(c)
		g := group{c.RunNumber, fmt.Sprint(why)}
		at, known := places[g]
		if !known {
			if len(list) == shownWaiting {
				continue
			}
			at = len(list)
			places[g] = at
			list = append(list, l.place(Waiting{Run: Run{Number: c.RunNumber}, Since: fromMicros(c.queued)}, why))
			numbers = append(numbers, c.RunNumber)
		}
		found++
		w := &list[at]
		if since := fromMicros(c.queued); since.Before(w.Since) {
			w.Since = since
		}
		if len(w.Calls) < shownCalls {
			w.Calls = append(w.Calls, c.CallName)
		} else {
			w.More++
		}
	}
	slices.Sort(numbers)
	byNumber, err := s.runsByNumber(ctx, slices.Compact(numbers))
	if err != nil {
		return nil, 0, err
	}
	there := list[:0]
	for _, w := range list {
		r, known := byNumber[w.Run.Number]
		if !known {
			continue // it has been deleted to make room since
		}
		w.Run = r
		there = append(there, w)
	}
	return there, found, nil
}

// place says with what waits why it does.
func (l *look) place(w Waiting, r reason) Waiting {
	w.Why, w.Behind, w.RunsOn, w.Busy, w.Most = r.why, r.behind, r.runsOn, r.busy, r.most
	w.MoreBehind = max(0, len(w.Behind)-shownCalls)
	w.Behind = w.Behind[:len(w.Behind)-w.MoreBehind]
	return w
}
