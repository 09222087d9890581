-- +goose Up

-- Times are microseconds since 1970 in UTC, 0 for none. Truth is 0 or 1. There
-- are no foreign keys: rows are only ever deleted by retention, which deletes
-- in order, and checking them would cost the intake a look-up for each row.
-- Texts that can be long stand at the end of their tables: SQLite reads what
-- is in front of them without them.

-- packed is 1 if the payload is a block in the format of Snappy.
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
    packed      INTEGER NOT NULL DEFAULT 0,
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

CREATE TABLE runs (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    event        TEXT NOT NULL,
    vendor       TEXT NOT NULL,
    name         TEXT NOT NULL,
    filter       TEXT NOT NULL,
    sender       TEXT NOT NULL,
    repository   TEXT NOT NULL,
    ref          TEXT NOT NULL,
    sha          TEXT NOT NULL,
    pull_request INTEGER NOT NULL,
    state        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    attempt      INTEGER NOT NULL,
    cause        TEXT NOT NULL,
    approval     TEXT NOT NULL DEFAULT '',
    created_at   INTEGER NOT NULL,
    queued_at    INTEGER NOT NULL,
    started_at   INTEGER NOT NULL DEFAULT 0,
    ended_at     INTEGER NOT NULL DEFAULT 0,
    holder       TEXT NOT NULL DEFAULT '',
    token        INTEGER NOT NULL DEFAULT 0,
    lost         INTEGER NOT NULL DEFAULT 0,
    plan         TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX runs_event ON runs (event);
CREATE INDEX runs_queue ON runs (repository, queued_at, number) WHERE state = 'queued' AND holder = '';
CREATE INDEX runs_holder ON runs (holder) WHERE holder <> '';
CREATE INDEX runs_claimed ON runs (repository, holder) WHERE holder <> '';
CREATE INDEX runs_repository ON runs (repository, number);
CREATE INDEX runs_pull_request ON runs (repository, pull_request, number) WHERE pull_request <> 0;
CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at <> 0;
CREATE INDEX runs_running ON runs (number) WHERE state = 'running';
CREATE INDEX runs_waiting ON runs (number) WHERE state = 'waiting-approval';

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

-- log_gone is 0 as long as the log is kept, 1 while it is deleted, 2 afterwards.
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
    runs_on     TEXT NOT NULL,
    pool        TEXT NOT NULL,
    serial      INTEGER NOT NULL,
    blocked     INTEGER NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    agent       TEXT NOT NULL DEFAULT '',
    queued_at   INTEGER NOT NULL,
    started_at  INTEGER NOT NULL DEFAULT 0,
    ended_at    INTEGER NOT NULL DEFAULT 0,
    holder      TEXT NOT NULL DEFAULT '',
    token       INTEGER NOT NULL DEFAULT 0,
    lost        INTEGER NOT NULL DEFAULT 0,
    log_size    INTEGER NOT NULL DEFAULT 0,
    log_cut     INTEGER NOT NULL DEFAULT 0,
    log_gone    INTEGER NOT NULL DEFAULT 0,
    after_calls TEXT NOT NULL,
    spec        TEXT NOT NULL,
    result      TEXT NOT NULL DEFAULT '',
    UNIQUE (run, module, function)
) STRICT;
CREATE INDEX calls_queue ON calls (repository, queued_at, number) WHERE state = 'queued' AND holder = '' AND blocked = 0;
CREATE INDEX calls_holder ON calls (holder) WHERE holder <> '';
CREATE INDEX calls_claimed ON calls (repository, holder) WHERE holder <> '';
CREATE INDEX calls_pool ON calls (pool) WHERE pool <> '';
CREATE INDEX calls_function ON calls (repository, module, function, number);
CREATE INDEX calls_repository ON calls (repository, number);
CREATE INDEX calls_open ON calls (state) WHERE ended_at = 0;
CREATE INDEX calls_logs ON calls (ended_at) WHERE ended_at <> 0 AND log_size > 0 AND log_gone < 2;
-- It has all that statistics are made of, so that they read nothing else.
CREATE INDEX calls_statistics ON calls (repository, ended_at, module, function, state, started_at) WHERE ended_at <> 0;

CREATE TABLE call_attempts (
    call       TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    repository TEXT NOT NULL,
    module     TEXT NOT NULL,
    function   TEXT NOT NULL,
    state      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    agent      TEXT NOT NULL,
    queued_at  INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    log_size   INTEGER NOT NULL,
    log_cut    INTEGER NOT NULL,
    log_gone   INTEGER NOT NULL,
    result     TEXT NOT NULL,
    PRIMARY KEY (call, attempt)
) STRICT;
CREATE INDEX call_attempts_logs ON call_attempts (ended_at) WHERE ended_at <> 0 AND log_size > 0 AND log_gone < 2;
CREATE INDEX call_attempts_statistics ON call_attempts (repository, ended_at, module, function, state, started_at) WHERE ended_at <> 0;

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

-- API keys. hash is the SHA-256 of the secret, which is not stored.
CREATE TABLE keys (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What people did, written together with it. api_key is the id of theirs.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    person  TEXT NOT NULL,
    api_key TEXT NOT NULL,
    action  TEXT NOT NULL,
    object  TEXT NOT NULL,
    detail  TEXT NOT NULL,
    remote  TEXT NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at);
