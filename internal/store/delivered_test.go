package store_test

import (
	"errors"
	"testing"

	"github.com/franela/pocketci/internal/store"
)

func TestRunOfDelivery(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		p, err := s.Position(t.Context(), "time", "nightly")
		if err != nil {
			t.Fatal(err)
		}
		p.Value = []byte(`1`)
		receipts, _, err := s.Advance(t.Context(), p, tick("a"), tick("b"))
		if err != nil {
			t.Fatal(err)
		}
		for i, delivery := range []string{"a", "b"} {
			run, err := s.RunOfDelivery(t.Context(), "time:nightly", delivery)
			if err != nil || run.ID != receipts[i].Run || run.Number != receipts[i].Number {
				t.Errorf("the run of %s is %+v (%v), want %s", delivery, run, err, receipts[i].Run)
			}
		}
		for name, at := range map[string][2]string{
			"another delivery": {"time:nightly", "c"}, "another hook": {"time:daily", "a"}, "no hook": {"", "a"}, "no id": {"time:nightly", ""},
		} {
			if _, err := s.RunOfDelivery(t.Context(), at[0], at[1]); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
}
