package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Run is the handling of one event.
type Run struct {
	ID string
	// Number names the run to people. It grows with every run.
	Number int64
	// Event is the id of the run's event.
	Event string
	// Vendor, Name, Filter and Sender are those of the event.
	Vendor, Name, Filter, Sender string
	Repository, Ref              string
	// SHA is the commit: the planned one, and the event's before that.
	SHA string
	// PullRequest is the number of the pull request, or 0.
	PullRequest int
	State       State
	// Reason says why a run is in its state where that is not plain.
	Reason string
	// Attempt counts from 1. Cause says what the attempt is for: event, replay
	// of an event, redelivery, restart.
	Attempt int
	Cause   string
	// Approval says who approved the run and which commit, if anybody had to.
	Approval Approval
	// Plan is the stored plan, empty before there is one and in lists.
	Plan json.RawMessage
	// CreatedAt is the time of the first attempt, the others are of this one.
	// They are zero for what has not happened.
	CreatedAt, QueuedAt, StartedAt, EndedAt time.Time
}

// Attempt is an earlier attempt of a run or call.
type Attempt struct {
	Number int
	State  State
	Reason string
	// Cause is why a run was tried, empty for calls. Agent is the name of the
	// agent that made a call, empty for runs.
	Cause, Agent string
	// Data is the plan of a run, the result of a call.
	Data                         json.RawMessage
	QueuedAt, StartedAt, EndedAt time.Time
	// LogSize is the length in bytes of a call's log; LogCut says that there
	// was more.
	LogSize int64
	LogCut  bool
	// LogGone says that the log has been deleted to make room.
	LogGone bool
}

const runColumns = `id, number, event, vendor, name, filter, sender, repository, ref, sha, pull_request, state, reason, attempt, cause, approval,
	created_at, queued_at, started_at, ended_at`

// runScan returns where to scan runColumns to, and what turns it into a Run.
func runScan() ([]any, func() Run) {
	var (
		r                               Run
		approval                        string
		created, queued, started, ended int64
	)
	return []any{&r.ID, &r.Number, &r.Event, &r.Vendor, &r.Name, &r.Filter, &r.Sender, &r.Repository, &r.Ref, &r.SHA, &r.PullRequest,
			&r.State, &r.Reason, &r.Attempt, &r.Cause, &approval, &created, &queued, &started, &ended}, func() Run {
			r := r
			r.Approval = parseApproval(approval)
			r.CreatedAt, r.QueuedAt, r.StartedAt, r.EndedAt = fromMicros(created), fromMicros(queued), fromMicros(started), fromMicros(ended)
			return r
		}
}

// Run returns a run with its plan, or [ErrNotFound].
func (s *Store) Run(ctx context.Context, id string) (Run, error) {
	return s.run(ctx, "id = ?", id)
}

// RunByNumber is [Store.Run] by the run's number.
func (s *Store) RunByNumber(ctx context.Context, number int64) (Run, error) {
	return s.run(ctx, "number = ?", number)
}

func (s *Store) run(ctx context.Context, which string, value any) (Run, error) {
	dest, made := runScan()
	var plan string
	if err := s.get(ctx, append(dest, &plan), `SELECT `+runColumns+`, plan FROM runs WHERE `+which, value); err != nil {
		return Run{}, fmt.Errorf("read run %v: %w", value, err)
	}
	r := made()
	r.Plan = json.RawMessage(plan)
	return r, nil
}

// RunFilter selects runs. Zero values select all.
type RunFilter struct {
	Event, Repository, Ref string
	// Name is the name of the event, such as push.
	Name string
	// Function is that of a call in the run's plan.
	Function    string
	PullRequest int
	// Sender is the login of who caused the event.
	Sender string
	State  State
	// Since and Until bound the time at which the run was made.
	Since, Until time.Time
	// Before is a run's number: only older runs are listed, for the next page
	// of a list.
	Before int64
	// Limit is how many runs are listed at most; 100 by default.
	Limit int
}

// Runs lists runs without their plans, the latest first.
func (s *Store) Runs(ctx context.Context, f RunFilter) ([]Run, error) {
	list := newest{number: "number", before: f.Before}
	if f.Repository != "" {
		list.columns, list.values = []string{"repository"}, []any{key(f.Repository)}
	}
	if f.Repository != "" && f.PullRequest != 0 {
		list.columns, list.values = append(list.columns, "pull_request"), append(list.values, f.PullRequest)
	}
	which, args := list.where()
	where := []string{which}
	add := func(given bool, condition string, value any) {
		if given {
			where, args = append(where, condition), append(args, value)
		}
	}
	add(f.Event != "", "event = ?", f.Event)
	add(f.Ref != "", "ref = ?", clean(f.Ref))
	add(f.Name != "", "name = ?", key(f.Name))
	add(f.Function != "", "EXISTS (SELECT 1 FROM calls WHERE calls.run = runs.id AND calls.planned = 1 AND calls.function = ?)", key(f.Function))
	add(!f.Since.IsZero(), "created_at >= ?", micros(f.Since))
	add(!f.Until.IsZero(), "created_at < ?", micros(f.Until))
	add(f.PullRequest != 0, "pull_request <> 0 AND pull_request = ?", f.PullRequest)
	add(f.Sender != "", "sender = ?", clean(f.Sender))
	add(f.State != "", "state = ?", string(f.State))
	if f.Limit == 0 {
		f.Limit = 100
	}
	dest, made := runScan()
	runs := []Run{}
	for _, err := range s.each(ctx, dest, `SELECT `+runColumns+` FROM runs WHERE `+strings.Join(where, " AND ")+
		` ORDER BY `+list.order()+` LIMIT ?`, append(args, f.Limit)...) {
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", s.failed(err))
		}
		runs = append(runs, made())
	}
	return runs, nil
}

// Pushed reports whether a push of a branch or tag of the repository to the commit
// was received, and is kept.
func (s *Store) Pushed(ctx context.Context, repository, sha string) (bool, error) {
	var found int
	err := s.get(ctx, []any{&found}, `SELECT count(*) FROM (SELECT 1 FROM runs WHERE repository = ? AND sha = ? AND name IN ('push', 'tag') LIMIT 1) AS pushes`,
		key(repository), clean(sha))
	if err != nil {
		return false, fmt.Errorf("find a push of %s: %w", sha, err)
	}
	return found > 0, nil
}

// RunAttempts returns the earlier attempts of a run, the first one first.
func (s *Store) RunAttempts(ctx context.Context, id string) ([]Attempt, error) {
	return s.attempts(ctx, `SELECT attempt, state, reason, cause, '', plan, queued_at, started_at, ended_at, 0, 0, 0
		FROM run_attempts WHERE run = ? ORDER BY attempt`, id)
}

// CallAttempts returns the earlier attempts of a call, the first one first.
func (s *Store) CallAttempts(ctx context.Context, id string) ([]Attempt, error) {
	return s.attempts(ctx, `SELECT attempt, state, reason, '', agent, result, queued_at, started_at, ended_at, log_size, log_cut, CASE WHEN log_gone = 0 THEN 0 ELSE 1 END
		FROM call_attempts WHERE call = ? ORDER BY attempt`, id)
}

func (s *Store) attempts(ctx context.Context, query, id string) ([]Attempt, error) {
	var (
		a                      Attempt
		data                   string
		queued, started, ended int64
	)
	attempts := []Attempt{}
	for _, err := range s.each(ctx, []any{&a.Number, &a.State, &a.Reason, &a.Cause, &a.Agent, &data, &queued, &started, &ended,
		&a.LogSize, &a.LogCut, &a.LogGone}, query, id) {
		if err != nil {
			return nil, fmt.Errorf("list attempts of %s: %w", id, s.failed(err))
		}
		a.Data = json.RawMessage(data)
		a.QueuedAt, a.StartedAt, a.EndedAt = fromMicros(queued), fromMicros(started), fromMicros(ended)
		attempts = append(attempts, a)
	}
	return attempts, nil
}

// runRow is a run as a transaction has locked it.
type runRow struct {
	id, event, repository, holder string
	number                        int64
	state                         State
	attempt                       int
	planned                       bool
}

// lockRun reads a run and keeps other transactions from changing it or its
// calls. The error is [ErrNotFound] if there is none.
func lockRun(t *tx, where string, args ...any) (*runRow, error) {
	var r runRow
	err := t.get([]any{&r.id, &r.event, &r.repository, &r.holder, &r.number, &r.state, &r.attempt, &r.planned},
		`SELECT id, event, repository, holder, number, state, attempt, plan <> '' FROM runs WHERE `+where+` ORDER BY number LIMIT 1`+t.d.forUpdate, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	return &r, err
}

// setRun changes a run's state, which must allow it. Further assignments may
// be given.
func setRun(t *tx, r *runRow, doing string, to State, set string, args ...any) error {
	n, err := t.exec(`UPDATE runs SET state = ?`+set+` WHERE id = ? AND `+runTransitions.to(to),
		append(append([]any{string(to)}, args...), r.id)...)
	if err != nil {
		return err
	}
	if n != 1 {
		return &StateError{Doing: doing, ID: r.id, State: r.state}
	}
	r.state = to
	t.ring(TopicRun(r.id))
	return nil
}
