-- +goose Up

-- Who is signed in to the page. hash is the SHA-256 of the token, which is not
-- stored; api_key is the id of the key that the session counts for.
CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    api_key    TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_key ON sessions (api_key, created_at);
