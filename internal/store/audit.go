package store

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Actor is who does something, as far as it is known.
type Actor struct {
	// Person is the name of the API key, or of the person at the machine.
	Person string
	// Key is the id of the API key, empty without one.
	Key string
	// Remote is the address that the request came from, or empty.
	Remote string
}

// AuditEntry records one change that somebody made. It is stored in the
// transaction of the change.
type AuditEntry struct {
	// ID grows with every entry.
	ID int64
	At time.Time
	// Person, Key and Remote are those of the [Actor].
	Person, Key, Remote string
	// Action is what was done: abort, approve, auto-deploy, call, create-key,
	// delete-key, delete-module, deploy, disable, enable, pin, redeploy, rename,
	// replay, reset, restart, sign-in, sign-out or sync.
	Action string
	// Object is what it was done to: a kind and an id or name, such as run ID.
	Object string
	// Detail says more, for example the reason that was given.
	Detail string
}

// AuditFilter selects entries of the audit log.
type AuditFilter struct {
	// Before is the ID of an entry: only older ones are listed, for the next
	// page. Zero is for all.
	Before int64
	// Limit is how many are listed at most; 100 by default.
	Limit int
}

// Audit lists what people did, the latest first.
func (s *Store) Audit(ctx context.Context, f AuditFilter) ([]AuditEntry, error) {
	if f.Limit == 0 {
		f.Limit = 100
	}
	if f.Before == 0 {
		f.Before = math.MaxInt64
	}
	var (
		e  AuditEntry
		at int64
	)
	entries := []AuditEntry{}
	for _, err := range s.each(ctx, []any{&e.ID, &at, &e.Person, &e.Key, &e.Action, &e.Object, &e.Detail, &e.Remote},
		`SELECT id, at, person, api_key, action, object, detail, remote FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?`,
		f.Before, f.Limit) {
		if err != nil {
			return nil, fmt.Errorf("list the audit log: %w", s.failed(err))
		}
		e.At = fromMicros(at)
		entries = append(entries, e)
	}
	return entries, nil
}

// Note writes to the audit log what somebody has done that changes nothing in the
// store. The action is a word, object and detail are those of [AuditEntry].
func (s *Store) Note(ctx context.Context, by Actor, action, object, detail string) error {
	return s.change(ctx, action, action+" "+object, func(t *tx) error { return s.record(t, by, action, object, detail) })
}

// record writes to the audit log what the transaction does.
func (s *Store) record(t *tx, by Actor, action, object, detail string) error {
	_, err := t.exec(`INSERT INTO audit (at, person, api_key, action, object, detail, remote) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		s.now(), clean(by.Person), clean(by.Key), action, clean(object), clean(detail), clean(by.Remote))
	return err
}
