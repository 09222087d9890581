package store

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/franela/pocketci/events"
)

// insertCalls stores the calls of a plan. Those that an earlier plan of the run
// had too keep their id and go on with their next attempt.
func (s *Store) insertCalls(t *tx, r *runRow, calls []NewCall, pools []string, superseded []int64) error {
	var id, module, function string
	known := map[[2]string]string{}
	for _, err := range t.each([]any{&id, &module, &function}, `SELECT id, module, function FROM calls WHERE run = ?`, r.id) {
		if err != nil {
			return err
		}
		known[[2]string{module, function}] = id
	}
	ids := make([]string, len(calls))
	for i, call := range calls {
		if ids[i] = known[[2]string{key(call.Module), key(call.Function)}]; ids[i] == "" {
			ids[i] = events.NewID()
		}
	}
	const columns, chunk = 19, 100
	now := s.now()
	for from := 0; from < len(calls); from += chunk {
		part := calls[from:min(from+chunk, len(calls))]
		args := make([]any, 0, columns*len(part))
		for i, call := range part {
			i += from
			waits := make([]after, 0, len(call.After)+len(call.AfterSkipped))
			for _, before := range call.After {
				waits = append(waits, after{id: ids[before]})
			}
			for _, before := range call.AfterSkipped {
				waits = append(waits, after{id: ids[before], orSkipped: true})
			}
			afterJSON, err := json.Marshal(waits)
			if err != nil {
				return err
			}
			state, reason, ended := StateQueued, "", int64(0)
			switch {
			case call.Invalid != "":
				state, reason, ended = StateInvalid, call.Invalid, now
			case superseded[i] != 0:
				state, reason, ended = StateAborted, fmt.Sprintf("superseded by run %d", superseded[i]), now
			}
			args = append(args, ids[i], r.id, r.number, r.repository, i, 1, key(call.Module), key(call.Function), string(call.Spec),
				string(afterJSON), key(call.RunsOn), pools[i], bit(!call.Cancel), bit(len(waits) > 0), string(state), clean(reason), 1, now, ended)
		}
		n, err := t.exec(`INSERT INTO calls (id, run, run_number, repository, position, planned, module, function, spec, after_calls,
			runs_on, pool, serial, blocked, state, reason, attempt, queued_at, ended_at)
			VALUES `+places(len(part), columns)+`
			ON CONFLICT (run, module, function) DO UPDATE SET position = excluded.position, planned = 1, spec = excluded.spec,
			after_calls = excluded.after_calls, runs_on = excluded.runs_on, pool = excluded.pool, serial = excluded.serial,
			blocked = excluded.blocked, state = excluded.state, reason = excluded.reason, queued_at = excluded.queued_at,
			ended_at = excluded.ended_at, lost = 0
			WHERE calls.planned = 0 AND calls.state = 'skipped'`, args...)
		if err != nil {
			return err
		}
		if n != int64(len(part)) {
			return fmt.Errorf("%d of %d calls could not be stored, since the run has them already", int64(len(part))-n, len(part))
		}
	}
	return nil
}

// supersede ends the calls of older runs that the new calls take the place of.
// It returns for each new call the number of a newer run that has taken its
// place already, or 0.
func (s *Store) supersede(t *tx, r *runRow, calls []NewCall, pools []string) ([]int64, error) {
	superseded := make([]int64, len(calls))
	cancels, newest := map[string][]int{}, map[string]bool{}
	var wanted []any
	for i, call := range calls {
		if pools[i] == "" || !call.Cancel && !call.Newest || call.Invalid != "" {
			continue
		}
		newest[pools[i]] = newest[pools[i]] || call.Newest
		if cancels[pools[i]] == nil {
			wanted = append(wanted, pools[i])
		}
		cancels[pools[i]] = append(cancels[pools[i]], i)
	}
	const chunk = 500
	older := map[string]bool{}
	for from := 0; from < len(wanted); from += chunk {
		part := wanted[from:min(from+chunk, len(wanted))]
		var (
			run, pool string
			number    int64
			state     State
		)
		for _, err := range t.each([]any{&run, &number, &pool, &state}, `SELECT run, run_number, pool, state FROM calls WHERE pool <> '' AND pool IN `+
			places(1, len(part))+` AND run <> ? AND (run_number > ? OR state IN ('queued', 'running'))`, append(part[:len(part):len(part)], r.id, r.number)...) {
			if err != nil {
				return nil, err
			}
			if newest[pool] && state.Final() {
				continue // it does not stand in the way any more
			}
			if number < r.number {
				older[run] = true
				continue
			}
			for _, i := range cancels[pool] {
				superseded[i] = max(superseded[i], number)
			}
		}
	}
	reason := fmt.Sprintf("superseded by run %d", r.number)
	// Newer before older, as everywhere.
	locked, err := lockRuns(t, older)
	if err != nil {
		return nil, err
	}
	for _, other := range locked {
		for from := 0; from < len(wanted); from += chunk {
			part, err := endable(t, other.id, wanted[from:min(from+chunk, len(wanted))], newest)
			if err != nil {
				return nil, err
			}
			if len(part) == 0 {
				continue
			}
			if _, err := s.abortCalls(t, `run = ? AND pool IN `+places(1, len(part)), reason, append([]any{other.id}, part...)...); err != nil {
				return nil, err
			}
		}
		if err := s.settle(t, other); err != nil {
			return nil, err
		}
	}
	return superseded, nil
}

// endable are those pools whose calls of an older run may be ended: not of a pool
// whose newest run waits for those that have begun, if this one has.
func endable(t *tx, run string, pools []any, newest map[string]bool) ([]any, error) {
	var list []any
	for _, pool := range pools {
		begun := 0
		if name, _ := pool.(string); newest[name] {
			if err := t.get([]any{&begun}, `SELECT count(*) FROM calls WHERE run = ? AND pool = ? AND planned = 1 AND state <> 'queued'`, run, pool); err != nil {
				return nil, err
			}
		}
		if begun == 0 {
			list = append(list, pool)
		}
	}
	return list, nil
}

// lockRuns locks several runs, the newest first, so that transactions that do
// so never wait for each other in a circle.
func lockRuns(t *tx, ids map[string]bool) ([]*runRow, error) {
	var runs []*runRow
	for id := range ids {
		var number int64
		if err := t.get([]any{&number}, `SELECT number FROM runs WHERE id = ?`, id); err != nil {
			return nil, err
		}
		runs = append(runs, &runRow{id: id, number: number})
	}
	slices.SortFunc(runs, func(a, b *runRow) int { return cmp.Compare(b.number, a.number) })
	for i, r := range runs {
		var err error
		if runs[i], err = lockRun(t, `id = ?`, r.id); err != nil {
			return nil, err
		}
	}
	return runs, nil
}
