package store_test

import (
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/store"
)

func TestSessions(t *testing.T) {
	const day = 24 * time.Hour
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		ctx := t.Context()
		from := store.Actor{Remote: "192.0.2.1"}
		key, secret, err := s.CreateKey(ctx, store.NewKey{Name: "ada", Scope: store.KeyScopeRun, Login: "ada-lovelace"}, octocat)
		if err != nil {
			t.Fatal(err)
		}
		_, short, err := s.CreateKey(ctx, store.NewKey{Name: "guest", Scope: store.KeyScopeRead, ExpiresAt: c.Now().Add(day)}, octocat)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.CreateSession(ctx, secret+"x", from); !errors.Is(err, store.ErrNoKey) {
			t.Errorf("a wrong secret gives %v", err)
		}
		start := c.Now()
		create := func(secret string) string {
			t.Helper()
			_, token, err := s.CreateSession(ctx, secret, from)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		want := func(what, token string, err error) {
			t.Helper()
			if session, got := s.Session(ctx, token); !errors.Is(got, err) || err != nil && session != (store.Session{}) {
				t.Errorf("%s: %+v, %v, want %v", what, session, got, err)
			}
		}
		first, token, err := s.CreateSession(ctx, secret, from)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^pcs_[A-Za-z0-9_-]{43}$`).MatchString(token) {
			t.Errorf("the token is %q", token)
		}
		got, err := s.Session(ctx, token)
		got.Key.UsedAt, first.Key.UsedAt = time.Time{}, time.Time{}
		if diff := cmp.Diff(first, got); diff != "" || err != nil || got.Key != key || !got.ExpiresAt.Equal(start.Add(30*day)) {
			t.Errorf("%s (%v) %+v", diff, err, got)
		}
		if _, err := s.Authenticate(ctx, token); !errors.Is(err, store.ErrNoKey) {
			t.Errorf("the token as a key gives %v", err)
		}
		want("a key as a token", secret, store.ErrNoSession)
		want("its id", first.ID, store.ErrNoSession)
		want("nothing", "", store.ErrNoSession)
		want("not UTF-8", "\xff\x00", store.ErrNoSession)

		guest := create(short)
		c.pass(day)
		want("of a key that has expired", guest, store.ErrNoSession)

		idle := create(secret)
		for range 5 {
			c.pass(5 * day)
			want("used from time to time", token, nil)
		}
		want("not used for a week", idle, store.ErrNoSession)
		c.pass(5 * day)
		want("after a month", token, store.ErrNoSession)

		out, other := create(secret), create(secret)
		if err := s.DeleteSession(ctx, out, from); err != nil {
			t.Error(err)
		}
		if err := s.DeleteSession(ctx, out, from); err != nil {
			t.Errorf("ending it again gives %v", err)
		}
		want("signed out", out, store.ErrNoSession)
		want("of the same key", other, nil)
		if err := s.DeleteKey(ctx, key.ID, octocat); err != nil {
			t.Fatal(err)
		}
		want("of a deleted key", other, store.ErrNoSession)

		entries, err := s.Audit(ctx, store.AuditFilter{})
		if err != nil {
			t.Fatal(err)
		}
		signed := 0
		for _, e := range entries {
			if e.Action == "sign-in" || e.Action == "sign-out" {
				signed++
				if e.Person == "" || e.Key == "" || e.Remote != from.Remote {
					t.Errorf("the audit log has %+v", e)
				}
			}
		}
		if signed != 6 {
			t.Errorf("the audit log has %d entries, want 6: %+v", signed, entries)
		}
	})
}

// What has ended goes from the database, and nothing else.
func TestSessionsArePruned(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		_, secret, err := s.CreateKey(t.Context(), store.NewKey{Name: "ada", Scope: store.KeyScopeRun}, octocat)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, _, err := s.CreateSession(t.Context(), secret, store.Actor{}); err != nil {
				t.Fatal(err)
			}
		}
		c.pass(8 * 24 * time.Hour)
		_, token, err := s.CreateSession(t.Context(), secret, store.Actor{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Prune(t.Context(), store.Retention{}); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Sessions(t.Context()); n != 1 || err != nil {
			t.Errorf("%d sessions are kept, want 1 (%v)", n, err)
		}
		if _, err := s.Session(t.Context(), token); err != nil {
			t.Error(err)
		}
	})
}

func TestSessionsOfAKeyAreBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		create := func(secret string) string {
			t.Helper()
			_, token, err := s.CreateSession(t.Context(), secret, store.Actor{})
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		var secrets [2]string
		for n := range secrets {
			var err error
			if _, secrets[n], err = s.CreateKey(t.Context(), store.NewKey{Name: "ada", Scope: store.KeyScopeRun}, octocat); err != nil {
				t.Fatal(err)
			}
		}
		kept := create(secrets[1])
		tokens := make([]string, 101)
		for n := range tokens {
			c.pass(time.Second)
			tokens[n] = create(secrets[0])
		}
		for token, want := range map[string]error{tokens[0]: store.ErrNoSession, tokens[1]: nil, tokens[100]: nil, kept: nil} {
			if _, err := s.Session(t.Context(), token); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
	})
}

// What is over stays over when the clock is set back, and what only seems to be is good
// again when the clock is.
func TestSessionsWhenTheClockIsSet(t *testing.T) {
	const day = 24 * time.Hour
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		_, secret, err := s.CreateKey(t.Context(), store.NewKey{Name: "ada", Scope: store.KeyScopeRun}, octocat)
		if err != nil {
			t.Fatal(err)
		}
		_, token, err := s.CreateSession(t.Context(), secret, store.Actor{})
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string, want error) {
			t.Helper()
			if _, err := s.Session(t.Context(), token); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
		}
		c.set(8 * day)
		check("with a clock set forth", store.ErrNoSession)
		if _, err := s.Prune(t.Context(), store.Retention{}); err != nil {
			t.Fatal(err)
		}
		c.set(-8 * day)
		check("with the clock put right", nil)
		c.pass(7 * day)
		check("after a week", store.ErrNoSession)
		c.set(-2 * day)
		check("with a clock set back", store.ErrNoSession)
	})
}
