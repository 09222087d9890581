-- +goose Up

-- Times are microseconds since 1970 in UTC, 0 for none. Truth is 0 or 1. There
-- are no foreign keys: rows are only ever deleted by retention, which deletes
-- in order, and checking them would cost the intake a look-up for each row.

CREATE TABLE events (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    hook        TEXT NOT NULL,
    delivery    TEXT NOT NULL,
    vendor      TEXT NOT NULL,
    name        TEXT NOT NULL,
    filter      TEXT NOT NULL,
    repository  TEXT NOT NULL,
    ref         TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    original    TEXT NOT NULL,
    fields      TEXT NOT NULL,
    payload     BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_delivery ON events (hook, delivery) WHERE delivery <> '';
CREATE INDEX events_repository ON events (repository, seq);

-- Further deliveries of an event. attempt is the one it added, or 0.
CREATE TABLE redeliveries (
    event       TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    attempt     INTEGER NOT NULL
) STRICT;
CREATE INDEX redeliveries_event ON redeliveries (event);

-- The latest event of each content, for copies under other delivery ids.
CREATE TABLE pushes (
    fingerprint BLOB PRIMARY KEY,
    event       TEXT NOT NULL,
    received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pushes_received ON pushes (received_at);

CREATE TABLE runs (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    event        TEXT NOT NULL,
    vendor       TEXT NOT NULL,
    repository   TEXT NOT NULL,
    ref          TEXT NOT NULL,
    pull_request INTEGER NOT NULL,
    state        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    attempt      INTEGER NOT NULL,
    cause        TEXT NOT NULL,
    approval     TEXT NOT NULL DEFAULT '',
    plan         TEXT NOT NULL DEFAULT '',
    created_at   INTEGER NOT NULL,
    queued_at    INTEGER NOT NULL,
    started_at   INTEGER NOT NULL DEFAULT 0,
    ended_at     INTEGER NOT NULL DEFAULT 0,
    holder       TEXT NOT NULL DEFAULT '',
    token        INTEGER NOT NULL DEFAULT 0,
    lost         INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_event ON runs (event);
CREATE INDEX runs_queue ON runs (repository, queued_at, number) WHERE state = 'queued' AND holder = '';
CREATE INDEX runs_holder ON runs (holder) WHERE holder <> '';
CREATE INDEX runs_claimed ON runs (repository, holder) WHERE holder <> '';
CREATE INDEX runs_repository ON runs (repository, number);
CREATE INDEX runs_pull_request ON runs (repository, pull_request) WHERE pull_request <> 0;
CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at <> 0;

CREATE TABLE run_attempts (
    run        TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    state      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    cause      TEXT NOT NULL,
    plan       TEXT NOT NULL,
    queued_at  INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    PRIMARY KEY (run, attempt)
) STRICT;

CREATE TABLE calls (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    run         TEXT NOT NULL,
    run_number  INTEGER NOT NULL,
    repository  TEXT NOT NULL,
    position    INTEGER NOT NULL,
    planned     INTEGER NOT NULL,
    module      TEXT NOT NULL,
    function    TEXT NOT NULL,
    spec        TEXT NOT NULL,
    after_calls TEXT NOT NULL,
    runs_on     TEXT NOT NULL,
    pool        TEXT NOT NULL,
    serial      INTEGER NOT NULL,
    blocked     INTEGER NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    result      TEXT NOT NULL DEFAULT '',
    agent       TEXT NOT NULL DEFAULT '',
    queued_at   INTEGER NOT NULL,
    started_at  INTEGER NOT NULL DEFAULT 0,
    ended_at    INTEGER NOT NULL DEFAULT 0,
    holder      TEXT NOT NULL DEFAULT '',
    token       INTEGER NOT NULL DEFAULT 0,
    lost        INTEGER NOT NULL DEFAULT 0,
    log_size    INTEGER NOT NULL DEFAULT 0,
    log_cut     INTEGER NOT NULL DEFAULT 0,
    UNIQUE (run, module, function)
) STRICT;
CREATE INDEX calls_queue ON calls (repository, queued_at, number) WHERE state = 'queued' AND holder = '' AND blocked = 0;
CREATE INDEX calls_holder ON calls (holder) WHERE holder <> '';
CREATE INDEX calls_claimed ON calls (repository, holder) WHERE holder <> '';
CREATE INDEX calls_pool ON calls (pool) WHERE pool <> '';
CREATE INDEX calls_function ON calls (repository, module, function, number);

CREATE TABLE call_attempts (
    call       TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    state      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    agent      TEXT NOT NULL,
    result     TEXT NOT NULL,
    queued_at  INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    log_size   INTEGER NOT NULL,
    log_cut    INTEGER NOT NULL,
    PRIMARY KEY (call, attempt)
) STRICT;

-- first is the place of the chunk's first byte in the log of its attempt.
CREATE TABLE logs (
    call    TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    data    BLOB NOT NULL,
    PRIMARY KEY (call, attempt, first)
) STRICT;

CREATE TABLE agents (
    id        TEXT PRIMARY KEY,
    name      TEXT NOT NULL,
    beat      INTEGER NOT NULL,
    joined_at INTEGER NOT NULL,
    seen_at   INTEGER NOT NULL,
    ended_at  INTEGER NOT NULL DEFAULT 0,
    reason    TEXT NOT NULL DEFAULT ''
) STRICT;

-- When each repository was last served, in turns and not in time. The rows
-- are also what agents lock to count what a repository has running.
CREATE TABLE turns (
    queue      TEXT NOT NULL,
    repository TEXT NOT NULL,
    turn       INTEGER NOT NULL,
    PRIMARY KEY (queue, repository)
) STRICT;
CREATE INDEX turns_turn ON turns (queue, turn);

CREATE TABLE disabled (
    repository TEXT NOT NULL,
    module     TEXT NOT NULL,
    function   TEXT NOT NULL,
    person     TEXT NOT NULL,
    reason     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (repository, module, function)
) STRICT;
