package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Claim is the right of one agent to work on a run or call. It ends when the
// work is reported, and when the agent is lost.
type Claim struct {
	// Run is the id of the run; Call that of the call, empty if the run is to
	// be planned.
	Run, Call string
	// Attempt is the attempt of the run or call.
	Attempt int
	// token grows with each claim of the same run or call.
	token int64
}

// Limits are how much may be claimed at a time. Zero stands for no limit.
type Limits struct {
	// Agent is how many claims of the kind the agent may hold.
	Agent int
	// Repository is how many claims of the kind all agents together may hold
	// for one repository.
	Repository int
	// Labels are those of the runners that calls may be made on here. Calls
	// that ask for another one are left to other agents.
	Labels []string
}

// queue is one of the two kinds of work.
type queue struct {
	table string
	// waiting is the condition of the index that the waiting rows are found
	// with.
	waiting string
	// may is a further condition under which a row q may be claimed.
	may string
}

var (
	runQueue  = queue{table: "runs", waiting: `state = 'queued' AND holder = ''`}
	callQueue = queue{table: "calls", waiting: `state = 'queued' AND holder = '' AND blocked = 0`,
		// A call of a serial pool waits for the pool's claimed calls, and
		// lets older ones of other runs go first.
		may: ` AND (q.pool = '' OR NOT EXISTS (SELECT 1 FROM calls AS o WHERE o.pool = q.pool AND o.pool <> '' AND o.id <> q.id
			AND (o.holder <> '' OR (q.serial = 1 AND o.state = 'queued' AND o.run_number < q.run_number))))`}
)

// ClaimRun claims a run that is to be planned; the caller answers it with
// [Agent.Planned], [Agent.Unplanned] or [Agent.Return]. It returns [ErrNoWork]
// if there is none, and [ErrLost].
//
// Repositories are served in turn, those first that have the least claimed; a
// repository's own runs are served in the order of their numbers. Times of day
// say nothing about that: a clock that is set back would have new runs go first.
func (a *Agent) ClaimRun(ctx context.Context, l Limits) (Claim, Run, error) {
	l.Labels = nil
	c, err := a.claim(ctx, runQueue, l)
	if err != nil {
		return Claim{}, Run{}, err
	}
	r, err := a.store.Run(ctx, c.Run)
	return c, r, err
}

// ClaimCall claims a call that is to be made; the caller answers it with
// [Agent.Finish] or [Agent.Return]. Otherwise it is like [Agent.ClaimRun]. A
// call that may not be made at the moment keeps none from being made that are
// behind it.
func (a *Agent) ClaimCall(ctx context.Context, l Limits) (Claim, Call, error) {
	c, err := a.claim(ctx, callQueue, l)
	if err != nil {
		return Claim{}, Call{}, err
	}
	call, err := a.store.Call(ctx, c.Call)
	return c, call, err
}

func (a *Agent) claim(ctx context.Context, q queue, l Limits) (Claim, error) {
	doing := "claim from " + q.table
	if err := a.check(); err != nil {
		return Claim{}, fmt.Errorf("%s: %w", doing, err)
	}
	a.offers(q, l)
	repositories, err := a.store.candidates(ctx, q, l)
	if err != nil {
		return Claim{}, fmt.Errorf("%s: %w", doing, err)
	}
	for _, repository := range repositories {
		var c Claim
		err := a.store.change(ctx, "claim", doing, func(t *tx) (err error) {
			c, err = a.claimFrom(t, q, repository, l)
			return err
		})
		if !errors.Is(err, ErrNoWork) {
			return c, err
		}
	}
	return Claim{}, ErrNoWork
}

// candidates returns the repositories that have work waiting, in the order in
// which they are to be served.
func (s *Store) candidates(ctx context.Context, q queue, l Limits) ([]string, error) {
	type candidate struct {
		repository    string
		claimed       int
		turn, waiting int64
	}
	var (
		c     candidate
		found []candidate
	)
	// The waiting rows may be many; the index is skipped through from one
	// repository to the next.
	query := strings.NewReplacer("QUEUE", q.table, "WAITING", q.waiting).Replace(`
		WITH RECURSIVE names (name) AS (
			SELECT min(repository) FROM QUEUE WHERE WAITING
			UNION ALL
			SELECT (SELECT min(repository) FROM QUEUE WHERE WAITING AND repository > names.name)
			FROM names WHERE names.name IS NOT NULL
		)
		SELECT name,
			(SELECT count(*) FROM QUEUE WHERE holder <> '' AND repository = names.name),
			COALESCE((SELECT turn FROM turns WHERE queue = 'QUEUE' AND repository = names.name), 0),
			COALESCE((SELECT min(number) FROM QUEUE WHERE WAITING AND repository = names.name), 0)
		FROM names WHERE name IS NOT NULL`)
	for _, err := range s.each(ctx, []any{&c.repository, &c.claimed, &c.turn, &c.waiting}, query) {
		if err != nil {
			return nil, s.failed(err)
		}
		if l.Repository == 0 || c.claimed < l.Repository {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.claimed, b.claimed), cmp.Compare(a.turn, b.turn), cmp.Compare(a.waiting, b.waiting))
	})
	names := make([]string, len(found))
	for i, c := range found {
		names[i] = c.repository
	}
	return names, nil
}

// claimFrom claims the first of a repository's waiting rows that may be.
func (a *Agent) claimFrom(t *tx, q queue, repository string, l Limits) (Claim, error) {
	if err := lockRepository(t, q.table, repository); err != nil {
		return Claim{}, err
	}
	if err := a.present(t); err != nil {
		return Claim{}, err
	}
	for _, limit := range []struct {
		most  int
		where string
		value string
	}{
		{l.Agent, `holder = ? AND holder <> ''`, a.id},
		{l.Repository, `holder <> '' AND repository = ?`, repository},
	} {
		if limit.most == 0 {
			continue
		}
		var claimed int
		if err := t.get([]any{&claimed}, `SELECT count(*) FROM `+q.table+` WHERE `+limit.where, limit.value); err != nil {
			return Claim{}, err
		}
		if claimed >= limit.most {
			return Claim{}, ErrNoWork
		}
	}
	args := []any{repository}
	runsOn := ""
	if q.table == callQueue.table {
		runsOn = ` AND q.runs_on IN ` + places(1, 1+len(l.Labels))
		args = append(args, "")
		for _, label := range l.Labels {
			args = append(args, label)
		}
	}
	waiting := "q." + strings.ReplaceAll(q.waiting, " AND ", " AND q.")
	var id string
	err := t.get([]any{&id}, `SELECT q.id FROM `+q.table+` AS q WHERE `+waiting+` AND q.repository = ?`+runsOn+q.may+
		` ORDER BY q.number LIMIT 1`+t.d.skipLocked, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return Claim{}, ErrNoWork
	}
	if err != nil {
		return Claim{}, err
	}
	if _, err := t.exec(`UPDATE turns SET turn = (SELECT max(turn) FROM turns WHERE queue = ?) + 1 WHERE queue = ? AND repository = ?`,
		q.table, q.table, repository); err != nil {
		return Claim{}, err
	}
	c := Claim{Run: id}
	now := a.store.now()
	if q.table == runQueue.table {
		err = t.get([]any{&c.Attempt, &c.token}, `UPDATE runs SET state = 'running', holder = ?, token = token + 1, started_at = ?
			WHERE id = ? AND `+runTransitions.to(StateRunning)+` AND state = 'queued' RETURNING attempt, token`, a.id, now, id)
		t.ring(TopicRun(id))
		return c, err
	}
	c.Call = id
	err = t.get([]any{&c.Run, &c.Attempt, &c.token}, `UPDATE calls SET state = 'running', holder = ?, token = token + 1, agent = ?, started_at = ?
		WHERE id = ? AND `+callTransitions.to(StateRunning)+` RETURNING run, attempt, token`, a.id, a.name, now, id)
	t.ring(TopicRun(c.Run))
	return c, err
}

// lockRepository makes the transactions of a repository and queue follow one
// another, so that what they count holds until they end.
func lockRepository(t *tx, queue, repository string) error {
	if _, err := t.exec(`INSERT INTO turns (queue, repository, turn) VALUES (?, ?, 0) ON CONFLICT DO NOTHING`, queue, repository); err != nil {
		return err
	}
	var turn int64
	return t.get([]any{&turn}, `SELECT turn FROM turns WHERE queue = ? AND repository = ?`+t.d.forUpdate, queue, repository)
}
