// Package github is the source of GitHub's webhooks. It proves that a delivery
// is GitHub's and reads its payload into an [events.Event].
//
// The format of deliveries is GitHub's documentation, "Webhook events and
// payloads" and "Validating webhook deliveries".
package github

import (
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strings"

	"github.com/franela/pocketci/events"
)

// The headers of a delivery that matter here.
const (
	headerEvent        = "X-GitHub-Event"
	headerDelivery     = "X-GitHub-Delivery"
	headerSignature    = "X-Hub-Signature-256"
	headerSignatureOld = "X-Hub-Signature"
	headerContentType  = "Content-Type"
)

// Source receives GitHub's webhooks. It implements [events.Source] and may be
// used from several goroutines.
type Source struct {
	// secrets is empty only in a source that NewInsecure made.
	secrets [][]byte
	// app is the GitHub App that pocketci is, or zero.
	app int64
}

var _ events.Source = (*Source)(nil)

// New returns a source that takes only deliveries signed with one of the
// secrets. Several are for the time in which a secret is being replaced. It is
// an error to give no secret or a blank one.
func New(secrets ...string) (*Source, error) {
	if len(secrets) == 0 {
		return nil, errors.New("no webhook secret is given")
	}
	s := &Source{}
	for i, secret := range secrets {
		if strings.TrimSpace(secret) == "" {
			return nil, fmt.Errorf("webhook secret %d of %d is empty", i+1, len(secrets))
		}
		s.secrets = append(s.secrets, []byte(secret))
	}
	return s, nil
}

// NewInsecure returns a source that believes every delivery. Whoever reaches
// it can make it run code; it is for machines that nobody else can reach.
func NewInsecure() *Source { return &Source{} }

// String keeps secrets out of whatever prints a source.
func (s *Source) String() string { return "source " + s.Vendor() }

// Vendor returns [events.VendorGithub].
func (s *Source) Vendor() string { return events.VendorGithub }

// Screen implements [events.Source].
func (s *Source) Screen(header map[string][]string) error {
	if len(s.secrets) == 0 {
		return nil
	}
	_, err := signatureOf(header)
	return err
}

// Receive implements [events.Source]. The payload may be the body itself or,
// when the content type says that the body is a form, its field payload; the
// signature is over the raw body in both cases.
func (s *Source) Receive(header map[string][]string, body []byte) (events.Event, error) {
	if err := s.verify(header, body); err != nil {
		return events.Event{}, err
	}
	e := events.Event{Vendor: events.VendorGithub}
	kind, err := single(header, headerEvent)
	if err != nil {
		return e, err
	}
	if kind == "" {
		return e, malformed("header "+headerEvent, errors.New("is missing"))
	}
	delivery, err := single(header, headerDelivery)
	if err != nil {
		return e, err
	}
	payload, err := payloadOf(header, body)
	if err != nil {
		return e, err
	}
	e, err = Parse(kind, payload)
	e.Delivery = delivery
	if err == nil && s.ofOwnApp(&e) {
		e.Comment, err = nil, own()
	}
	return e, err
}

// single returns the one value of a header, or nothing.
func single(header map[string][]string, name string) (string, error) {
	values := events.HeaderValues(header, name)
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		if err := events.CheckText(values[0]); err != nil {
			return "", malformed("header "+name, err)
		}
		return values[0], nil
	}
	return "", malformed("header "+name, errors.New("is given more than once"))
}

func payloadOf(header map[string][]string, body []byte) ([]byte, error) {
	contentType, err := single(header, headerContentType)
	if err != nil {
		return nil, err
	}
	// A type that cannot be read is not a form; whether it is acceptable at
	// all is for the receiver to say.
	if mediaType, _, _ := mime.ParseMediaType(contentType); mediaType != "application/x-www-form-urlencoded" {
		return body, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &events.MalformedError{Reason: "the form cannot be read"}
	}
	switch payloads := form["payload"]; len(payloads) {
	case 0:
		return nil, malformed("form field payload", errors.New("is missing"))
	case 1:
		return []byte(payloads[0]), nil
	}
	return nil, malformed("form field payload", errors.New("is given more than once"))
}

func malformed(path string, err error) *events.MalformedError {
	return &events.MalformedError{Path: path, Reason: err.Error()}
}
