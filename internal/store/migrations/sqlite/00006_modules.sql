-- +goose Up

-- Modules that are in no repository. The id stays when the name changes; sha is the
-- commit of the version that is called now.
CREATE TABLE modules (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    sha        TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Their versions, by the commit that the files are. superseded_at is when another one
-- took its place, and 0 for the one that is called now.
CREATE TABLE module_versions (
    module        TEXT NOT NULL,
    sha           TEXT NOT NULL,
    number        INTEGER NOT NULL,
    files         INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    functions     TEXT NOT NULL,
    deployed_at   INTEGER NOT NULL,
    deployed_by   TEXT NOT NULL,
    superseded_at INTEGER NOT NULL DEFAULT 0,
    archive       BLOB NOT NULL,
    PRIMARY KEY (module, sha)
) STRICT;
