package main

import (
	"context"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forge"
)

// oneWriter is a forge of which nothing is asked but who may write.
type oneWriter struct{ forge.Forge }

func (oneWriter) CanWrite(_ context.Context, repository, login string) (bool, error) {
	return repository == "octo/hello" && login == "mona", nil
}

// The forge that is asked is the one that has the event's repository.
func TestWriters(t *testing.T) {
	may := writers(forge.Set{{Forge: oneWriter{}, Host: "github.com"}})
	at := func(name, cloneURL string) *events.Event {
		return &events.Event{Repository: &events.Repository{FullName: name, CloneURL: cloneURL}}
	}
	for name, tc := range map[string]struct {
		event        *events.Event
		login        string
		want, failed bool
	}{
		"who may":              {at("octo/hello", "https://github.com/octo/hello.git"), "mona", true, false},
		"who may not":          {at("octo/hello", "https://github.com/octo/hello.git"), "mallory", false, false},
		"another repository":   {at("octo/other", "https://github.com/octo/other.git"), "mona", false, false},
		"another forge":        {at("octo/hello", "https://git.example.com/octo/hello.git"), "mona", false, true},
		"no repository at all": {&events.Event{}, "mona", false, true},
	} {
		if got, err := may(t.Context(), tc.event, tc.login); got != tc.want || (err != nil) != tc.failed {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
}
