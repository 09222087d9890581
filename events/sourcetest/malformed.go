package sourcetest

import (
	"cmp"
	"errors"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
)

// Fault is a payload that cannot be read for one value of it.
type Fault struct {
	// File has the payload, which is of the kind, and Path is where Value takes
	// the place of what is there: see [Reader.With].
	File, Kind, Path string
	Value            any
	// Reason is a part of what must be said of it.
	Reason string
	// Place is where the fault is reported if that is not Path.
	Place string
}

// Refuses fails the test unless the fault is found and reported at its place, with
// no credential of an address in the error. It returns what was read all the same.
func (r Reader) Refuses(t *testing.T, f Fault) events.Event {
	t.Helper()
	e, err := r.Parse(f.Kind, r.With(t, f.File, f.Path, f.Value))
	bad, ok := errors.AsType[*events.MalformedError](err)
	if !ok {
		t.Fatalf("error %v, want a MalformedError", err)
	}
	if place := cmp.Or(f.Place, f.Path); bad.Path != place || !strings.Contains(bad.Reason, f.Reason) {
		t.Errorf("error at %q: %q, want at %q: %q", bad.Path, bad.Reason, place, f.Reason)
	}
	if strings.Contains(bad.Error(), "a:b@") || strings.Contains(bad.Error(), "token@") {
		t.Errorf("the error repeats a credential: %v", bad)
	}
	return e
}

// RefusesTexts fails the test unless the error for each text, as the payload of an
// event of that kind, begins as wanted, with the line and column of the fault.
func (r Reader) RefusesTexts(t *testing.T, kind string, texts map[string]struct{ Payload, Want string }) {
	t.Helper()
	for name, text := range texts {
		_, err := r.Parse(kind, []byte(text.Payload))
		if _, ok := errors.AsType[*events.MalformedError](err); !ok || !strings.HasPrefix(err.Error(), text.Want) {
			t.Errorf("%s: error %q, want %q", name, err, text.Want)
		}
	}
}

// RefusesKinds fails the test unless none of the kinds is taken for the name of an
// event. The header with the name is not signed: no spelling of it may match the
// functions of an event and escape the reading of that event.
func (r Reader) RefusesKinds(t *testing.T, file, reason string, kinds ...string) {
	t.Helper()
	for _, kind := range kinds {
		_, err := r.Parse(kind, r.Payload(t, file))
		if bad, ok := errors.AsType[*events.MalformedError](err); !ok || !strings.Contains(bad.Reason, reason) {
			t.Errorf("kind %q: error %v", kind, err)
		}
	}
}
