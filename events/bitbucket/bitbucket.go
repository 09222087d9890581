// Package bitbucket is the source of Bitbucket Cloud's webhooks, and the client
// that talks back to it. Bitbucket Data Center is another product with other
// payloads.
//
// The format of deliveries is Atlassian's documentation, "Event payloads" and
// "Manage webhooks" of Bitbucket Cloud.
package bitbucket

import (
	"fmt"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// The headers of a delivery that matter here.
const (
	headerEvent     = "X-Event-Key"
	headerSignature = "X-Hub-Signature"
	// headerDelivery stays the same when a delivery is tried again, which
	// X-Attempt-Number counts.
	headerDelivery = "X-Request-UUID"
)

// Source receives Bitbucket Cloud's webhooks. It implements [events.Splitter] and
// may be used from several goroutines.
type Source struct {
	secrets delivery.Secrets
}

var _ events.Splitter = (*Source)(nil)

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

// String keeps secrets out of whatever prints a source.
func (s *Source) String() string { return "source " + s.Vendor() }

// Vendor returns [events.VendorBitbucket].
func (s *Source) Vendor() string { return events.VendorBitbucket }

// Screen implements [events.Source].
func (s *Source) Screen(header map[string][]string) error {
	_, err := signatureOf(header)
	return err
}

// Receive implements [events.Source]. A push of several refs is a
// [*events.MalformedError]; ReceiveAll takes it.
func (s *Source) Receive(header map[string][]string, body []byte) (events.Event, error) {
	kind, id, err := s.proven(header, body)
	if err != nil {
		return events.Event{Vendor: events.VendorBitbucket}, err
	}
	e, err := Parse(kind, body)
	e.Delivery = id
	return e, err
}

// ReceiveAll implements [events.Splitter]. The events of a push of several refs
// have the delivery's id with a slash and their place in it, counted from 1.
func (s *Source) ReceiveAll(header map[string][]string, body []byte) ([]events.Received, error) {
	kind, id, err := s.proven(header, body)
	if err != nil {
		return nil, err
	}
	all, err := ParseAll(kind, body)
	for i := range all {
		all[i].Event.Delivery = id
		if len(all) > 1 && id != "" {
			all[i].Event.Delivery = fmt.Sprintf("%s/%d", id, i+1)
		}
	}
	return all, err
}

// proven returns the event key and the id of a delivery whose signature is right.
func (s *Source) proven(header map[string][]string, body []byte) (kind, id string, err error) {
	mac, err := signatureOf(header)
	if err != nil {
		return "", "", err
	}
	if !s.secrets.Signed(body, mac) {
		return "", "", delivery.Refuse(headerSignature + " does not fit the body and the secret")
	}
	if kind, err = delivery.Required(header, headerEvent); err != nil {
		return "", "", err
	}
	if id, err = delivery.Header(header, headerDelivery); err != nil {
		return "", "", err
	}
	return kind, id, nil
}

func signatureOf(header map[string][]string) ([]byte, error) {
	mac, err := delivery.Signature(header, headerSignature, "sha256=")
	if err == nil && mac == nil {
		err = delivery.Refuse(headerSignature + " is missing; set a secret in the webhook's settings")
	}
	return mac, err
}

// Sign returns what Bitbucket sends as X-Hub-Signature with a body, for whoever
// sends deliveries in its stead.
func Sign(secret string, body []byte) string { return "sha256=" + delivery.Sign(secret, body) }
