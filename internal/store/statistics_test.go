package store_test

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/store"
)

func TestStatistics(t *testing.T) {
	const day = 24 * time.Hour
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		a := join(t, s, "a")
		// call makes the only call there is last for a time, and end so.
		call := func(took time.Duration, state store.State) string {
			t.Helper()
			claim, call := claimCall(t, a)
			c.set(took)
			finish(t, a, claim, state)
			return call.ID
		}
		n := 0
		run := func(repository, function string) string {
			t.Helper()
			n++
			r := accept(t, s, push(repository, fmt.Sprint(n)))
			plan(t, a, planOf(function))
			return r.Run
		}
		run("r", "old")
		call(time.Second, store.StateSucceeded)
		c.set(20 * day)
		// Ten attempts of 1 to 10 s, of which the seventh failed and the eighth
		// timed out. The ninth and tenth were restarts.
		var last string
		for i := 1; i <= 8; i++ {
			last = run("r", "test")
			state := store.StateSucceeded
			switch i {
			case 7:
				state = store.StateFailed
			case 8:
				state = store.StateTimedOut
			}
			call(time.Duration(i)*time.Second, state)
		}
		var id string
		for i := 9; i <= 10; i++ {
			restart(t, s, last, store.RestartAll)
			id = call(time.Duration(i)*time.Second, store.StateSucceeded)
		}
		// What was aborted says nothing, what is running not yet.
		aborted := run("q", "aborted")
		abort(t, s, aborted)
		abortedCalls, err := s.Calls(t.Context(), aborted)
		if err != nil {
			t.Fatal(err)
		}
		c.set(15 * day)
		run("r", "lint")
		lint := call(3*time.Second, store.StateFailed)
		run("q", "test")
		_, running := claimCall(t, a)
		all := []store.FunctionStatistics{
			{Repository: "q", Module: "ci", Function: "aborted", LastCall: abortedCalls[0].ID, LastState: store.StateAborted},
			{Repository: "q", Module: "ci", Function: "test", LastCall: running.ID, LastState: store.StateRunning},
			{Repository: "r", Module: "ci", Function: "lint", LastCall: lint, LastState: store.StateFailed,
				Days7:  store.Statistics{Calls: 1, P50: 3 * time.Second, P90: 3 * time.Second},
				Days30: store.Statistics{Calls: 1, P50: 3 * time.Second, P90: 3 * time.Second}},
			{Repository: "r", Module: "ci", Function: "old", LastState: store.StateSucceeded},
			{Repository: "r", Module: "ci", Function: "test", LastCall: id, LastState: store.StateSucceeded,
				Days30: store.Statistics{Calls: 10, Succeeded: 8, P50: 5 * time.Second, P90: 9 * time.Second}},
		}
		for repository, want := range map[string][]store.FunctionStatistics{"": all, "q": all[:2], "r": all[2:], "nothing": {}} {
			got, err := s.FunctionStatistics(t.Context(), repository)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if got[i].Function == "old" {
					got[i].LastCall = ""
				}
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("of %q: %s", repository, diff)
			}
		}
	})
}

// many puts rows into a database as if calls had been made, the oldest first:
// runs of 20 repositories with one call each, of 10 functions, one in the given
// time, every third of which was restarted. All but the last 20 have ended.
func many(t testing.TB, o store.Options, n int, every time.Duration, now time.Time) *sql.DB {
	t.Helper()
	db := raw(t, o)
	numbers := fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, n)
	end := now.UnixMicro()
	// It takes i % 97 seconds.
	ended := fmt.Sprintf(`CASE WHEN i > %d THEN 0 ELSE %d - (%d - i) * %d END`, n-20, end, n, every.Microseconds())
	started := fmt.Sprintf(`%d - (%d - i) * %d - (i %% 97) * 1000000`, end, n, every.Microseconds())
	state := fmt.Sprintf(`CASE WHEN i > %d THEN 'running' WHEN i %% 7 = 0 THEN 'failed' WHEN i %% 11 = 0 THEN 'aborted' ELSE 'succeeded' END`, n-20)
	for _, statement := range []string{
		`INSERT INTO events (id, hook, delivery, vendor, name, filter, repository, ref, received_at, original, fields, payload)
			SELECT 'e' || i, 'h', 'd' || i, 'github', 'push', 'main', 'r' || (i % 20), 'refs/heads/main', ` + started + `, '', '{}', '' FROM n`,
		`INSERT INTO runs (id, event, vendor, name, filter, sender, repository, ref, sha, pull_request, state, reason, attempt, cause,
			created_at, queued_at, started_at, ended_at) SELECT 'r' || i, 'e' || i, 'github', 'push', 'main', '', 'r' || (i % 20), '', '', 0, ` + state + `,
			'', 1, 'event', ` + started + `, ` + started + `, ` + started + `, ` + ended + ` FROM n`,
		`INSERT INTO calls (id, run, run_number, repository, position, planned, module, function, spec, after_calls, runs_on, pool, serial,
			blocked, state, reason, attempt, queued_at, started_at, ended_at) SELECT 'c' || i, 'r' || i, i, 'r' || (i % 20), 0, 1, 'ci', 'f' || (i / 20 % 10),
			'', '[]', '', '', 0, 0, ` + state + `, '', CASE WHEN i % 3 = 0 THEN 2 ELSE 1 END, ` + started + `, ` + started + `, ` + ended + ` FROM n`,
		`INSERT INTO call_attempts (call, attempt, repository, module, function, state, reason, agent, result, queued_at, started_at, ended_at,
			log_size, log_cut, log_gone) SELECT 'c' || i, 1, 'r' || (i % 20), 'ci', 'f' || (i / 20 % 10), 'failed', '', '', '', ` + started + `, ` +
			started + `, ` + started + ` + 1000000, 0, 0, 0 FROM n WHERE i % 3 = 0`,
	} {
		if o.DSN == "" {
			statement = strings.Replace(statement, `'{}', ''`, `'{}', x''`, 1)
		}
		insert, query, _ := strings.Cut(statement, "SELECT")
		if _, err := db.ExecContext(t.Context(), insert+numbers+"SELECT"+query); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"events", "runs", "calls", "call_attempts"} {
		if o.DSN == "" {
			continue // there are no statistics as a rule
		}
		if _, err := db.ExecContext(t.Context(), "VACUUM ANALYZE "+table); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// attempt is one of those that many has made.
type attempt struct {
	function  string
	succeeded bool
	ended     time.Time
	took      time.Duration
}

// reckon is what the statistics are of them, in the plainest way.
func reckon(attempts []attempt, since time.Time) store.Statistics {
	var s store.Statistics
	var took []time.Duration
	for _, a := range attempts {
		if a.ended.Before(since) {
			continue
		}
		if s.Calls++; a.succeeded {
			s.Succeeded++
		}
		took = append(took, a.took)
	}
	if len(took) == 0 {
		return s
	}
	slices.Sort(took)
	rank := func(percent int) time.Duration { return took[(len(took)*percent+99)/100-1] }
	s.P50, s.P90 = rank(50), rank(90)
	return s
}

func TestStatisticsOfThousands(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		const n = 6000
		c := newClock()
		o.Clock = c
		s := open(t, o)
		many(t, o, n, 10*time.Minute, c.Now())
		byFunction := map[string][]attempt{}
		for i := 1; i <= n-20; i++ {
			if i%20 != 3 {
				continue
			}
			end := c.Now().Add(-time.Duration(n-i) * 10 * time.Minute)
			f := fmt.Sprint("f", i/20%10)
			took := time.Duration(i%97) * time.Second
			if failed := i%7 == 0; failed || i%11 != 0 {
				byFunction[f] = append(byFunction[f], attempt{f, !failed, end, took})
			}
			if i%3 == 0 {
				byFunction[f] = append(byFunction[f], attempt{f, false, end.Add(time.Second - took), time.Second})
			}
		}
		got, err := s.FunctionStatistics(t.Context(), "r3")
		if err != nil || len(got) != 10 {
			t.Fatalf("there are %d functions (%v)", len(got), err)
		}
		for _, f := range got {
			attempts := byFunction[f.Function]
			if diff := gocmp.Diff(reckon(attempts, c.Now().AddDate(0, 0, -7)), f.Days7); diff != "" {
				t.Errorf("7 days of %s: %s", f.Function, diff)
			}
			if diff := gocmp.Diff(reckon(attempts, c.Now().AddDate(0, 0, -30)), f.Days30); diff != "" {
				t.Errorf("30 days of %s: %s", f.Function, diff)
			}
		}
		all, err := s.FunctionStatistics(t.Context(), "")
		if err != nil || len(all) != 200 || !slices.IsSortedFunc(all, func(a, b store.FunctionStatistics) int {
			return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Function, b.Function))
		}) {
			t.Errorf("of all repositories there are %d functions (%v)", len(all), err)
		}
	})
}

func TestQueriesUseTheirIndexes(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		n := 2000
		if o.DSN != "" {
			n = 30_000 // fewer are not worth an index
		}
		db := many(t, o, n, 10*time.Minute, c.Now())
		queries := s.Queries()
		since := c.Now().AddDate(0, 0, -7).UnixMicro()
		for name, want := range map[string]struct {
			args    []any
			indexes []string
			// listed says that the index has the rows in their order.
			listed bool
		}{
			"statistics":                     {[]any{"r3", since, 100}, []string{"calls_statistics"}, true},
			"statistics of earlier attempts": {[]any{"r3", since, 100}, []string{"call_attempts_statistics"}, true},
			"functions":                      {[]any{"r3", "r3", "r3"}, []string{"calls_function"}, false},
			"called repositories":            {nil, []string{"calls_"}, false},
			"repositories":                   {nil, []string{"runs_repository", "events_repository"}, false},
			"waiting runs":                   {nil, []string{"runs_queue"}, false},
			"running runs":                   {nil, []string{"runs_running"}, false},
			"open calls":                     {nil, []string{"calls_open"}, false},
			"held calls":                     {[]any{100}, []string{"calls_holder"}, false},
			"queued calls":                   {[]any{100}, []string{"calls_open"}, true},
			"held runs":                      {[]any{100}, []string{"runs_holder"}, false},
			"queued runs":                    {[]any{100}, []string{"runs_queue"}, false},
			"unapproved runs":                {[]any{100}, []string{"runs_waiting"}, true},
			"failed runs":                    {[]any{100}, []string{"runs_failed"}, true},
			"latest runs":                    {nil, []string{"runs_repository"}, false},
			"runs of a branch":               {[]any{"r3", "refs/heads/main", "r3", "refs/heads/main", 1}, []string{"runs_branch"}, true},
			"events of one":                  {[]any{"r3", "r3"}, []string{"events_repository"}, true},
			"events that follow":             {[]any{"e3", "e3"}, []string{"events_cause"}, true},
			"replays of one":                 {[]any{"e3", "e3"}, []string{"events_original"}, true},
			"runs of one":                    {[]any{"r3", "r3", 1500}, []string{"runs_repository"}, true},
			"calls of one":                   {[]any{"r3", "r3", 1500}, []string{"calls_repository"}, true},
			"calls of a function":            {[]any{"r3", "ci", "f3", "r3", "ci", "f3", 1500}, []string{"calls_function"}, true},
		} {
			explain := "EXPLAIN "
			if o.DSN == "" {
				explain = "EXPLAIN QUERY PLAN "
			}
			rows, err := db.QueryContext(t.Context(), explain+queries[name], want.args...)
			if err != nil {
				t.Fatal(name, err)
			}
			var plan []string
			for rows.Next() {
				var line string
				var ignored int
				dest := []any{&line}
				if o.DSN == "" {
					dest = []any{&ignored, &ignored, &ignored, &line}
				}
				if err := rows.Scan(dest...); err != nil {
					t.Fatal(err)
				}
				plan = append(plan, line)
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
			text := strings.Join(plan, "\n")
			for _, index := range want.indexes {
				if !strings.Contains(text, index) {
					t.Errorf("%s does not use %s:\n%s", name, index, text)
				}
			}
			if want.listed && (strings.Contains(text, "USE TEMP B-TREE") || strings.Contains(text, "Sort")) {
				t.Errorf("%s sorts:\n%s", name, text)
			}
			for _, table := range []string{"calls", "runs", "events", "call_attempts"} {
				for _, line := range plan {
					if line = strings.TrimSpace(line); line == "SCAN "+table || strings.HasPrefix(line, "SCAN c ") || strings.Contains(line, "Seq Scan on "+table) {
						t.Errorf("%s reads all of %s:\n%s", name, table, text)
					}
				}
			}
		}
	})
}
