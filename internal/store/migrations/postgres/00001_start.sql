-- +goose Up

-- Times are microseconds since 1970 in UTC, 0 for none. Truth is 0 or 1. There
-- are no foreign keys: rows are only ever deleted by retention, which deletes
-- in order, and checking them would cost the intake a look-up for each row.
-- Texts that can be long stand at the end of their tables: SQLite reads what
-- is in front of them without them.

-- packed is 1 if the payload is a block in the format of Snappy.
CREATE TABLE events (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          TEXT COLLATE "C" NOT NULL UNIQUE,
    hook        TEXT COLLATE "C" NOT NULL,
    delivery    TEXT COLLATE "C" NOT NULL,
    vendor      TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    filter      TEXT COLLATE "C" NOT NULL,
    repository  TEXT COLLATE "C" NOT NULL,
    ref         TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    original    TEXT COLLATE "C" NOT NULL,
    packed      BIGINT NOT NULL DEFAULT 0,
    fields      TEXT COLLATE "C" NOT NULL,
    payload     BYTEA NOT NULL
);
CREATE UNIQUE INDEX events_delivery ON events (hook, delivery) WHERE delivery <> '';
CREATE INDEX events_repository ON events (repository, seq);

-- Further deliveries of an event. attempt is the one it added, or 0.
CREATE TABLE redeliveries (
    event       TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    attempt     BIGINT NOT NULL
);
CREATE INDEX redeliveries_event ON redeliveries (event);

-- The latest event of each content, for copies under other delivery ids.
CREATE TABLE pushes (
    fingerprint BYTEA PRIMARY KEY,
    event       TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL
);

CREATE TABLE runs (
    number       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           TEXT COLLATE "C" NOT NULL UNIQUE,
    event        TEXT COLLATE "C" NOT NULL,
    vendor       TEXT COLLATE "C" NOT NULL,
    name         TEXT COLLATE "C" NOT NULL,
    filter       TEXT COLLATE "C" NOT NULL,
    sender       TEXT COLLATE "C" NOT NULL,
    repository   TEXT COLLATE "C" NOT NULL,
    ref          TEXT COLLATE "C" NOT NULL,
    sha          TEXT COLLATE "C" NOT NULL,
    pull_request BIGINT NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    reason       TEXT COLLATE "C" NOT NULL,
    attempt      BIGINT NOT NULL,
    cause        TEXT COLLATE "C" NOT NULL,
    approval     TEXT COLLATE "C" NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    queued_at    BIGINT NOT NULL,
    started_at   BIGINT NOT NULL DEFAULT 0,
    ended_at     BIGINT NOT NULL DEFAULT 0,
    holder       TEXT COLLATE "C" NOT NULL DEFAULT '',
    token        BIGINT NOT NULL DEFAULT 0,
    lost         BIGINT NOT NULL DEFAULT 0,
    plan         TEXT COLLATE "C" NOT NULL DEFAULT ''
);
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
    run        TEXT COLLATE "C" NOT NULL,
    attempt    BIGINT NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    cause      TEXT COLLATE "C" NOT NULL,
    plan       TEXT COLLATE "C" NOT NULL,
    queued_at  BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    PRIMARY KEY (run, attempt)
);

-- log_gone is 0 as long as the log is kept, 1 while it is deleted, 2 afterwards.
CREATE TABLE calls (
    number      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          TEXT COLLATE "C" NOT NULL UNIQUE,
    run         TEXT COLLATE "C" NOT NULL,
    run_number  BIGINT NOT NULL,
    repository  TEXT COLLATE "C" NOT NULL,
    position    BIGINT NOT NULL,
    planned     BIGINT NOT NULL,
    module      TEXT COLLATE "C" NOT NULL,
    function    TEXT COLLATE "C" NOT NULL,
    runs_on     TEXT COLLATE "C" NOT NULL,
    pool        TEXT COLLATE "C" NOT NULL,
    serial      BIGINT NOT NULL,
    blocked     BIGINT NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    reason      TEXT COLLATE "C" NOT NULL,
    attempt     BIGINT NOT NULL,
    agent       TEXT COLLATE "C" NOT NULL DEFAULT '',
    queued_at   BIGINT NOT NULL,
    started_at  BIGINT NOT NULL DEFAULT 0,
    ended_at    BIGINT NOT NULL DEFAULT 0,
    holder      TEXT COLLATE "C" NOT NULL DEFAULT '',
    token       BIGINT NOT NULL DEFAULT 0,
    lost        BIGINT NOT NULL DEFAULT 0,
    log_size    BIGINT NOT NULL DEFAULT 0,
    log_cut     BIGINT NOT NULL DEFAULT 0,
    log_gone    BIGINT NOT NULL DEFAULT 0,
    after_calls TEXT COLLATE "C" NOT NULL,
    spec        TEXT COLLATE "C" NOT NULL,
    result      TEXT COLLATE "C" NOT NULL DEFAULT '',
    UNIQUE (run, module, function)
);
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
    call       TEXT COLLATE "C" NOT NULL,
    attempt    BIGINT NOT NULL,
    repository TEXT COLLATE "C" NOT NULL,
    module     TEXT COLLATE "C" NOT NULL,
    function   TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    agent      TEXT COLLATE "C" NOT NULL,
    queued_at  BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    log_size   BIGINT NOT NULL,
    log_cut    BIGINT NOT NULL,
    log_gone   BIGINT NOT NULL,
    result     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (call, attempt)
);
CREATE INDEX call_attempts_logs ON call_attempts (ended_at) WHERE ended_at <> 0 AND log_size > 0 AND log_gone < 2;
CREATE INDEX call_attempts_statistics ON call_attempts (repository, ended_at, module, function, state, started_at) WHERE ended_at <> 0;

-- first is the place of the chunk's first byte in the log of its attempt.
CREATE TABLE logs (
    call    TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    first   BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    data    BYTEA NOT NULL,
    PRIMARY KEY (call, attempt, first)
);

CREATE TABLE agents (
    id        TEXT COLLATE "C" PRIMARY KEY,
    name      TEXT COLLATE "C" NOT NULL,
    beat      BIGINT NOT NULL,
    joined_at BIGINT NOT NULL,
    seen_at   BIGINT NOT NULL,
    ended_at  BIGINT NOT NULL DEFAULT 0,
    reason    TEXT COLLATE "C" NOT NULL DEFAULT ''
);

-- When each repository was last served, in turns and not in time. The rows
-- are also what agents lock to count what a repository has running.
CREATE TABLE turns (
    queue      TEXT COLLATE "C" NOT NULL,
    repository TEXT COLLATE "C" NOT NULL,
    turn       BIGINT NOT NULL,
    PRIMARY KEY (queue, repository)
);
CREATE INDEX turns_turn ON turns (queue, turn);

CREATE TABLE disabled (
    repository TEXT COLLATE "C" NOT NULL,
    module     TEXT COLLATE "C" NOT NULL,
    function   TEXT COLLATE "C" NOT NULL,
    person     TEXT COLLATE "C" NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (repository, module, function)
);

-- API keys. hash is the SHA-256 of the secret, which is not stored.
CREATE TABLE keys (
    id         TEXT COLLATE "C" PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL,
    scope      TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL DEFAULT 0
);

-- What people did, written together with it. api_key is the id of theirs.
CREATE TABLE audit (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      BIGINT NOT NULL,
    person  TEXT COLLATE "C" NOT NULL,
    api_key TEXT COLLATE "C" NOT NULL,
    action  TEXT COLLATE "C" NOT NULL,
    object  TEXT COLLATE "C" NOT NULL,
    detail  TEXT COLLATE "C" NOT NULL,
    remote  TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_at ON audit (at);

-- Compressing payloads would take longer than writing them.
ALTER TABLE events ALTER COLUMN payload SET STORAGE EXTERNAL;
