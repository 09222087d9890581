package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// shownRuns is how many running runs [Store.Work] has at most, and how many of
	// each kind of waiting.
	shownRuns, shownWaiting = 50, 20
	// shownFailed is how many of the runs are listed that failed last.
	shownFailed = 10
	// shownCalls is how many calls are named of those that do the same.
	shownCalls = 5
	// readOpen is how many rows of one kind are looked at, for what they are about
	// and for why others wait.
	readOpen = 500
)

// Work is what is going on, what waits, and what failed last.
type Work struct {
	// Running are the runs that are planned or have calls in progress, the newest
	// first. MoreRunning is how many more there are.
	Running     []Busy
	MoreRunning int
	// Waiting is what waits: runs for an approval, runs to be planned, and calls,
	// of each kind the oldest first. MoreWaiting counts the runs and calls that are
	// not in it.
	Waiting     []Waiting
	MoreWaiting int
	// Failed are the runs that failed last, the latest first: those that failed,
	// timed out or were invalid.
	Failed []Run
}

// Busy is a run that something is done for.
type Busy struct {
	Run
	// Planning says that it is fetched and planned.
	Planning bool
	// Calls are calls in progress, in the order in which they began. More is how
	// many more there are.
	Calls []CallName
	More  int
}

// CallName names a call of a run.
type CallName struct {
	ID               string
	RunNumber        int64
	Module, Function string
	// Agent is the name of the agent that makes it, and Since since when; both are
	// empty for one that waits.
	Agent string
	Since time.Time
}

// openCall is a call that has not ended, or whose end is still brought about.
type openCall struct {
	CallName
	number             int64
	repository, runsOn string
	pool, after        string
	serial, blocked    bool
	state              State
	held               bool
	queued             int64
}

const openColumns = `id, number, run_number, repository, module, function, runs_on, pool, serial, blocked, state, holder <> '', agent, queued_at, started_at, after_calls`

// The queries for what is claimed and what waits.
const (
	heldCalls   = `SELECT ` + openColumns + ` FROM calls WHERE holder <> '' LIMIT ?`
	queuedCalls = `SELECT ` + openColumns + ` FROM calls WHERE ended_at = 0 AND state = 'queued' ORDER BY number LIMIT ?`
	heldRuns    = `SELECT ` + runColumns + ` FROM runs WHERE holder <> '' LIMIT ?`
	// By a sum, so that SQLite takes the index of the queue and not the whole table.
	queuedRuns = `SELECT number FROM runs WHERE state = 'queued' AND holder = '' ORDER BY number + 0 LIMIT ?`
	unapproved = `SELECT ` + runColumns + ` FROM runs WHERE state = 'waiting-approval' ORDER BY number LIMIT ?`
	failedRuns = `SELECT ` + runColumns + ` FROM runs WHERE state IN ('failed', 'timed-out', 'invalid') ORDER BY ended_at DESC, number DESC LIMIT ?`
)

// open lists calls that are not over.
func (s *Store) open(ctx context.Context, query string) ([]openCall, error) {
	var (
		c     openCall
		since int64
		all   []openCall
	)
	for _, err := range s.each(ctx, []any{&c.ID, &c.number, &c.RunNumber, &c.repository, &c.Module, &c.Function, &c.runsOn, &c.pool, &c.serial, &c.blocked,
		&c.state, &c.held, &c.Agent, &c.queued, &since, &c.after}, query, readOpen) {
		if err != nil {
			return nil, fmt.Errorf("list open calls: %w", s.failed(err))
		}
		c.Since = fromMicros(since)
		all = append(all, c)
	}
	return all, nil
}

// shown is which runs may be seen of repositories that may be.
func shown(visible func(repository string) bool) func(*Run) bool {
	return func(r *Run) bool { return visible == nil || visible(r.Repository) }
}

// listRuns reads rows of runColumns until there are enough that are wanted; nil stands
// for all of them.
func (s *Store) listRuns(ctx context.Context, wanted func(*Run) bool, enough int, query string, args ...any) ([]Run, error) {
	dest, made := runScan()
	found := []Run{}
	for _, err := range s.each(ctx, dest, query, args...) {
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", s.failed(err))
		}
		if r := made(); wanted == nil || wanted(&r) {
			found = append(found, r)
		}
		if len(found) == enough {
			break
		}
	}
	return found, nil
}

// runsByNumber reads runs by their numbers. Those that have been deleted are not
// there.
func (s *Store) runsByNumber(ctx context.Context, numbers []int64) (map[int64]Run, error) {
	byNumber := make(map[int64]Run, len(numbers))
	if len(numbers) == 0 {
		return byNumber, nil
	}
	args := make([]any, len(numbers))
	for i, n := range numbers {
		args[i] = n
	}
	found, err := s.listRuns(ctx, nil, len(args), `SELECT `+runColumns+` FROM runs WHERE number IN `+places(1, len(args)), args...)
	for _, r := range found {
		byNumber[r.Number] = r
	}
	return byNumber, err
}

// Work returns what is going on, of the repositories that may be seen; nil stands for
// all of them. It reads one entry of an index for each run and call that waits, to
// count them, and some hundreds of rows at most beside that: of what waits for the
// same thing, what has waited longest. What is said is not of one moment, since it
// takes several queries.
func (s *Store) Work(ctx context.Context, visible func(repository string) bool) (Work, error) {
	var (
		w   Work
		l   look
		err error
	)
	if l.held, err = s.open(ctx, heldCalls); err != nil {
		return w, err
	}
	if l.queued, err = s.open(ctx, queuedCalls); err != nil {
		return w, err
	}
	if l.heldRuns, err = s.listRuns(ctx, nil, readOpen, heldRuns, readOpen); err != nil {
		return w, err
	}
	if l.members, err = s.members(ctx); err != nil {
		return w, err
	}
	if w.Running, w.MoreRunning, err = s.running(ctx, &l, visible); err != nil {
		return w, err
	}
	if w.Waiting, w.MoreWaiting, err = s.waiting(ctx, &l, visible); err != nil {
		return w, err
	}
	w.Failed, err = s.listRuns(ctx, shown(visible), shownFailed, failedRuns, reading(visible, shownFailed))
	return w, err
}

// reading is how many rows are read for enough that may be seen.
func reading(visible func(string) bool, enough int) int {
	if visible == nil {
		return enough
	}
	return readOpen
}

// look is what was found to be open.
type look struct {
	held, queued []openCall
	heldRuns     []Run
	members      []member
}

// running are the runs that something is done for.
func (s *Store) running(ctx context.Context, l *look, visible func(string) bool) ([]Busy, int, error) {
	calls := map[int64][]CallName{}
	for _, c := range l.held {
		if c.state == StateRunning && (visible == nil || visible(c.repository)) {
			calls[c.RunNumber] = append(calls[c.RunNumber], c.CallName)
		}
	}
	numbers := make([]int64, 0, len(calls))
	for n := range calls {
		numbers = append(numbers, n)
	}
	planned := map[int64]Run{}
	for _, r := range l.heldRuns {
		if r.State == StateRunning && (visible == nil || visible(r.Repository)) {
			planned[r.Number] = r
			numbers = append(numbers, r.Number)
		}
	}
	slices.SortFunc(numbers, func(a, b int64) int { return cmp.Compare(b, a) })
	numbers = slices.Compact(numbers)
	more := max(0, len(numbers)-shownRuns)
	numbers = numbers[:len(numbers)-more]
	byNumber, err := s.runsByNumber(ctx, numbers)
	if err != nil {
		return nil, 0, err
	}
	list := []Busy{}
	for _, n := range numbers {
		r, found := byNumber[n]
		if !found || r.State.Final() {
			continue // it has ended since
		}
		b := Busy{Run: r, Calls: calls[n]}
		_, b.Planning = planned[n]
		slices.SortFunc(b.Calls, func(a, b CallName) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
		b.More = max(0, len(b.Calls)-shownCalls)
		b.Calls = b.Calls[:len(b.Calls)-b.More]
		list = append(list, b)
	}
	return list, more, nil
}

// count counts rows of repositories that may be seen.
func (s *Store) count(ctx context.Context, from string, visible func(string) bool) (int, error) {
	var (
		repository string
		n, all     int
	)
	query := `SELECT '', count(*) FROM ` + from
	if visible != nil {
		query = `SELECT repository, count(*) FROM ` + from + ` GROUP BY repository`
	}
	for _, err := range s.each(ctx, []any{&repository, &n}, query) {
		if err != nil {
			return 0, fmt.Errorf("count what waits: %w", s.failed(err))
		}
		if visible == nil || visible(repository) {
			all += n
		}
	}
	return all, nil
}
