// Package gitea is the source of Gitea's and Forgejo's webhooks, and the client
// that talks back to them. Both send the same payloads and serve the same API.
//
// The format of deliveries is Gitea's and Forgejo's documentation, "Webhooks",
// and the types that Gitea publishes for them (code.gitea.io/gitea/modules/structs).
package gitea

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// Source receives the webhooks of Gitea and Forgejo. It implements
// [events.Source] and may be used from several goroutines.
type Source struct {
	secrets delivery.Secrets
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

// String keeps secrets out of whatever prints a source.
func (s *Source) String() string { return "source " + s.Vendor() }

// Vendor returns [events.VendorGitea], for Forgejo as well.
func (s *Source) Vendor() string { return events.VendorGitea }

// Screen implements [events.Source].
func (s *Source) Screen(header map[string][]string) error {
	_, err := signaturesOf(header)
	return err
}

// Receive implements [events.Source]. The payload may be the body itself or,
// when the content type says that the body is a form, its field payload.
func (s *Source) Receive(header map[string][]string, body []byte) (events.Event, error) {
	payload, err := s.proven(header, body)
	if err != nil {
		return events.Event{}, err
	}
	e := events.Event{Vendor: events.VendorGitea}
	kind, err := kindOf(header)
	if err != nil {
		return e, err
	}
	id, err := same(header, "X-Forgejo-Delivery", "X-Gitea-Delivery", "X-GitHub-Delivery")
	if err != nil {
		return e, err
	}
	e, err = Parse(kind, payload)
	e.Delivery = id
	return e, err
}

// kindOf returns the event's name. Older versions of Gitea leave it empty for
// some events and tell it by the finer event type alone.
func kindOf(header map[string][]string) (string, error) {
	kind, err := same(header, "X-Forgejo-Event", "X-Gitea-Event", "X-GitHub-Event")
	if err != nil {
		return "", err
	}
	finer, err := same(header, "X-Forgejo-Event-Type", "X-Gitea-Event-Type", "X-GitHub-Event-Type")
	if err != nil {
		return "", err
	}
	if finer == "pull_request_comment" {
		// As an event this is a review, as an event type a comment.
		finer = "issue_comment"
	}
	if kind = cmp.Or(kind, finer); kind == "" {
		return "", delivery.Malformed("header X-Gitea-Event", errors.New("is missing"))
	}
	return kind, nil
}

// same returns the one value that all of the headers that are there have. They
// are not signed: those that contradict each other are not believed.
func same(header map[string][]string, names ...string) (string, error) {
	found := ""
	for _, name := range names {
		value, err := delivery.Header(header, name)
		switch {
		case err != nil:
			return "", err
		case value == "":
		case found == "":
			found = value
		case value != found:
			return "", delivery.Malformed("header "+name, fmt.Errorf("is %.80q, and another says %.80q", value, found))
		}
	}
	return found, nil
}

// formPayload returns the payload of a form, and whether the body is one.
func formPayload(header map[string][]string, body []byte) (payload []byte, form bool, err error) {
	if form, err = delivery.IsForm(header); err != nil || !form {
		return nil, false, err
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || len(values["payload"]) != 1 {
		return nil, true, delivery.Malformed("form field payload", errors.New("is not there exactly once"))
	}
	return []byte(values.Get("payload")), true, nil
}
