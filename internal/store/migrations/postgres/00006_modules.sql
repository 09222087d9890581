-- +goose Up

-- Modules that are in no repository. The id stays when the name changes; sha is the
-- commit of the version that is called now.
CREATE TABLE modules (
    id         TEXT COLLATE "C" PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL UNIQUE,
    sha        TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

-- Their versions, by the commit that the files are. superseded_at is when another one
-- took its place, and 0 for the one that is called now.
CREATE TABLE module_versions (
    module        TEXT COLLATE "C" NOT NULL,
    sha           TEXT COLLATE "C" NOT NULL,
    number        BIGINT NOT NULL,
    files         BIGINT NOT NULL,
    size          BIGINT NOT NULL,
    functions     TEXT COLLATE "C" NOT NULL,
    deployed_at   BIGINT NOT NULL,
    deployed_by   TEXT COLLATE "C" NOT NULL,
    superseded_at BIGINT NOT NULL DEFAULT 0,
    archive       BYTEA NOT NULL,
    PRIMARY KEY (module, sha)
);
-- Archives are compressed already.
ALTER TABLE module_versions ALTER COLUMN archive SET STORAGE EXTERNAL;
