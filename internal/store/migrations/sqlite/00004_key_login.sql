-- +goose Up

-- Who a key belongs to, by the login that forges know them under; empty for
-- nobody.
ALTER TABLE keys ADD COLUMN login TEXT NOT NULL DEFAULT '';
