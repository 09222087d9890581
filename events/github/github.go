// Package github is the source of GitHub's webhooks. It proves that a delivery
// is GitHub's and reads its payload into an [events.Event].
//
// The format of deliveries is GitHub's documentation, "Webhook events and
// payloads" and "Validating webhook deliveries".
package github

import (
	"errors"
	"net/url"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// The headers of a delivery that matter here.
const (
	headerEvent        = "X-GitHub-Event"
	headerDelivery     = "X-GitHub-Delivery"
	headerSignature    = "X-Hub-Signature-256"
	headerSignatureOld = "X-Hub-Signature"
)

// Source receives GitHub's webhooks. It implements [events.Source] and may be
// used from several goroutines.
type Source struct {
	// secrets is empty only in a source that NewInsecure made.
	secrets delivery.Secrets
	// app is the GitHub App that pocketci is, or zero.
	app int64
}

var _ events.Source = (*Source)(nil)

// New returns a source that takes only deliveries signed with one of the
// secrets. Several are for the time in which a secret is being replaced. It is
// an error to give no secret or a blank one.
func New(secrets ...string) (*Source, error) {
	s, err := delivery.NewSecrets(secrets...)
	if err != nil {
		return nil, err
	}
	return &Source{secrets: s}, nil
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
	kind, err := delivery.Required(header, headerEvent)
	if err != nil {
		return e, err
	}
	id, err := delivery.Header(header, headerDelivery)
	if err != nil {
		return e, err
	}
	payload, err := payloadOf(header, body)
	if err != nil {
		return e, err
	}
	e, err = Parse(kind, payload)
	e.Delivery = id
	if err == nil && s.ofOwnApp(&e) {
		e.Comment, err = nil, delivery.Own()
	}
	return e, err
}

func payloadOf(header map[string][]string, body []byte) ([]byte, error) {
	isForm, err := delivery.IsForm(header)
	if err != nil {
		return nil, err
	}
	if !isForm {
		return body, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &events.MalformedError{Reason: "the form cannot be read"}
	}
	switch payloads := form["payload"]; len(payloads) {
	case 0:
		return nil, delivery.Malformed("form field payload", errors.New("is missing"))
	case 1:
		return []byte(payloads[0]), nil
	}
	return nil, delivery.Malformed("form field payload", errors.New("is given more than once"))
}
