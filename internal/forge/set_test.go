package forge_test

import (
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forge"
)

func TestSet(t *testing.T) {
	set := forge.Set{{Host: "github.com"}, {Host: "git.example.com:8443"}, {Host: "gitea.example.com"}}
	for address, want := range map[string]string{
		"https://github.com/a/b.git":           "github.com",
		"https://GitHub.com:443/a/b.git":       "github.com",
		"https://git.example.com:8443/a/b":     "git.example.com:8443",
		"https://git.example.com/a/b":          "",
		"ssh://git@gitea.example.com:2222/a/b": "gitea.example.com",
		"http://gitea.example.com:80/a/b":      "gitea.example.com",
		"https://github.com.evil.example/a/b":  "",
		"https://evil.example/github.com/a/b":  "",
		"https://github.com@evil.example/a/b":  "",
		"":                                     "",
		"://":                                  "",
	} {
		got := ""
		if known := set.Of(&events.Event{Repository: &events.Repository{CloneURL: address}}); known != nil {
			got = known.Host
		}
		if got != want {
			t.Errorf("%q is of %q, want %q", address, got, want)
		}
	}
	if set.Of(&events.Event{}) != nil {
		t.Error("an event of no repository has a forge")
	}
}
