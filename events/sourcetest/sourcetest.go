// Package sourcetest is the suite that every source of webhooks passes,
// and runs the tables of payloads that each of them has.
package sourcetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
)

// Forge is a source under test, of a forge or of a vendor without a name, and how it
// sends.
type Forge struct {
	// Vendor is what the source's events must say.
	Vendor string
	// New makes a source that takes deliveries proven by one of the secrets.
	New func(secrets ...string) (events.Source, error)
	// Prove adds to a delivery's header what proves it to come from the
	// vendor.
	Prove func(header http.Header, secret string, body []byte)
	// CoversBody says that the proof is over the body, so that a body that was
	// changed on its way is refused. A token in a header, such as GitLab's, is
	// not.
	CoversBody bool
	// NoRepository says that its events belong to none by themselves.
	NoRepository bool
	// Deliveries are genuine ones by a name, without a proof.
	Deliveries map[string]Delivery
}

// Delivery is what the vendor sends and what has to come of it.
type Delivery struct {
	Header http.Header
	Body   []byte
	// Want is the event, without Payload, which is always the body.
	Want events.Event
	// Nothing is a part of the reason why nothing is planned, empty if
	// something is.
	Nothing string
}

// The secrets of the suite.
const (
	secret  = "correct horse battery staple"
	another = "a secret that is on its way in"
)

// Run runs the suite.
func Run(t *testing.T, f Forge) {
	source := func(t *testing.T, secrets ...string) events.Source {
		t.Helper()
		s, err := f.New(secrets...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if len(f.Deliveries) < 5 {
		t.Errorf("%d deliveries show too little", len(f.Deliveries))
	}
	t.Run("needs secrets", func(t *testing.T) {
		for name, secrets := range map[string][]string{"none": nil, "empty": {""}, "blank": {" \n"}, "one of two": {secret, ""}} {
			if s, err := f.New(secrets...); err == nil {
				t.Errorf("%s: made %v", name, s)
			} else if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error repeats a secret: %v", name, err)
			}
		}
	})
	t.Run("prints no secret", func(t *testing.T) {
		s := source(t, secret, another)
		if text := fmt.Sprintf("%v %+v %s %#v", s, s, s, s.Vendor()); strings.Contains(text, "horse") || strings.Contains(text, "on its way") {
			t.Error("a secret is printed")
		}
		if s.Vendor() != f.Vendor {
			t.Errorf("vendor %q, want %q", s.Vendor(), f.Vendor)
		}
	})
	for _, name := range slices.Sorted(maps.Keys(f.Deliveries)) {
		t.Run("delivery "+name, func(t *testing.T) { f.delivery(t, source(t, secret, another), f.Deliveries[name]) })
	}
}

func (f *Forge) delivery(t *testing.T, s events.Source, d Delivery) {
	proven := func(secret string) http.Header {
		h := d.Header.Clone()
		f.Prove(h, secret, d.Body)
		return h
	}
	for _, secret := range []string{secret, another} {
		h := proven(secret)
		if err := s.Screen(h); err != nil {
			t.Fatalf("screen: %v", err)
		}
		got, err := s.Receive(h, d.Body)
		check(t, d, got, err)
	}
	t.Run("spelt otherwise", func(t *testing.T) {
		lower := map[string][]string{}
		for name, values := range proven(secret) {
			lower[strings.ToLower(name)] = values
		}
		got, err := s.Receive(lower, d.Body)
		check(t, d, got, err)
	})
	refused := func(name string, h http.Header, body []byte) {
		t.Helper()
		_, err := s.Receive(h, body)
		unauthenticated, ok := errors.AsType[*events.UnauthenticatedError](err)
		if !ok {
			t.Errorf("%s: %v, want it refused", name, err)
		} else if strings.Contains(unauthenticated.Reason, "horse") {
			t.Errorf("%s: the reason holds the secret", name)
		}
	}
	refused("without a proof", d.Header.Clone(), d.Body)
	if _, ok := errors.AsType[*events.UnauthenticatedError](s.Screen(d.Header.Clone())); !ok {
		t.Error("without a proof the body would be read")
	}
	refused("with another secret", proven("something else altogether"), d.Body)
	if f.CoversBody {
		refused("with another body", proven(secret), append(bytes.Clone(d.Body), ' '))
	}
	twice := proven(secret)
	for name, values := range proven("something else altogether") {
		if !slices.Equal(values, twice[name]) {
			twice[name] = append(values, twice[name]...)
		}
	}
	refused("with two proofs", twice, d.Body)
	f.mutate(t, s, d)
}

func check(t *testing.T, d Delivery, got events.Event, err error) {
	t.Helper()
	nothing, ok := errors.AsType[*events.NothingError](err)
	switch {
	case d.Nothing == "" && err != nil:
		t.Fatal(err)
	case d.Nothing != "" && (!ok || !strings.Contains(nothing.Reason, d.Nothing)):
		t.Fatalf("%v, want that nothing is planned: %s", err, d.Nothing)
	}
	if err == nil && !bytes.Equal(got.Payload, d.Body) {
		t.Error("the payload is not the body")
	}
	got.Payload = nil
	if diff := cmp.Diff(d.Want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

// mutate takes out and replaces every value of a body in turn: whatever a vendor
// leaves out one day may be refused, but it must be said where, and nothing may
// panic.
func (f *Forge) mutate(t *testing.T, s events.Source, d Delivery) {
	var tree any
	if err := json.Unmarshal(d.Body, &tree); err != nil {
		t.Fatalf("the body is not JSON: %v", err)
	}
	tried := 0
	walk(tree, func() {
		if tried++; tried > 4000 {
			return
		}
		body, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		h := d.Header.Clone()
		f.Prove(h, secret, body)
		e, err := s.Receive(h, body)
		if err != nil {
			if malformed, ok := errors.AsType[*events.MalformedError](err); ok && malformed.Error() == "" {
				t.Errorf("no reason for %s", body)
			} else if _, nothing := errors.AsType[*events.NothingError](err); !ok && !nothing {
				t.Errorf("%v is no error of a source", err)
			}
			return
		}
		if e.Vendor != f.Vendor || e.Name == "" || (e.Repository == nil) != f.NoRepository {
			t.Errorf("an event of nothing comes of %s: %+v", body, e)
		}
	})
}

// walk calls try once for each way to spoil one value of a JSON tree, which is
// whole again afterwards.
func walk(node any, try func()) {
	bad := []any{nil, "", "\x00", float64(-1), []any{}, map[string]any{}, true}
	switch n := node.(type) {
	case map[string]any:
		for key, value := range n {
			for _, b := range bad {
				n[key] = b
				try()
			}
			delete(n, key)
			try()
			n[key] = value
			walk(value, try)
		}
	case []any:
		for i, value := range n {
			n[i] = nil
			try()
			n[i] = value
			walk(value, try)
		}
	}
}
