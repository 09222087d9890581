package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/franela/pocketci/events"
)

// The scopes of API keys. Each includes the ones before it.
const (
	KeyScopeRead  = "read"
	KeyScopeRun   = "run"
	KeyScopeAdmin = "admin"
)

const (
	// secretPrefix lets people and scanners see what a secret belongs to.
	secretPrefix = "pci_"
	secretBytes  = 32
	// usedEvery is how exactly it is kept when a key was used.
	usedEvery = time.Minute
	// usedWait is how long a request may wait for that.
	usedWait = time.Second
)

// Key is an API key without its secret.
type Key struct {
	ID string
	// Name is that of the person or program that uses it. Several keys may
	// have the same.
	Name string
	// Scope is read, run or admin.
	Scope string
	// Login is what forges know its person by, or empty: then it is nobody's.
	Login string
	// CreatedBy is the name of who made it.
	CreatedBy string
	CreatedAt time.Time
	// ExpiresAt is zero if it never does.
	ExpiresAt time.Time
	// UsedAt is when it was used for the last time, to the minute, and zero if
	// it never was.
	UsedAt time.Time
}

// NewKey is what a key is made of.
type NewKey struct {
	Name, Scope string
	// Login binds it to the person that forges know by it. It may be empty.
	Login string
	// ExpiresAt is zero for never.
	ExpiresAt time.Time
}

// CreateKey makes a key and returns it with its secret, which is not kept and
// cannot be had again. The error is [ErrBadKey] if there is no such scope, no
// name, or if it would have expired already.
func (s *Store) CreateKey(ctx context.Context, n NewKey, by Actor) (Key, string, error) {
	now := s.clock.Now()
	switch {
	case n.Name == "":
		return Key{}, "", fmt.Errorf("%w: it has no name", ErrBadKey)
	case !slices.Contains([]string{KeyScopeRead, KeyScopeRun, KeyScopeAdmin}, n.Scope):
		return Key{}, "", fmt.Errorf("%w: %q is none of the scopes read, run and admin", ErrBadKey, n.Scope)
	case !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now):
		return Key{}, "", fmt.Errorf("%w: it would have expired at %s", ErrBadKey, n.ExpiresAt.UTC().Format(time.RFC3339))
	}
	random := make([]byte, secretBytes)
	rand.Read(random) // it never fails
	secret := secretPrefix + base64.RawURLEncoding.EncodeToString(random)
	k := Key{ID: events.NewID(), Name: clean(n.Name), Scope: n.Scope, Login: clean(n.Login), CreatedBy: clean(by.Person),
		CreatedAt: fromMicros(micros(now)), ExpiresAt: fromMicros(micros(n.ExpiresAt))}
	detail := k.Name + ", scope " + k.Scope
	if k.Login != "" {
		detail += ", login " + k.Login
	}
	if !k.ExpiresAt.IsZero() {
		detail += ", expires " + k.ExpiresAt.Format(time.RFC3339)
	}
	err := s.change(ctx, "create-key", "create API key", func(t *tx) error {
		if _, err := t.exec(`INSERT INTO keys (id, name, scope, login, hash, created_at, created_by, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			k.ID, k.Name, k.Scope, k.Login, hashOf(secret), micros(k.CreatedAt), k.CreatedBy, micros(k.ExpiresAt)); err != nil {
			return err
		}
		return s.record(t, by, "create-key", "key "+k.ID, detail)
	})
	if err != nil {
		return Key{}, "", err
	}
	return k, secret, nil
}

// hashOf is what is stored of a secret. A secret has 256 random bits, which
// nobody guesses however fast the hash is: a slow one, as passwords need it,
// would only make requests slow. The index on the hashes tells an attacker no
// more than that either, since the hash of what he sends is not his to choose.
func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

const keyColumns = `id, name, scope, login, created_by, created_at, expires_at, used_at`

// keyScan returns where to scan keyColumns to, and what turns it into a Key.
func keyScan() ([]any, func() Key) {
	var (
		k                      Key
		created, expires, used int64
	)
	return []any{&k.ID, &k.Name, &k.Scope, &k.Login, &k.CreatedBy, &created, &expires, &used}, func() Key {
		k := k
		k.CreatedAt, k.ExpiresAt, k.UsedAt = fromMicros(created), fromMicros(expires), fromMicros(used)
		return k
	}
}

// Authenticate returns the key that a secret belongs to. The errors are
// [ErrNoKey] and [ErrKeyExpired], or those of the database. That the key was
// used is recorded once a minute; if that fails the secret counts nonetheless. A
// key that has expired stays so if the clock is set back while the store is open.
func (s *Store) Authenticate(ctx context.Context, secret string) (Key, error) {
	dest, made := keyScan()
	err := s.get(ctx, dest, `SELECT `+keyColumns+` FROM keys WHERE hash = ?`, hashOf(secret))
	if errors.Is(err, ErrNotFound) {
		return Key{}, ErrNoKey
	}
	if err != nil {
		return Key{}, fmt.Errorf("look up API key: %w", err)
	}
	k, now := made(), s.clock.Now()
	if _, latest := s.bounds(); !k.ExpiresAt.IsZero() && !latest.Before(k.ExpiresAt) {
		return Key{}, fmt.Errorf("%w at %s", ErrKeyExpired, k.ExpiresAt.Format(time.RFC3339))
	}
	if since := now.Sub(k.UsedAt); since < usedEvery && since > -usedEvery || !s.uses.due(k.ID, s.clock.Elapsed()) {
		return k, nil
	}
	bounded, cancel := context.WithTimeout(ctx, usedWait)
	defer cancel()
	err = s.change(bounded, "use-key", "record the use of key "+k.ID, func(t *tx) error {
		_, err := t.exec(`UPDATE keys SET used_at = ? WHERE id = ?`, micros(now), k.ID)
		return err
	})
	if err != nil {
		s.log.Warn("cannot record that an API key was used", "key", k.ID, "error", err)
		return k, nil
	}
	k.UsedAt = fromMicros(micros(now))
	return k, nil
}

// usesKept is how many ids are remembered before those are looked for that
// count no more.
const usesKept = 1000

// uses keeps requests from recording the use of a key or session all at once,
// and from trying again and again if that fails.
type uses struct {
	mu   sync.Mutex
	last map[string]time.Duration
}

// due reports whether the use of a key or session is to be recorded now.
func (u *uses) due(key string, now time.Duration) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, tried := u.last[key]; tried && now-last < usedEvery {
		return false
	}
	if len(u.last) >= usesKept {
		maps.DeleteFunc(u.last, func(_ string, last time.Duration) bool { return now-last >= usedEvery })
	}
	if u.last == nil {
		u.last = map[string]time.Duration{}
	}
	u.last[key] = now
	return true
}

// Keys lists the keys, expired ones too, the oldest first. They stay until they
// are deleted.
func (s *Store) Keys(ctx context.Context) ([]Key, error) {
	dest, made := keyScan()
	keys := []Key{}
	for _, err := range s.each(ctx, dest, `SELECT `+keyColumns+` FROM keys ORDER BY created_at, id`) {
		if err != nil {
			return nil, fmt.Errorf("list API keys: %w", s.failed(err))
		}
		keys = append(keys, made())
	}
	return keys, nil
}

// DeleteKey deletes a key, whose secret and sessions count no longer from then on. The error
// is [ErrNotFound] if there is none of that id.
func (s *Store) DeleteKey(ctx context.Context, id string, by Actor) error {
	return s.change(ctx, "delete-key", "delete API key "+id, func(t *tx) error {
		var name, scope string
		err := t.get([]any{&name, &scope}, `DELETE FROM keys WHERE id = ? RETURNING name, scope`, id)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM sessions WHERE key = ?`, id); err != nil {
			return err
		}
		return s.record(t, by, "delete-key", "key "+id, name+", scope "+scope)
	})
}
