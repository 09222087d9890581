// Package gitlab is the source of GitLab's webhooks, and the client that talks
// back to a GitLab. The source proves that a delivery is GitLab's and reads its
// payload into an [events.Event]; the client is a [forge.Forge].
//
// The format of deliveries is GitLab's documentation, "Webhooks" and "Webhook
// events", that of the API its "REST API resources".
package gitlab

import (
	"errors"
	"fmt"
	"strings"

	"github.com/franela/pocketci/events"
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
	tokens [][]byte
	keys   [][]byte
}

var _ events.Source = (*Source)(nil)

// New returns a source that takes only deliveries proven by one of the secrets.
// Several are for the time in which a secret is being replaced. A secret that
// begins with whsec_ is a signing token, which signs the body (GitLab 19.0 and
// later); any other is a secret token, which GitLab sends along. It is an error
// to give no secret, a blank one, or a signing token that is none.
func New(secrets ...string) (*Source, error) {
	if len(secrets) == 0 {
		return nil, errors.New("no webhook secret is given")
	}
	s := &Source{}
	for i, secret := range secrets {
		switch {
		case strings.TrimSpace(secret) == "":
			return nil, fmt.Errorf("webhook secret %d of %d is empty", i+1, len(secrets))
		case strings.HasPrefix(secret, signingPrefix):
			key, err := signingKey(secret)
			if err != nil {
				return nil, fmt.Errorf("webhook secret %d of %d: %w", i+1, len(secrets), err)
			}
			s.keys = append(s.keys, key)
		default:
			s.tokens = append(s.tokens, []byte(secret))
		}
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
	kind, err := single(header, headerEvent)
	if err != nil {
		return e, err
	}
	if kind == "" {
		return e, malformed("header "+headerEvent, errors.New("is missing"))
	}
	delivery, err := deliveryOf(header, signed)
	if err != nil {
		return e, err
	}
	e, err = Parse(kind, body)
	e.Delivery = delivery
	return e, err
}

func deliveryOf(header map[string][]string, signed *signature) (string, error) {
	if signed != nil {
		// The signature covers this one; it equals the Idempotency-Key.
		if err := events.CheckText(signed.id); err != nil {
			return "", malformed("header "+headerSignedID, err)
		}
		return signed.id, nil
	}
	for _, name := range []string{headerIdempotency, headerUUID} {
		if value, err := single(header, name); value != "" || err != nil {
			return value, err
		}
	}
	return "", nil
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

func malformed(path string, err error) *events.MalformedError {
	return &events.MalformedError{Path: path, Reason: err.Error()}
}
