package store

import "context"

import "strings"

// Queries that must use their indexes, in the dialect of the store.
func (s *Store) Queries() map[string]string {
	queries := map[string]string{"statistics": endedAttempts("calls"), "statistics of earlier attempts": endedAttempts("call_attempts"), "repositories": repositories,
		"functions": latestCalls, "called repositories": calledRepositories,
		"waiting runs": `SELECT count(*), min(queued_at) FROM runs WHERE ` + runQueue.waiting,
		"running runs": `SELECT state, count(*) FROM runs WHERE state = 'running' GROUP BY state`,
		"open calls":   `SELECT state, count(*) FROM calls WHERE ended_at = 0 GROUP BY state`,
		"held calls":   heldCalls, "queued calls": queuedCalls, "held runs": heldRuns, "queued runs": queuedRuns,
		"unapproved runs": unapproved, "failed runs": failedRuns, "latest runs": latestRuns,
	}
	for name, list := range map[string]struct {
		table string
		newest
	}{
		"events of one":       {"events", newest{[]string{"repository"}, []any{""}, "seq", 0}},
		"events that follow":  {"events", newest{[]string{"cause"}, []any{""}, "seq", 0}},
		"replays of one":      {"events", newest{[]string{"original"}, []any{""}, "seq", 0}},
		"runs of one":         {"runs", newest{[]string{"repository"}, []any{""}, "number", 1}},
		"calls of one":        {"calls", newest{[]string{"repository"}, []any{""}, "number", 1}},
		"calls of a function": {"calls", newest{[]string{"repository", "module", "function"}, []any{"", "", ""}, "number", 1}},
	} {
		where, _ := list.where()
		if column := list.columns[0]; column == "cause" || column == "original" {
			where += " AND " + column + " <> ''"
		}
		queries[name] = "SELECT id, reason FROM " + list.table + " WHERE " + where + " ORDER BY " + list.order() + " LIMIT 1"
		if list.table == "events" {
			queries[name] = strings.Replace(queries[name], "reason", "fields", 1)
		}
	}
	queries["runs of a branch"], _ = branchRuns(runColumns, "", "")
	for name, query := range queries {
		queries[name] = s.dialect.rebind(query)
	}
	return queries
}

// The tables of transitions, for a test that every state is thought of.
var Transitions = map[string]map[State][]State{"runs": runTransitions, "calls": callTransitions}

// Allows reports whether the condition that a table gives for a state lets a
// row change to it that is in another one.
func Allows(table string, from, to State) bool {
	return strings.Contains(transitions(Transitions[table]).to(to), "'"+string(from)+"'")
}

// Sessions counts those that are stored, ended or not.
func (s *Store) Sessions(ctx context.Context) (n int, err error) {
	return n, s.get(ctx, []any{&n}, `SELECT count(*) FROM sessions`)
}
