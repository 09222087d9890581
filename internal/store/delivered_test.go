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

// What somebody does to a position is in the audit log if, and only if, it was done.
func TestAdvanceBy(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		p := store.Position{Kind: "registry", Name: "shop", Value: []byte(`1`)}
		by := store.Actor{Person: "Mona"}
		if _, _, err := s.AdvanceBy(t.Context(), by, "pin", "tag v1", p, tick("a")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.AdvanceBy(t.Context(), by, "pin", "tag v2", p); !errors.Is(err, store.ErrMoved) {
			t.Errorf("got %v", err)
		}
		list, err := s.Audit(t.Context(), store.AuditFilter{})
		if err != nil || len(list) != 1 || list[0].Person != "Mona" || list[0].Action != "pin" || list[0].Object != "registry shop" || list[0].Detail != "tag v1" {
			t.Errorf("the log is %+v (%v)", list, err)
		}
	})
}
