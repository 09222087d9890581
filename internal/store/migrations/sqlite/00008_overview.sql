-- +goose Up

-- How much an agent takes at a time and on which runners, as JSON; empty as long as it
-- has not said so.
ALTER TABLE agents ADD COLUMN offer TEXT NOT NULL DEFAULT '';

-- What waits and what is made is listed in the order of its numbers.
DROP INDEX calls_open;
CREATE INDEX calls_open ON calls (state, number) WHERE ended_at = 0;

-- What went wrong last, and how the pushes of each branch ended last. Neither has an
-- entry for a run before that has ended, so that the intake writes none.
CREATE INDEX runs_failed ON runs (ended_at, number) WHERE state IN ('failed', 'timed-out', 'invalid');
CREATE INDEX runs_branch ON runs (repository, ref, number)
    WHERE name = 'push' AND state IN ('succeeded', 'failed', 'timed-out', 'invalid') AND length(ref) < 400;
