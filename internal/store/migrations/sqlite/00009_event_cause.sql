-- +goose Up

-- The event that one follows from, to find those that follow from another one. Most
-- follow from none and are of no original, and cost the indexes nothing.
ALTER TABLE events ADD COLUMN cause TEXT NOT NULL DEFAULT '';
UPDATE events SET cause = json_extract(fields, '$.Cause') WHERE fields LIKE '%"Cause":"%' AND json_extract(fields, '$.Cause') <> '';
CREATE INDEX events_cause ON events (cause, seq) WHERE cause <> '';
CREATE INDEX events_original ON events (original, seq) WHERE original <> '';
