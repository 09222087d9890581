package signed_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/signed"
)

// token is one that was verified, signed some time after noon, which expires an hour
// later.
func token(id string, issued time.Duration) *signed.Token {
	return &signed.Token{Hash: "hash of " + id, Claims: signed.Claims{
		ID: id, IssuedAt: noon.Add(issued), Expires: noon.Add(issued + time.Hour),
	}}
}

// keep writes a guard and reads it again, as between two agents.
func keep(t *testing.T, g signed.Guard) signed.Guard {
	t.Helper()
	kept, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	if g, err = signed.ReadGuard(kept); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGuard(t *testing.T) {
	type step struct {
		token      *signed.Token
		allowOlder bool
		want       error
	}
	tests := map[string][]step{
		"one after the other":            {{token("a", 0), false, nil}, {token("b", time.Second), false, nil}},
		"in the same second":             {{token("a", 0), false, nil}, {token("b", 0), false, nil}},
		"the same again":                 {{token("a", 0), false, nil}, {token("a", 0), false, signed.ErrReplayed}},
		"the same jti, signed anew":      {{token("a", 0), false, nil}, {token("a", time.Second), false, signed.ErrReplayed}},
		"the same, older allowed":        {{token("a", 0), false, nil}, {token("b", 1), false, nil}, {token("a", 0), true, signed.ErrReplayed}},
		"older":                          {{token("a", 0), false, nil}, {token("b", -time.Second), false, signed.ErrOlder}},
		"older, which is allowed":        {{token("a", 0), false, nil}, {token("b", -time.Second), true, nil}, {token("b", -time.Second), true, signed.ErrReplayed}},
		"newest stays what it was":       {{token("a", 0), false, nil}, {token("b", -time.Minute), true, nil}, {token("c", -time.Second), false, signed.ErrOlder}},
		"refused ones leave no trace":    {{token("a", 0), false, nil}, {token("b", -time.Second), false, signed.ErrOlder}, {token("b", time.Second), false, nil}},
		"accepted, refused, and allowed": {{token("b", 0), false, nil}, {token("a", -time.Hour), false, signed.ErrOlder}, {token("a", -time.Hour), true, nil}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			var g signed.Guard
			for i, s := range steps {
				next, err := g.Admit(s.token, s.allowOlder, noon)
				if !errors.Is(err, s.want) || (err != nil) != (s.want != nil) {
					t.Fatalf("step %d: got %v, want %v", i, err, s.want)
				}
				if err != nil && !signed.Proven(err) {
					t.Errorf("step %d: not proven", i)
				}
				g = keep(t, next)
			}
		})
	}
}

// What a guard remembers has a bound, beyond which it refuses what it cannot know.
func TestGuardForgets(t *testing.T) {
	var g signed.Guard
	var err error
	id := func(i int) string { return fmt.Sprint("t", i) }
	for i := range 600 {
		if g, err = g.Admit(token(id(i), time.Duration(i)*time.Second), true, noon); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := json.Marshal(g)
	if err != nil || len(g.Seen) != 500 || len(kept) > 50_000 {
		t.Fatalf("it remembers %d tokens in %d bytes (%v)", len(g.Seen), len(kept), err)
	}
	for i, want := range map[int]error{0: signed.ErrOlder, 99: signed.ErrOlder, 100: signed.ErrReplayed, 599: signed.ErrReplayed} {
		if _, err := g.Admit(token(id(i), time.Duration(i)*time.Second), true, noon); !errors.Is(err, want) {
			t.Errorf("token %d: got %v, want %v", i, err, want)
		}
	}
	if _, err := g.Admit(token("new, but too old to know", 99*time.Second), true, noon); !errors.Is(err, signed.ErrOlder) {
		t.Errorf("got %v", err)
	}
	if _, err := g.Admit(token("new, and known", 100*time.Second), true, noon); err != nil {
		t.Error(err)
	}

	// Expired ones are not accepted anyhow.
	later := noon.Add(5 * time.Hour)
	next, err := g.Admit(token("later", 5*time.Hour), false, later)
	if err != nil || len(next.Seen) != 1 || len(g.Seen) != 500 {
		t.Errorf("after hours it remembers %d tokens, the one before %d (%v)", len(next.Seen), len(g.Seen), err)
	}
	// Those that never expire are.
	for i := range 3 {
		forever := token(fmt.Sprint("forever", i), 5*time.Hour)
		forever.Expires = time.Time{}
		if next, err = next.Admit(forever, false, later.AddDate(i, 0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if len(next.Seen) != 3 {
		t.Errorf("it remembers %d", len(next.Seen))
	}
}

func TestReadGuard(t *testing.T) {
	if g, err := signed.ReadGuard(nil); err != nil || g.Newest != 0 {
		t.Errorf("got %+v, %v", g, err)
	}
	if _, err := signed.ReadGuard(json.RawMessage(`[`)); err == nil {
		t.Error("it can be read")
	}
}
