package settings_test

import (
	"testing"

	"github.com/franela/pocketci/internal/settings"
)

// A source with keys of its own trusts none of those of all sources.
func TestOwnKeysReplaceThoseOfAllSources(t *testing.T) {
	const all, own = "ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=:all", "ed25519:FCxwIxFECr/ZiAgWTKLGgmTwbbzIzDbU+5S+0AAj6x0=:own"
	// Whatever the order in the file.
	s, err := settings.Parse("agent.yaml", []byte("signed:\n  sources:\n  - {name: a, push: true, calls: a/b, keys: ['"+own+"']}\n  - {name: b, push: true, calls: a/b}\n  keys: ['"+all+"']\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{own, all} {
		if keys := s.Signed[i].Keys; len(keys) != 1 || keys[0].String() != want {
			t.Errorf("the source %s trusts %v, want %s alone", s.Signed[i].Name, keys, want)
		}
	}
}
