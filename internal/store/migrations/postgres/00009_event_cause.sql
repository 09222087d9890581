-- +goose Up

-- The event that one follows from, to find those that follow from another one. Most
-- follow from none and are of no original, and cost the indexes nothing.
ALTER TABLE events ADD COLUMN cause TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE events SET cause = fields::jsonb->>'Cause' WHERE fields LIKE '%"Cause":"%' AND fields::jsonb->>'Cause' <> '';
CREATE INDEX events_cause ON events (cause, seq) WHERE cause <> '';
CREATE INDEX events_original ON events (original, seq) WHERE original <> '';
