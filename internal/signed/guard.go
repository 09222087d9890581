package signed

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

const (
	// maxSeen is how many tokens a guard remembers each by itself.
	maxSeen = 500
	// keepSeen is how long one is remembered that has expired, for clocks that
	// are wrong.
	keepSeen = time.Hour
)

// Guard is what a source remembers of the tokens that it accepted. It is kept as
// JSON, whose size has a bound. The zero Guard has accepted none.
type Guard struct {
	// Last is the hash of the token that was accepted last.
	Last string `json:"last,omitempty"`
	// Newest is when the newest of them was signed, in seconds since 1970.
	Newest int64 `json:"newest,omitempty"`
	// Floor is when the newest was signed of those that are not remembered each
	// by itself.
	Floor int64  `json:"floor,omitempty"`
	Seen  []seen `json:"seen,omitempty"`
}

// seen is a token that was accepted.
type seen struct {
	// ID is the beginning of its jti's hash, so that all have the same size.
	ID string `json:"id"`
	// Issued and Expires are its iat and exp, in seconds since 1970; Expires is
	// zero if it is valid for ever.
	Issued  int64 `json:"iat"`
	Expires int64 `json:"exp,omitempty"`
}

// ReadGuard reads a guard from what is kept, nil if nothing is.
func ReadGuard(kept json.RawMessage) (Guard, error) {
	var g Guard
	if kept == nil {
		return g, nil
	}
	if err := json.Unmarshal(kept, &g); err != nil {
		return Guard{}, fmt.Errorf("read which tokens were accepted: %w", err)
	}
	return g, nil
}

// Admit decides whether a token that was verified is accepted, and returns the guard
// that remembers it if so; g itself does not change. One that was accepted before is
// refused with [ErrReplayed], and with [ErrOlder] one that was signed before the
// newest that was accepted, unless allowOlder is set. Even then it is refused if it
// was signed before tokens that are not remembered each by itself any more: it may
// have been one of them.
func (g Guard) Admit(t *Token, allowOlder bool, now time.Time) (Guard, error) {
	id, issued := idHash(t.ID), t.IssuedAt.Unix()
	switch {
	case t.Hash == g.Last, slices.ContainsFunc(g.Seen, func(s seen) bool { return s.ID == id }):
		return g, refuse(ErrReplayed, "sign it anew, with a jti of its own")
	case issued < g.Newest && !allowOlder:
		return g, refuse(ErrOlder, "it was signed at %s, the newest at %s", second(issued), second(g.Newest))
	case g.Floor > 0 && issued <= g.Floor:
		return g, refuse(ErrOlder, "it was signed at %s, and it is not known any more which tokens up to %s were accepted", second(issued), second(g.Floor))
	}
	next := Guard{Last: t.Hash, Newest: max(g.Newest, issued), Floor: g.Floor}
	for _, s := range g.Seen {
		if s.Expires == 0 || now.Before(time.Unix(s.Expires, 0).Add(Leeway+keepSeen)) {
			next.Seen = append(next.Seen, s)
		}
	}
	entry := seen{ID: id, Issued: issued}
	if !t.Expires.IsZero() {
		entry.Expires = t.Expires.Unix()
	}
	next.Seen = append(next.Seen, entry)
	next.bound()
	return next, nil
}

// bound forgets the oldest tokens that are too many.
func (g *Guard) bound() {
	if len(g.Seen) <= maxSeen {
		return
	}
	slices.SortStableFunc(g.Seen, func(a, b seen) int { return int(min(max(a.Issued-b.Issued, -1), 1)) })
	more := len(g.Seen) - maxSeen
	g.Floor = max(g.Floor, g.Seen[more-1].Issued)
	g.Seen = slices.Delete(g.Seen, 0, more)
}

// idHash is 128 bits of a jti's hash.
func idHash(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func second(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }
