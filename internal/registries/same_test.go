package registries_test

import (
	"testing"
	"time"

	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/registries"
	"github.com/franela/pocketci/internal/settings"
)

// What is configured as before is told from what is not, wherever it stands in the
// file.
func TestSameConfiguration(t *testing.T) {
	set := registries.New(registries.Config{})
	configuration := func(value string, change func(*settings.Registry)) string {
		t.Helper()
		conf := watching("registry.example.com", nil...)
		conf[0].Token = &settings.Secret{Env: "TOKEN"}
		change(&conf[0])
		watches, _, err := set.Prepare(conf, func(s settings.Secret) (string, error) { return value + "-of-" + s.Env, nil })
		if err != nil {
			t.Fatal(err)
		}
		return watches.Sources()[0].(poll.Configured).Configuration()
	}
	as := configuration("some-long-value", func(*settings.Registry) {})
	for name, c := range map[string]struct {
		value  string
		change func(*settings.Registry)
		same   bool
	}{
		"nothing is changed": {"some-long-value", func(*settings.Registry) {}, true},
		"it stands elsewhere": {"some-long-value", func(r *settings.Registry) {
			r.Line, r.Token.Line, r.Watch[0].Line, r.Watch[0].Calls.Line = 7, 8, 9, 10
		}, true},
		"another one beside it": {"some-long-value", func(r *settings.Registry) {
			other := r.Watch[0]
			other.Name = "other"
			r.Watch = append(r.Watch, other)
		}, true},
		"another password":  {"another-long-value", func(*settings.Registry) {}, false},
		"another host":      {"some-long-value", func(r *settings.Registry) { r.Host = "registry.example.org" }, false},
		"plain http":        {"some-long-value", func(r *settings.Registry) { r.Insecure = false }, false},
		"another interval":  {"some-long-value", func(r *settings.Registry) { r.Watch[0].Interval = time.Hour }, false},
		"another target":    {"some-long-value", func(r *settings.Registry) { r.Watch[0].Calls.Ref = "refs/heads/next" }, false},
		"another rule":      {"some-long-value", func(r *settings.Registry) { r.Watch[0].Versions.Prereleases = true }, false},
		"another way to in": {"some-long-value", func(r *settings.Registry) { r.Token, r.DockerConfig = nil, "/etc/docker/config.json" }, false},
	} {
		if got := configuration(c.value, c.change); got == "" || (got == as) != c.same {
			t.Errorf("%s: the same is %t, want %t", name, got == as, c.same)
		}
	}
}
