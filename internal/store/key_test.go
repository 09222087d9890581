package store_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/store"
)

func TestKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		ctx := t.Context()
		start := c.Now()
		first, secret, err := s.CreateKey(ctx, store.NewKey{Name: "ada", Scope: store.KeyScopeAdmin}, octocat)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^pci_[A-Za-z0-9_-]{43}$`).MatchString(secret) {
			t.Errorf("the secret is %q", secret)
		}
		c.set(time.Second)
		expires := c.Now().Add(time.Hour)
		// Names need not be unique.
		second, other, err := s.CreateKey(ctx, store.NewKey{Name: "ada", Scope: store.KeyScopeRead, Login: "ada-lovelace", ExpiresAt: expires}, octocat)
		if err != nil {
			t.Fatal(err)
		}
		want := []store.Key{
			{ID: first.ID, Name: "ada", Scope: "admin", CreatedBy: "octocat", CreatedAt: start},
			{ID: second.ID, Name: "ada", Scope: "read", Login: "ada-lovelace", CreatedBy: "octocat", CreatedAt: start.Add(time.Second), ExpiresAt: expires},
		}
		keys, err := s.Keys(ctx)
		if diff := cmp.Diff(want, keys); diff != "" || err != nil {
			t.Errorf("%s (%v)", diff, err)
		}
		if diff := cmp.Diff(want, []store.Key{first, second}); diff != "" {
			t.Error(diff)
		}
		for name, tc := range map[string]struct {
			secret, want string
			err          error
		}{
			"first":              {secret, first.ID, nil},
			"second":             {other, second.ID, nil},
			"unknown":            {"pci_" + strings.Repeat("A", 43), "", store.ErrNoKey},
			"empty":              {"", "", store.ErrNoKey},
			"one character less": {secret[:len(secret)-1], "", store.ErrNoKey},
			"id":                 {first.ID, "", store.ErrNoKey},
			"not UTF-8":          {"\xff\x00", "", store.ErrNoKey},
		} {
			if k, err := s.Authenticate(ctx, tc.secret); !errors.Is(err, tc.err) || k.ID != tc.want {
				t.Errorf("%s: key is %q (%v)", name, k.ID, err)
			}
		}
		c.pass(time.Hour)
		if k, err := s.Authenticate(ctx, other); !errors.Is(err, store.ErrKeyExpired) || k != (store.Key{}) {
			t.Errorf("an expired key gives %+v (%v)", k, err)
		}
		if err := s.DeleteKey(ctx, second.ID, octocat); err != nil {
			t.Error(err)
		}
		if err := s.DeleteKey(ctx, second.ID, octocat); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleting it again gives %v", err)
		}
		if _, err := s.Authenticate(ctx, other); !errors.Is(err, store.ErrNoKey) {
			t.Errorf("a deleted key gives %v", err)
		}
		if diff := cmp.Diff([][3]string{
			{"create-key", "key " + first.ID, "ada, scope admin"},
			{"create-key", "key " + second.ID, "ada, scope read, login ada-lovelace, expires " + expires.Format(time.RFC3339)},
			{"delete-key", "key " + second.ID, "ada, scope read"},
		}, audit(t, s)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestKeysThatCannotBe(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		for name, n := range map[string]store.NewKey{
			"no name":       {Scope: "read"},
			"no scope":      {Name: "ada"},
			"another scope": {Name: "ada", Scope: "write"},
			"over already":  {Name: "ada", Scope: "read", ExpiresAt: time.Now().Add(-time.Second)},
		} {
			if _, secret, err := s.CreateKey(t.Context(), n, octocat); !errors.Is(err, store.ErrBadKey) || secret != "" {
				t.Errorf("%s: made with the secret %q (%v)", name, secret, err)
			}
		}
		if keys, err := s.Keys(t.Context()); err != nil || len(keys) != 0 || len(audit(t, s)) != 0 {
			t.Errorf("there are %d keys (%v)", len(keys), err)
		}
	})
}

func TestUseOfAKeyIsRecordedOnceAMinute(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		recorded := 0
		o.Observe = func(operation string, _ time.Duration, _ error) {
			if operation == "use-key" {
				recorded++ // nothing else happens at that time
			}
		}
		s := open(t, o)
		_, secret, err := s.CreateKey(t.Context(), store.NewKey{Name: "ada", Scope: "read"}, octocat)
		if err != nil {
			t.Fatal(err)
		}
		start := c.Now()
		for _, step := range []struct {
			pass time.Duration
			used time.Duration
			want int
		}{{0, 0, 1}, {59 * time.Second, 0, 1}, {time.Second, time.Minute, 2}, {time.Hour, time.Hour + time.Minute, 3}} {
			c.pass(step.pass)
			k, err := s.Authenticate(t.Context(), secret)
			if err != nil {
				t.Fatal(err)
			}
			if want := start.Add(step.used); !k.UsedAt.Equal(want) || recorded != step.want {
				t.Errorf("used at %s, want %s; recorded %d times, want %d", k.UsedAt, want, recorded, step.want)
			}
		}
	})
}

func TestKeyCountsWhileTheDatabaseCannotBeWritten(t *testing.T) {
	o := sqliteOptions(t)
	c := newClock()
	o.Clock = c
	s := open(t, o)
	_, secret, err := s.CreateKey(t.Context(), store.NewKey{Name: "ada", Scope: "read"}, octocat)
	if err != nil {
		t.Fatal(err)
	}
	db := raw(t, o)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if k, err := s.Authenticate(t.Context(), secret); err != nil || k.Name != "ada" {
			t.Errorf("key is %+v (%v)", k, err)
		}
	}
	if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	c.pass(2 * time.Minute)
	if k, err := s.Authenticate(t.Context(), secret); err != nil || !k.UsedAt.Equal(c.Now()) {
		t.Errorf("used at %s (%v)", k.UsedAt, err)
	}
}
