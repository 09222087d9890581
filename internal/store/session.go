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
	// sessionPrefix keeps a token from being taken for the secret of a key.
	sessionPrefix = "pcs_"
	// sessionAge is how long a session lasts at most, sessionIdle how long it
	// does without being used.
	sessionAge  = 30 * 24 * time.Hour
	sessionIdle = 7 * 24 * time.Hour
	// keySessions is how many sessions of a key there may be: the oldest ends
	// for one more, so that signing in again and again fills no disk.
	keySessions = 100
)

// ErrNoSession says that a token belongs to no session, or to one that is over.
var ErrNoSession = errors.New("there is no such session")

// Session is that somebody has signed in with an API key. It may do what the key
// may, and ends with it, 30 days after it began or when it was not used for 7.
type Session struct {
	ID  string
	Key Key
	// CreatedAt is when it began, ExpiresAt when it ends at the latest.
	CreatedAt, ExpiresAt time.Time
}

// CreateSession begins a session for who has the secret of an API key and
// returns it with its token, which is not kept and cannot be had again. Of the
// actor only the address counts, since the key says who it is. The errors are
// those of [Store.Authenticate].
func (s *Store) CreateSession(ctx context.Context, secret string, by Actor) (Session, string, error) {
	k, err := s.Authenticate(ctx, secret)
	if err != nil {
		return Session{}, "", err
	}
	random := make([]byte, secretBytes)
	rand.Read(random) // it never fails
	token := sessionPrefix + base64.RawURLEncoding.EncodeToString(random)
	now := fromMicros(s.now())
	session := Session{ID: events.NewID(), Key: k, CreatedAt: now, ExpiresAt: now.Add(sessionAge)}
	if !k.ExpiresAt.IsZero() && k.ExpiresAt.Before(session.ExpiresAt) {
		session.ExpiresAt = k.ExpiresAt
	}
	err = s.change(ctx, "sign-in", "begin session", func(t *tx) error {
		if _, err := t.exec(`INSERT INTO sessions (id, api_key, hash, created_at, expires_at, used_at) VALUES (?, ?, ?, ?, ?, ?)`,
			session.ID, k.ID, hashOf(token), micros(now), micros(session.ExpiresAt), micros(now)); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM sessions WHERE api_key = ? AND id NOT IN
			(SELECT id FROM sessions WHERE api_key = ? ORDER BY created_at DESC, id DESC LIMIT ?)`, k.ID, k.ID, keySessions); err != nil {
			return err
		}
		return s.record(t, Actor{Person: k.Name, Key: k.ID, Remote: by.Remote}, "sign-in", "session "+session.ID,
			"scope "+k.Scope+", until "+session.ExpiresAt.Format(time.RFC3339))
	})
	if err != nil {
		return Session{}, "", err
	}
	return session, token, nil
}

// Session returns the session that a token belongs to. The errors are
// [ErrNoSession], also for one that is over, and [ErrKeyExpired], or those of the
// database. That it was used, and with it its key, is recorded once a minute; if
// that fails the token counts nonetheless. What is over stays so if the clock is
// set back while the store is open.
func (s *Store) Session(ctx context.Context, token string) (Session, error) {
	var (
		session                Session
		created, expires, used int64
	)
	dest, made := keyScan()
	err := s.get(ctx, append(dest, &session.ID, &created, &expires, &used), `SELECT `+sessionKeyColumns+`, sessions.id,
		sessions.created_at, sessions.expires_at, sessions.used_at FROM sessions JOIN keys ON keys.id = sessions.api_key
		WHERE sessions.hash = ?`, hashOf(token))
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrNoSession
	}
	if err != nil {
		return Session{}, fmt.Errorf("look up session: %w", err)
	}
	session.Key, session.CreatedAt, session.ExpiresAt = made(), fromMicros(created), fromMicros(expires)
	_, latest := s.bounds()
	switch ends := session.Key.ExpiresAt; {
	case !ends.IsZero() && !latest.Before(ends):
		return Session{}, fmt.Errorf("%w at %s", ErrKeyExpired, ends.Format(time.RFC3339))
	case !latest.Before(session.ExpiresAt), latest.Sub(fromMicros(used)) >= sessionIdle:
		return Session{}, ErrNoSession
	}
	now := s.clock.Now()
	if since := now.Sub(fromMicros(used)); since < usedEvery && since > -usedEvery || !s.uses.due(session.ID, s.clock.Elapsed()) {
		return session, nil
	}
	bounded, cancel := context.WithTimeout(ctx, usedWait)
	defer cancel()
	err = s.change(bounded, "use-session", "record the use of session "+session.ID, func(t *tx) error {
		if _, err := t.exec(`UPDATE sessions SET used_at = ? WHERE id = ?`, micros(now), session.ID); err != nil {
			return err
		}
		_, err := t.exec(`UPDATE keys SET used_at = ? WHERE id = ?`, micros(now), session.Key.ID)
		return err
	})
	if err != nil {
		s.log.Warn("cannot record that a session was used", "session", session.ID, "error", err)
		return session, nil
	}
	session.Key.UsedAt = fromMicros(micros(now))
	return session, nil
}

// sessionKeyColumns are keyColumns where sessions are joined.
const sessionKeyColumns = `keys.id, keys.name, keys.scope, keys.login, keys.created_by, keys.created_at, keys.expires_at, keys.used_at`

// DeleteSession ends the session of a token, which counts no longer from then
// on. Of the actor only the address counts. The error is [ErrNoSession] if there
// is none.
func (s *Store) DeleteSession(ctx context.Context, token string, by Actor) error {
	return s.change(ctx, "sign-out", "end session", func(t *tx) error {
		var id string
		by := Actor{Remote: by.Remote}
		err := t.get([]any{&id, &by.Key}, `DELETE FROM sessions WHERE hash = ? RETURNING id, api_key`, hashOf(token))
		if err == nil {
			err = t.get([]any{&by.Person}, `SELECT name FROM keys WHERE id = ?`, by.Key)
		}
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNoSession
		}
		if err != nil {
			return err
		}
		return s.record(t, by, "sign-out", "session "+id, "")
	})
}

// pruneSessions deletes those that are over by the earliest that the time can be,
// and what a key has left that was deleted while somebody signed in with it.
func (s *Store) pruneSessions(ctx context.Context, earliest time.Time) error {
	return s.change(ctx, "prune", "delete old sessions", func(t *tx) error {
		_, err := t.exec(`DELETE FROM sessions WHERE expires_at <= ? OR used_at <= ? OR NOT EXISTS (SELECT 1 FROM keys WHERE keys.id = sessions.api_key)`,
			micros(earliest), micros(earliest.Add(-sessionIdle)))
		return err
	})
}
