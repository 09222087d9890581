// Package webhook is the source of webhooks that belong to no vendor with a name:
// whatever can send an HTTP request, proven in one of the ways that senders use. What
// is sent is data: it becomes the payload of an event, and no part of a command.
package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
	"github.com/franela/pocketci/internal/predicate"
)

// Options are what a source is made of.
type Options struct {
	// Name is the hook's, and the name of its events.
	Name string
	// Proof says how deliveries are proven.
	Proof Proof
	// Filter, if it is not nil, is where in the payload the filter of the event
	// is.
	Filter *predicate.Pointer
	// Key is what tells deliveries apart. Without it each one is a new event.
	Key Key
	// Headers and Query are the names of headers and parameters of the address that
	// are kept in the payload.
	Headers, Query []string
	// Trusted says that whoever can prove a delivery may have functions called with
	// secrets.
	Trusted bool
	// Now is the time by which timestamps are judged; nil is the system's.
	Now func() time.Time
}

// Key is where the key of a delivery is, by which one that is sent again is known.
// At most one of them is set.
type Key struct {
	// Pointer is a place in the payload.
	Pointer *predicate.Pointer
	// Header is the name of a header.
	Header string
}

// Source is one hook.
type Source struct{ o Options }

// New returns a source. It fails if a delivery could not be told to be proven or not,
// or if a header would be kept that proves who somebody is.
func New(o Options) (*Source, error) {
	switch {
	case o.Name == "":
		return nil, errors.New("a webhook needs a name")
	case o.Proof == nil:
		return nil, errors.New("it is not said how deliveries are proven")
	case o.Key.Pointer != nil && o.Key.Header != "":
		return nil, errors.New("a delivery has one key")
	}
	for _, name := range o.Headers {
		if err := CheckHeader(name); err != nil {
			return nil, err
		}
		if http.CanonicalHeaderKey(name) == http.CanonicalHeaderKey(o.Proof.header()) {
			return nil, fmt.Errorf("the header %s proves deliveries and is not kept", name)
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Source{o}, nil
}

// CheckHeader returns an error unless a header of that name may be kept in payloads,
// which everybody reads who may read events. Credentials may not.
func CheckHeader(name string) error {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Proxy-Authorization", "Cookie":
		return fmt.Errorf("the header %s holds credentials and is not kept", name)
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == ':' {
			return fmt.Errorf("%q is not the name of a header", name)
		}
	}
	if name == "" {
		return errors.New("a header has no name")
	}
	return nil
}

// String keeps secrets out of whatever prints the source.
func (s *Source) String() string { return "webhook " + s.o.Name }

// GoString is for %#v what String is for the rest.
func (s *Source) GoString() string { return s.String() }

// Vendor implements [events.Source].
func (s *Source) Vendor() string { return events.VendorWebhook }

// Challenge is what WWW-Authenticate says to whoever proves nothing, or empty.
func (s *Source) Challenge() string { return s.o.Proof.challenge() }

// Screen implements [events.Source].
func (s *Source) Screen(header map[string][]string) error { return s.o.Proof.screen(header, s.o.Now()) }

// Receive implements [events.Source].
func (s *Source) Receive(header map[string][]string, body []byte) (events.Event, error) {
	return s.ReceiveRequest(events.Request{Method: http.MethodPost, Header: header, Body: body})
}

// ReceiveRequest implements [events.RequestSource].
func (s *Source) ReceiveRequest(r events.Request) (events.Event, error) {
	e := events.Event{Vendor: events.VendorWebhook}
	if err := s.o.Proof.prove(r.Header, r.Body, s.o.Now()); err != nil {
		return e, err
	}
	e.Name, e.Kind, e.Trusted = s.o.Name, s.o.Name, s.o.Trusted
	payload, err := s.payload(r)
	if err != nil {
		return e, err
	}
	e.Payload = payload
	document := predicate.NewDocument(payload)
	if s.o.Filter != nil {
		if e.Filter, err = scalar(document, *s.o.Filter); err != nil {
			return e, err
		}
	}
	e.Delivery, err = s.key(document, r.Header)
	return e, err
}

// key is the delivery's own. One that ought to have a key and has none would be taken
// for another one each time.
func (s *Source) key(document *predicate.Document, header map[string][]string) (string, error) {
	switch {
	case s.o.Key.Header != "":
		return delivery.Required(header, s.o.Key.Header)
	case s.o.Key.Pointer != nil:
		key, err := scalar(document, *s.o.Key.Pointer)
		if err == nil && key == "" {
			err = &events.MalformedError{Path: s.o.Key.Pointer.String(), Reason: "is missing, and is the key of the delivery"}
		}
		return key, err
	}
	return "", nil
}

// scalar is the text of a string, a number, true or false in the payload, and empty
// for everything else. It must be short and printable, as it is shown and compared
// everywhere.
func scalar(document *predicate.Document, at predicate.Pointer) (string, error) {
	v, ok := document.Find(at)
	if !ok {
		return "", nil
	}
	text, _ := v.Text()
	if err := events.CheckText(text); err != nil {
		return "", delivery.Malformed(at.String(), err)
	}
	return text, nil
}

var _ events.RequestSource = (*Source)(nil)
