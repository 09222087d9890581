package store_test

import (
	"testing"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// Whoever follows events hears of those, too, for which nothing can be planned, and
// not of work.
func TestNewEventsAreHeardOf(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		stored, end := s.Watch(store.TopicEvents)
		defer end()
		heard := func() bool {
			select {
			case <-stored:
				return true
			case <-time.After(time.Minute):
				return false
			}
		}
		d := tick("1")
		d.Skip = "the ref was deleted"
		accept(t, s, d)
		if !heard() {
			t.Error("nobody is told of an event that is skipped")
		}
		position, err := s.Position(t.Context(), "test", "a")
		if err != nil {
			t.Fatal(err)
		}
		position.Value = []byte("1")
		if _, _, err := s.Advance(t.Context(), position, tick("2")); err != nil {
			t.Fatal(err)
		}
		if !heard() {
			t.Error("nobody is told of an event that came with a position")
		}
	})
}
