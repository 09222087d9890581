package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/franela/pocketci/events"
)

const (
	// SessionAge is how long a session lasts at most, SessionIdle without being used.
	SessionAge  = 30 * 24 * time.Hour
	SessionIdle = 7 * 24 * time.Hour
	// keySessions is how many sessions of a key there may be: the oldest ends
	// for one more, so that signing in again and again fills no disk.
	keySessions = 100
	// sessionPrefix lets people and scanners see what a token is.
	sessionPrefix = "pcs_"
)

// Session is somebody who has signed in with an API key. It may what the key may, for as
// long as there is the key.
type Session struct {
	ID  string
	Key Key
	// CreatedAt is when it began, ExpiresAt when it ends at the latest: a session that
	// is not used for a week ends before.
	CreatedAt, ExpiresAt time.Time
}

// CreateSession makes a session of the key that a secret belongs to, and returns it with
// its token, which is not kept and cannot be had again. A key has a hundred at most: the
// oldest of them ends for one more. The errors are those of
// [Store.Authenticate]. The audit log has it; of by only the address counts.
func (s *Store) CreateSession(ctx context.Context, secret string, by Actor) (Session, string, error) {
	k, err := s.Authenticate(ctx, secret)
	if err != nil {
		return Session{}, "", err
	}
	random := make([]byte, secretBytes)
	rand.Read(random) // it never fails
	token := sessionPrefix + base64.RawURLEncoding.EncodeToString(random)
	now := fromMicros(s.now())
	session := Session{ID: events.NewID(), Key: k, CreatedAt: now, ExpiresAt: now.Add(SessionAge)}
	if !k.ExpiresAt.IsZero() && k.ExpiresAt.Before(session.ExpiresAt) {
		session.ExpiresAt = k.ExpiresAt
	}
	err = s.change(ctx, "create-session", "create session", func(t *tx) error {
		// It may have been deleted since, and its sessions with it.
		var id string
		if err := t.get([]any{&id}, `SELECT id FROM keys WHERE id = ?`+t.d.forUpdate, k.ID); err != nil {
			return err
		}
		if _, err := t.exec(`INSERT INTO sessions (id, key, hash, created_at, used_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
			session.ID, k.ID, hashOf(token), micros(now), micros(now), micros(session.ExpiresAt)); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM sessions WHERE key = ? AND id NOT IN
			(SELECT id FROM sessions WHERE key = ? ORDER BY created_at DESC, id DESC LIMIT ?)`, k.ID, k.ID, keySessions); err != nil {
			return err
		}
		return s.record(t, Actor{Person: k.Name, Key: k.ID, Remote: by.Remote}, "sign-in", "session "+session.ID,
			"scope "+k.Scope+", until "+session.ExpiresAt.Format(time.RFC3339))
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, "", ErrNoKey
	}
	if err != nil {
		return Session{}, "", err
	}
	return session, token, nil
}

// Session returns the session that a token belongs to. The errors are [ErrNoSession], also
// for one that has ended, and those of the database. That it was used is recorded as
// [Store.Authenticate] does it.
func (s *Store) Session(ctx context.Context, token string) (Session, error) {
	var (
		session                Session
		created, used, expires int64
	)
	dest, made := keyScan()
	err := s.get(ctx, append([]any{&session.ID, &created, &used, &expires}, dest...), `SELECT sessions.id, sessions.created_at, sessions.used_at, sessions.expires_at,
		keys.id, keys.name, keys.scope, keys.login, keys.created_by, keys.created_at, keys.expires_at, keys.used_at
		FROM sessions JOIN keys ON keys.id = sessions.key WHERE sessions.hash = ?`, hashOf(token))
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrNoSession
	}
	if err != nil {
		return Session{}, fmt.Errorf("look up session: %w", err)
	}
	session.Key, session.CreatedAt, session.ExpiresAt = made(), fromMicros(created), fromMicros(expires)
	// A clock that is set back makes nothing last longer.
	_, latest := s.bounds()
	if !latest.Before(session.ExpiresAt) || !latest.Before(fromMicros(used).Add(SessionIdle)) {
		return Session{}, ErrNoSession
	}
	if !session.Key.ExpiresAt.IsZero() && !latest.Before(session.Key.ExpiresAt) {
		return Session{}, ErrNoSession
	}
	now := s.now()
	if since := fromMicros(now).Sub(fromMicros(used)); since < usedEvery && since > -usedEvery || !s.uses.due(session.ID, s.clock.Elapsed()) {
		return session, nil
	}
	bounded, cancel := context.WithTimeout(ctx, usedWait)
	defer cancel()
	err = s.change(bounded, "use-session", "record the use of session "+session.ID, func(t *tx) error {
		if _, err := t.exec(`UPDATE sessions SET used_at = ? WHERE id = ?`, now, session.ID); err != nil {
			return err
		}
		_, err := t.exec(`UPDATE keys SET used_at = ? WHERE id = ?`, now, session.Key.ID)
		return err
	})
	if err != nil {
		s.log.Warn("cannot record that a session was used", "session", session.ID, "error", err)
	}
	return session, nil
}

// DeleteSession ends a session. That there is none is no error: it has ended then.
func (s *Store) DeleteSession(ctx context.Context, token string, by Actor) error {
	return s.change(ctx, "delete-session", "end session", func(t *tx) error {
		var id, key, name string
		err := t.get([]any{&id, &key, &name}, `SELECT sessions.id, keys.id, keys.name FROM sessions JOIN keys ON keys.id = sessions.key WHERE sessions.hash = ?`, hashOf(token))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM sessions WHERE id = ?`, id); err != nil {
			return err
		}
		return s.record(t, Actor{Person: name, Key: key, Remote: by.Remote}, "sign-out", "session "+id, "")
	})
}

// pruneSessions deletes those that have ended.
func (s *Store) pruneSessions(ctx context.Context, now time.Time) error {
	return s.change(ctx, "prune", "forget sessions that have ended", func(t *tx) error {
		_, err := t.exec(`DELETE FROM sessions WHERE expires_at < ? OR used_at < ?`, micros(now), micros(now.Add(-SessionIdle)))
		return err
	})
}
