package store_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/store"
)

const day = 24 * time.Hour

// newKey makes a key that expires after a while, or never.
func newKey(t *testing.T, s *store.Store, c *clock, scope string, lasts time.Duration) (store.Key, string) {
	t.Helper()
	n := store.NewKey{Name: "ada", Scope: scope}
	if lasts > 0 {
		n.ExpiresAt = c.Now().Add(lasts)
	}
	k, secret, err := s.CreateKey(t.Context(), n, octocat)
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

// signIn begins a session.
func signIn(t *testing.T, s *store.Store, secret string) (store.Session, string) {
	t.Helper()
	session, token, err := s.CreateSession(t.Context(), secret, store.Actor{Person: "not the key's", Key: "not its id", Remote: "192.0.2.7"})
	if err != nil {
		t.Fatal(err)
	}
	return session, token
}

func TestSessions(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		ctx := t.Context()
		k, secret := newKey(t, s, c, store.KeyScopeRun, 0)
		_, short := newKey(t, s, c, store.KeyScopeRead, day)
		first, token := signIn(t, s, secret)
		second, other := signIn(t, s, short)
		if form := regexp.MustCompile(`^pcs_[A-Za-z0-9_-]{43}$`); !form.MatchString(token) || !form.MatchString(other) || token == other {
			t.Errorf("the tokens are %q and %q", token, other)
		}
		if want := c.Now().Add(30 * day); !first.ExpiresAt.Equal(want) || !first.CreatedAt.Equal(c.Now()) || first.Key.ID != k.ID {
			t.Errorf("the session is %+v", first)
		}
		if !second.ExpiresAt.Equal(c.Now().Add(day)) {
			t.Errorf("a session expires at %s, after its key", second.ExpiresAt)
		}
		got, err := s.Session(ctx, token)
		if diff := cmp.Diff(first, got); diff != "" || err != nil {
			t.Errorf("%s (%v)", diff, err)
		}
		for name, wrong := range map[string]string{
			"unknown": "pcs_" + strings.Repeat("A", 43), "empty": "", "one character less": token[:len(token)-1],
			"the key's secret": secret, "the session's id": first.ID, "not UTF-8": "\xff\x00",
		} {
			if got, err := s.Session(ctx, wrong); !errors.Is(err, store.ErrNoSession) || got != (store.Session{}) {
				t.Errorf("%s: session is %+v (%v)", name, got, err)
			}
			if err := s.DeleteSession(ctx, wrong, octocat); !errors.Is(err, store.ErrNoSession) {
				t.Errorf("%s: ending it gives %v", name, err)
			}
		}
		// A token is no secret of a key, and a wrong secret begins no session.
		if _, err := s.Authenticate(ctx, token); !errors.Is(err, store.ErrNoKey) {
			t.Errorf("a token as a key gives %v", err)
		}
		for _, wrong := range []string{"", token, "pci_x"} {
			if _, token, err := s.CreateSession(ctx, wrong, octocat); !errors.Is(err, store.ErrNoKey) || token != "" {
				t.Errorf("signing in with %q gives %q (%v)", wrong, token, err)
			}
		}
		if err := s.DeleteSession(ctx, other, store.Actor{Remote: "192.0.2.8"}); err != nil {
			t.Error(err)
		}
		if _, err := s.Session(ctx, other); !errors.Is(err, store.ErrNoSession) {
			t.Errorf("a session that was ended gives %v", err)
		}
		if err := s.DeleteKey(ctx, k.ID, octocat); err != nil {
			t.Error(err)
		}
		if _, err := s.Session(ctx, token); !errors.Is(err, store.ErrNoSession) {
			t.Errorf("the session of a deleted key gives %v", err)
		}
		entries, err := s.Audit(ctx, store.AuditFilter{})
		if err != nil {
			t.Fatal(err)
		}
		if e := entries[1]; e.Action != "sign-out" || e.Person != "ada" || e.Key != second.Key.ID || e.Remote != "192.0.2.8" || e.Object != "session "+second.ID {
			t.Errorf("the audit log says %+v", e)
		}
		e := entries[3] // the other sign-in is between them
		if e.Action != "sign-in" || e.Person != "ada" || e.Key != k.ID || e.Remote != "192.0.2.7" || e.Object != "session "+first.ID ||
			!strings.HasPrefix(e.Detail, "scope run, until ") {
			t.Errorf("the audit log says %+v", e)
		}
		for _, e := range entries {
			if strings.Contains(e.Object+e.Detail, "pc") {
				t.Errorf("a secret is in the audit log: %+v", e)
			}
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	type step struct {
		pass time.Duration
		set  time.Duration
		want error
	}
	for name, tc := range map[string]struct {
		key   time.Duration
		steps []step
	}{
		"unused for 7 days":             {0, []step{{pass: 7*day - time.Second}, {pass: 7 * day, want: store.ErrNoSession}}},
		"30 days after it began":        {0, []step{{pass: 6 * day}, {pass: 6 * day}, {pass: 6 * day}, {pass: 6 * day}, {pass: 6*day - time.Second}, {pass: time.Second, want: store.ErrNoSession}}},
		"with its key":                  {day, []step{{pass: day - time.Second}, {pass: time.Second, want: store.ErrKeyExpired}}},
		"also when the clock goes back": {0, []step{{pass: 7 * day, want: store.ErrNoSession}, {set: -2 * day, want: store.ErrNoSession}}},
		"not when it is put right":      {0, []step{{set: 8 * day, want: store.ErrNoSession}, {set: -8 * day}}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				c := newClock()
				o.Clock = c
				s := open(t, o)
				_, secret := newKey(t, s, c, store.KeyScopeRead, tc.key)
				_, token := signIn(t, s, secret)
				for n, step := range tc.steps {
					c.pass(step.pass)
					c.set(step.set)
					if _, err := s.Session(t.Context(), token); !errors.Is(err, step.want) {
						t.Errorf("step %d: %v, want %v", n, err, step.want)
					}
				}
			})
		})
	}
}

// The use of a session is that of its key, and is written once a minute.
func TestUseOfASessionIsRecordedOnceAMinute(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		recorded := 0
		o.Observe = func(operation string, _ time.Duration, _ error) {
			if operation == "use-session" {
				recorded++ // nothing else happens at that time
			}
		}
		s := open(t, o)
		_, secret := newKey(t, s, c, store.KeyScopeRead, 0)
		_, token := signIn(t, s, secret)
		for _, step := range []struct {
			pass time.Duration
			want int
		}{{0, 0}, {59 * time.Second, 0}, {time.Second, 1}, {time.Second, 1}, {time.Hour, 2}} {
			c.pass(step.pass)
			if _, err := s.Session(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			if recorded != step.want {
				t.Errorf("after %s more it was recorded %d times, want %d", step.pass, recorded, step.want)
			}
		}
		keys, err := s.Keys(t.Context())
		if err != nil || len(keys) != 1 || !keys[0].UsedAt.Equal(c.Now()) {
			t.Errorf("the keys are %+v (%v)", keys, err)
		}
	})
}

func TestSessionsOfAKeyAreBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		_, secret := newKey(t, s, c, store.KeyScopeRead, 0)
		_, another := newKey(t, s, c, store.KeyScopeRead, 0)
		_, kept := signIn(t, s, another)
		tokens := make([]string, 101)
		for n := range tokens {
			c.pass(time.Second)
			_, tokens[n] = signIn(t, s, secret)
		}
		for token, want := range map[string]error{tokens[0]: store.ErrNoSession, tokens[1]: nil, tokens[100]: nil, kept: nil} {
			if _, err := s.Session(t.Context(), token); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
	})
}

func TestOldSessionsAreDeleted(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		_, secret := newKey(t, s, c, store.KeyScopeRead, 0)
		signIn(t, s, secret)
		left := func() (n int) {
			t.Helper()
			prune(t, s, store.Retention{})
			if err := raw(t, o).QueryRow(`SELECT count(*) FROM sessions`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		c.pass(7*day - time.Second)
		c.set(10 * day) // a clock that is set forth makes nothing old
		if n := left(); n != 1 {
			t.Errorf("%d sessions are left, want 1", n)
		}
		c.set(-10 * day)
		c.pass(time.Second)
		if n := left(); n != 0 {
			t.Errorf("%d sessions are left, want none", n)
		}
	})
}
