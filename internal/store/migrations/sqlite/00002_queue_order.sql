-- +goose Up
-- Work is claimed in the order of its numbers: the time of day may jump.
DROP INDEX runs_queue;
CREATE INDEX runs_queue ON runs (repository, number) WHERE state = 'queued' AND holder = '';
DROP INDEX calls_queue;
CREATE INDEX calls_queue ON calls (repository, number) WHERE state = 'queued' AND holder = '' AND blocked = 0;
