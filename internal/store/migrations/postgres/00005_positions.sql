-- +goose Up

-- How far sources have come and what reactions have achieved. A row moves in the
-- transaction that stores the events it stands for, from one version to the next.
CREATE TABLE positions (
    kind     TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL,
    moved_at BIGINT NOT NULL,
    value    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, name)
);
