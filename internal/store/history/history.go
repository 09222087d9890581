// Package history fills a database with runs as if they had happened, for what measures
// or shows many of them: making them one by one takes minutes.
package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/store"
)

const (
	// Repositories is how many repositories there are, if there are as many runs.
	Repositories = 40
	// Running is how many of the latest runs have calls in progress, Waiting how many
	// before them wait for a runner, and Held how many before those for an approval.
	Running, Waiting, Held = 50, 30, 30
)

// Fill adds n runs with three calls each to a database that a store has open, the latest
// now: one in ten minutes, of repositories in turns, pushes to several branches and pull
// requests, of which some failed. The calls in progress are those of an agent that is at
// work, until others have not heard of it for too long.
func Fill(ctx context.Context, o store.Options, n int, now time.Time) (err error) {
	driver, dsn := "sqlite", "file:"+filepath.Join(o.DataDir, store.FileName)+"?_pragma=busy_timeout(5000)"
	if o.DSN != "" {
		driver, dsn = "pgx", o.DSN
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return fmt.Errorf("fill the database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, statement := range statements(n, now, o.DSN == "") {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("fill the database: %w", err)
		}
	}
	return nil
}

// statements write the rows, all of which are made from their number i, from 1.
func statements(n int, now time.Time, sqlite bool) []string {
	const minute = int64(time.Minute / time.Microsecond)
	end := now.UnixMicro()
	running := fmt.Sprint(n - Running)
	waiting := fmt.Sprint(n - Running - Waiting)
	held := fmt.Sprint(n - Running - Waiting - Held)
	names := strings.NewReplacer(
		"REPOSITORY", fmt.Sprintf(`'franela/service-' || (i %% %d) || '-of-the-shop'`, Repositories),
		"CREATED", fmt.Sprintf(`(%d - (%d - i) * %d)`, end, n, 10*minute),
		"ENDED", fmt.Sprintf(`CASE WHEN i > %s THEN 0 ELSE %d - (%d - i) * %d + (20 + i %% 397) * 1000000 END`, held, end, n, 10*minute),
		"STARTED", fmt.Sprintf(`CASE WHEN i > %s THEN %d - (%d - i) * 7000000 WHEN i > %s THEN 0 ELSE %d - (%d - i) * %d END`, waiting, end, n, held, end, n, 10*minute),
		"REF", `CASE WHEN i % 4 = 0 THEN 'refs/pull/' || i || '/head' WHEN i % 3 = 0 THEN 'refs/heads/feature/mend-the-till-' || i ELSE 'refs/heads/main' END`,
		"NAME", `CASE WHEN i % 4 = 0 THEN 'pull_request' ELSE 'push' END`,
		"FILTER", `CASE WHEN i % 4 = 0 THEN 'synchronize' WHEN i % 3 = 0 THEN 'feature/mend-the-till-' || i ELSE 'main' END`,
		"RUNSTATE", `CASE WHEN i > `+waiting+` THEN 'running' WHEN i > `+held+` THEN 'waiting-approval'
			WHEN i % 9 = 0 THEN 'failed' WHEN i % 23 = 0 THEN 'aborted' WHEN i % 29 = 0 THEN 'skipped' ELSE 'succeeded' END`,
		"REASON", `CASE WHEN i > `+waiting+` THEN '' WHEN i > `+held+` THEN 'it comes from a fork' WHEN i <= `+held+` AND i % 23 = 0
			THEN 'superseded by run ' || (i + 1) ELSE '' END`,
		"CALLSTATE", `CASE WHEN i > `+running+` THEN (CASE WHEN f = 0 THEN 'running' ELSE 'queued' END) WHEN i > `+waiting+` THEN 'queued'
			WHEN i % 9 = 0 AND f = 1 THEN 'failed' WHEN i % 23 = 0 THEN 'aborted' ELSE 'succeeded' END`,
		"RUNSON", `CASE WHEN i > `+waiting+` AND i <= `+running+` THEN 'gpu' ELSE '' END`,
		"HOLDER", `CASE WHEN i > `+running+` AND f = 0 THEN 'history' ELSE '' END`,
		"BLOCKED", `CASE WHEN i > `+running+` AND f = 2 THEN 1 ELSE 0 END`,
		"AFTER", `CASE WHEN f = 2 THEN '["call-' || i || '-0"]' ELSE '[]' END`,
		"FUNCTION", `CASE f WHEN 0 THEN 'testOnGithubPush' WHEN 1 THEN 'lintOnGithubPush' ELSE 'deployOnGithubPushMain' END`,
		"FIELDS", `'{"Vendor":"github","Repository":{"full_name":"franela/shop","default_branch":"main"}}'`,
		"EMPTY", map[bool]string{true: `x''`, false: `''`}[sqlite],
		"NUMBERS", fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %d)`, n),
		"EACHCALL", `(SELECT 0 AS f UNION ALL SELECT 1 UNION ALL SELECT 2) AS functions`,
	)
	list := []string{
		fmt.Sprintf(`INSERT INTO agents (id, name, beat, joined_at, seen_at, offer) VALUES ('history', 'history', 1, %d, %d, '{"calls":50}')`, end, end),
		`INSERT INTO events (id, hook, delivery, vendor, name, filter, repository, ref, received_at, original, fields, payload)
			NUMBERS SELECT 'event-' || i, 'github', 'delivery-' || i, 'github', NAME, FILTER, REPOSITORY, REF, CREATED, '', FIELDS, EMPTY FROM n`,
		`INSERT INTO runs (id, event, vendor, name, filter, sender, repository, ref, sha, pull_request, state, reason, attempt, cause,
			created_at, queued_at, started_at, ended_at)
			NUMBERS SELECT 'run-' || i, 'event-' || i, 'github', NAME, FILTER, 'octocat', REPOSITORY, REF, '4f2c0de9b1a7c3d5e6f708192a3b4c5d6e7f8091',
			CASE WHEN i % 4 = 0 THEN i ELSE 0 END, RUNSTATE, REASON, 1, 'event', CREATED, CREATED, STARTED, ENDED FROM n`,
		`INSERT INTO calls (id, run, run_number, repository, position, planned, module, function, runs_on, pool, serial, blocked, state, reason,
			attempt, agent, queued_at, started_at, ended_at, holder, after_calls, spec)
			NUMBERS SELECT 'call-' || i || '-' || f, 'run-' || i, i, REPOSITORY, f, 1, 'ci', FUNCTION, RUNSON, '', 0, BLOCKED, CALLSTATE, '', 1,
			'history', CREATED, STARTED, ENDED, HOLDER, AFTER, '{}' FROM n CROSS JOIN EACHCALL WHERE i <= ` + held + ` OR i > ` + waiting,
	}
	for i := range list {
		// INSERT … WITH … SELECT is understood by both.
		list[i] = names.Replace(list[i])
	}
	return list
}
