package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// CatchUp says what becomes of ticks that came while nobody kept the clock.
type CatchUp int

// The three choices.
const (
	// CatchUpLast tells of the last of them alone.
	CatchUpLast CatchUp = iota
	// CatchUpAll tells of each.
	CatchUpAll
	// CatchUpNone tells of none.
	CatchUpNone
)

var catchUpWords = []string{CatchUpLast: "last", CatchUpAll: "all", CatchUpNone: "none"}

// String returns the word that configuration files have.
func (c CatchUp) String() string { return catchUpWords[c] }

// MarshalText is [CatchUp.String].
func (c CatchUp) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads one of the words.
func (c *CatchUp) UnmarshalText(text []byte) error {
	at := slices.Index(catchUpWords, string(text))
	if at < 0 {
		return fmt.Errorf("%q is none of %s", text, strings.Join(catchUpWords, ", "))
	}
	*c = CatchUp(at)
	return nil
}

// CatchUpWords are what configuration files may have.
func CatchUpWords() []string { return slices.Clone(catchUpWords) }

// Bounds of a [Policy].
const (
	// DefaultMaxAge is how old a tick may be that is caught up with, where
	// nothing else is said.
	DefaultMaxAge = 24 * time.Hour
	// MaxMaxAge is the most that can be said.
	MaxMaxAge = 366 * 24 * time.Hour
	// MaxJitter is the longest jitter.
	MaxJitter = 24 * time.Hour
)

// Policy says what is done about the ticks of a schedule that come late, and how late
// they are told on purpose. The zero Policy catches up with the last tick of the last
// 24 hours and has no jitter.
type Policy struct {
	CatchUp CatchUp
	// MaxAge is how old a tick may be that is caught up with; zero is
	// [DefaultMaxAge].
	MaxAge time.Duration
	// Jitter is what ticks are told later by at most, which spreads those that
	// are due at the same time. It is shorter than the time between two ticks.
	Jitter time.Duration
}

// Age is how old a tick may be that is caught up with.
func (p Policy) Age() time.Duration {
	if p.MaxAge == 0 {
		return DefaultMaxAge
	}
	return p.MaxAge
}
