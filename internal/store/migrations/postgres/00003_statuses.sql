-- +goose Up

-- What forges are to be told of. The row of a call follows the call's state; one
-- without a call follows its run's planning, or, with a function, says that the
-- function was not called. told and attempt are what the forge was told last, done
-- is 1 once nothing follows, and due_at is when to try again.
CREATE TABLE statuses (
    number   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run      TEXT COLLATE "C" NOT NULL,
    call     TEXT COLLATE "C" NOT NULL,
    module   TEXT COLLATE "C" NOT NULL,
    function TEXT COLLATE "C" NOT NULL,
    reason   TEXT COLLATE "C" NOT NULL,
    told     TEXT COLLATE "C" NOT NULL DEFAULT '',
    attempt  BIGINT NOT NULL DEFAULT 0,
    reply    TEXT COLLATE "C" NOT NULL DEFAULT '',
    tries    BIGINT NOT NULL DEFAULT 0,
    due_at   BIGINT NOT NULL DEFAULT 0,
    done     BIGINT NOT NULL DEFAULT 0,
    UNIQUE (run, module, function)
);
CREATE INDEX statuses_open ON statuses (number) WHERE done = 0;
