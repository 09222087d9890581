package runs_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/runs"
)

func TestPlaceOf(t *testing.T) {
	shop := &events.Repository{FullName: "acme/shop", CloneURL: "https://git.example.com/acme/shop.git"}
	for name, c := range map[string]struct {
		repository *events.Repository
		base       string
		want       dispatcher.Place
	}{
		"no repository":   {},
		"a repository":    {shop, "", dispatcher.Place{Source: shop.CloneURL + "#aa"}},
		"another's rules": {shop, "bb", dispatcher.Place{Source: shop.CloneURL + "#aa", Rules: shop.CloneURL + "#bb"}},
		// Nobody else can open its address.
		"a stored module": {events.ModuleRepository("01a21312-8f49-79e0-b650-83e481af66fc", "tools"), "", dispatcher.Place{Source: ".", Dir: "tools"}},
	} {
		got := runs.PlaceOf(&events.Event{Repository: c.repository}, "aa", c.base)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
