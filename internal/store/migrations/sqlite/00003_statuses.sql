-- +goose Up

-- What forges are to be told of. The row of a call follows the call's state; one
-- without a call follows its run's planning, or, with a function, says that the
-- function was not called. told and attempt are what the forge was told last, done
-- is 1 once nothing follows, and due_at is when to try again.
CREATE TABLE statuses (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    run      TEXT NOT NULL,
    call     TEXT NOT NULL,
    module   TEXT NOT NULL,
    function TEXT NOT NULL,
    reason   TEXT NOT NULL,
    told     TEXT NOT NULL DEFAULT '',
    attempt  INTEGER NOT NULL DEFAULT 0,
    reply    TEXT NOT NULL DEFAULT '',
    tries    INTEGER NOT NULL DEFAULT 0,
    due_at   INTEGER NOT NULL DEFAULT 0,
    done     INTEGER NOT NULL DEFAULT 0,
    UNIQUE (run, module, function)
) STRICT;
CREATE INDEX statuses_open ON statuses (number) WHERE done = 0;
