-- +goose Up

-- How far sources have come and what reactions have achieved. A row moves in the
-- transaction that stores the events it stands for, from one version to the next.
CREATE TABLE positions (
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    version  INTEGER NOT NULL,
    moved_at INTEGER NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT;
