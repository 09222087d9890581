-- +goose Up

-- Who has signed in to the pages, by a hash of the token that the browser keeps. A
-- session is of a key, and goes with it.
CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    key        TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_key ON sessions (key);
CREATE INDEX sessions_used ON sessions (used_at);
CREATE INDEX sessions_expires ON sessions (expires_at);
