-- +goose Up

-- Who is signed in to the page. hash is the SHA-256 of the token, which is not
-- stored; api_key is the id of the key that the session counts for.
CREATE TABLE sessions (
    id         TEXT COLLATE "C" PRIMARY KEY,
    api_key    TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL
);

CREATE INDEX sessions_by_key ON sessions (api_key, created_at);
