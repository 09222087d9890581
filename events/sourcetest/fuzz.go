package sourcetest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/franela/pocketci/events"
)

// FuzzParse fuzzes the reading of payloads with what was added to f, and checks
// what holds for every event of the vendor's with also.
func (r Reader) FuzzParse(f *testing.F, also func(*testing.T, *events.Event)) {
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		e, err := r.Parse(kind, payload)
		if err != nil {
			CheckError(t, err)
			return
		}
		r.CheckEvent(t, &e)
		also(t, &e)
		if !bytes.Equal(e.Payload, payload) {
			t.Error("the payload is not what was given")
		}
	})
}

// CheckError fails the test unless err is of those that a payload may have.
func CheckError(t *testing.T, err error) {
	t.Helper()
	_, malformed := errors.AsType[*events.MalformedError](err)
	_, nothing := errors.AsType[*events.NothingError](err)
	if !malformed && !nothing {
		t.Errorf("error of type %T: %v", err, err)
	}
	if err.Error() == "" || len(err.Error()) > 4000 {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}

// CheckEvent checks what holds for every event that is read from any text, whoever
// sent it. It gives the event an ID.
func (r Reader) CheckEvent(t *testing.T, e *events.Event) {
	t.Helper()
	if e.Vendor != r.Vendor || e.Name == "" || e.Kind == "" || e.Repository == nil {
		t.Fatalf("incomplete event %+v", e)
	}
	if err := events.CheckFullName(e.Repository.FullName); err != nil {
		t.Errorf("repository %q: %v", e.Repository.FullName, err)
	}
	if err := events.CheckCloneURL(e.Repository.CloneURL); err != nil {
		t.Errorf("clone url %q: %v", e.Repository.CloneURL, err)
	}
	for _, sha := range []string{e.SHA, e.Before, e.BaseSHA} {
		if err := events.CheckSHA(sha); sha != "" && err != nil {
			t.Errorf("sha %q: %v", sha, err)
		}
	}
	if err := events.CheckRef(e.Ref); e.Ref != "" && err != nil {
		t.Errorf("ref %q: %v", e.Ref, err)
	}
	if e.Fork != "" && e.Trusted {
		t.Errorf("a fork's event is trusted: %+v", e)
	}
	e.ID = "1"
	data, err := events.EncodeFile(e, nil)
	if err != nil {
		t.Fatalf("no event file: %v", err)
	}
	if _, err := events.DecodeFile(data); err != nil {
		t.Errorf("the event file cannot be read: %v", err)
	}
}
