-- +goose Up

-- Who has signed in to the pages, by a hash of the token that the browser keeps. A
-- session is of a key, and goes with it.
CREATE TABLE sessions (
    id         TEXT COLLATE "C" PRIMARY KEY,
    key        TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_key ON sessions (key);
CREATE INDEX sessions_used ON sessions (used_at);
CREATE INDEX sessions_expires ON sessions (expires_at);
