// Package gitlab is the source of GitLab's webhooks, and the client that talks
// back to a GitLab. The source proves that a delivery is GitLab's and reads its
// payload into an [events.Event]; the client is a [forge.Forge].
//
// The format of deliveries is GitLab's documentation, "Webhooks" and "Webhook
// events", that of the API its "REST API resources".
package gitlab

import (
	"bytes"
	"fmt"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// The headers of a delivery that matter here. GitLab also sends
// X-Gitlab-Event-UUID, which is no id of a delivery: all webhooks that one
// request to GitLab sets off share it.
const (
	headerEvent       = "X-Gitlab-Event"
	headerToken       = "X-Gitlab-Token"
	headerIdempotency = "Idempotency-Key"
	headerUUID        = "X-Gitlab-Webhook-UUID"
)

// Source receives GitLab's webhooks. It implements [events.Source] and may be
// used from several goroutines.
type Source struct {
	// Both are empty only in a source that NewInsecure made.
	tokens delivery.Secrets
	keys   delivery.Secrets
}

var _ events.Source = (*Source)(nil)

// New returns a source that takes only deliveries proven by one of the secrets.
// Several are for the time in which a secret is being replaced. A secret that
// begins with whsec_ is a signing token, which signs the body (GitLab 19.0 and
// later); any other is a secret token, which GitLab sends along. It is an error
// to give no secret, a blank one, or a signing token that is none.
func New(secrets ...string) (*Source, error) {
	all, err := delivery.NewSecrets(secrets...)
	if err != nil {
		return nil, err
	}
	s := &Source{}
	for i, secret := range all {
		if !bytes.HasPrefix(secret, []byte(signingPrefix)) {
			s.tokens = append(s.tokens, secret)
			continue
		}
		key, err := signingKey(string(secret))
		if err != nil {
			return nil, fmt.Errorf("webhook secret %d of %d: %w", i+1, len(all), err)
		}
		s.keys = append(s.keys, key)
	}
	return s, nil
}

// NewInsecure returns a source that believes every delivery. Whoever reaches
// it can make it run code; it is for machines that nobody else can reach.
func NewInsecure() *Source { return &Source{} }

// String keeps secrets out of whatever prints a source.
func (s *Source) String() string { return "source " + s.Vendor() }

// GoString does the same for %#v.
func (s *Source) GoString() string { return s.String() }

// Vendor returns [events.VendorGitlab].
func (s *Source) Vendor() string { return events.VendorGitlab }

// Screen implements [events.Source]. A secret token is already proven by it.
func (s *Source) Screen(header map[string][]string) error {
	_, err := s.proof(header)
	return err
}

// Receive implements [events.Source]. The event's Delivery is GitLab's
// Idempotency-Key, which stays the same when GitLab sends a delivery again
// (GitLab 17.4 and later), else its X-Gitlab-Webhook-UUID, which does not.
func (s *Source) Receive(header map[string][]string, body []byte) (events.Event, error) {
	signed, err := s.proof(header)
	if err != nil {
		return events.Event{}, err
	}
	if signed != nil {
		if err := s.verify(signed, body); err != nil {
			return events.Event{}, err
		}
	}
	e := events.Event{Vendor: events.VendorGitlab}
	kind, err := delivery.Required(header, headerEvent)
	if err != nil {
		return e, err
	}
	id, err := deliveryOf(header, signed)
	if err != nil {
		return e, err
	}
	e, err = Parse(kind, body)
	e.Delivery = id
	return e, err
}

func deliveryOf(header map[string][]string, signed *signature) (string, error) {
	if signed != nil {
		// The signature covers this one; it equals the Idempotency-Key.
		if err := events.CheckText(signed.id); err != nil {
			return "", delivery.Malformed("header "+headerSignedID, err)
		}
		return signed.id, nil
	}
	for _, name := range []string{headerIdempotency, headerUUID} {
		if value, err := delivery.Header(header, name); value != "" || err != nil {
			return value, err
		}
	}
	return "", nil
}
