// Package converge is the source of what hosts report that pocketci converge keeps:
// that a pattern has changed a host, or could not be applied.
package converge

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// The headers of a report.
const (
	// HeaderDelivery has the report's id, which is that of the run.
	HeaderDelivery = "X-Pocketci-Delivery"
	// HeaderSignature has sha256= and the HMAC-SHA256 of the body in hexadecimal.
	HeaderSignature = "X-Pocketci-Signature"
)

// The outcomes that are reported, which are the names of the events.
const (
	// NameChanged says that a run has changed or removed something.
	NameChanged = "changed"
	// NameFailed says that a run has failed.
	NameFailed = "failed"
)

// Version is that of [Report].
const Version = 1

// maxList is how many commands a report names at most.
const maxList = 5000

// Report is what a host sends. Fields may be added.
type Report struct {
	Version int `json:"version"`
	// ID is the run's; a run that is told twice is one event.
	ID string `json:"id"`
	// Outcome is [NameChanged] or [NameFailed].
	Outcome string `json:"outcome"`
	// Source is the name of the source on the host, and Host the host's name.
	Source string `json:"source"`
	Host   string `json:"host"`
	// Trigger is why the pattern was applied, Pattern its digest.
	Trigger string    `json:"trigger"`
	Pattern string    `json:"pattern"`
	EndedAt time.Time `json:"ended_at"`
	// Changed, Removed, Err and Exit are the run's result.
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`
	Err     string   `json:"err"`
	Exit    int      `json:"exit"`
	// Token is what is known of the token that had the pattern, nil for a pattern
	// of the host itself.
	Token *Token `json:"token,omitempty"`
	// Cause is the id of the event that the token was signed for, and Depth how
	// long the chain of events is, this one included.
	Cause string `json:"cause,omitempty"`
	Depth int    `json:"depth,omitempty"`
}

// Token is what a report says of a token.
type Token struct {
	ID      string `json:"id"`
	Issuer  string `json:"issuer,omitempty"`
	Subject string `json:"subject,omitempty"`
	Key     string `json:"key"`
}

// Source receives the reports of hosts. It implements [events.Source] and may be used
// from several goroutines.
type Source struct{ secrets delivery.Secrets }

var _ events.Source = (*Source)(nil)

// New returns a source that takes only reports signed with one of the secrets.
// Several are for the time in which a secret is being replaced. It is an error to give
// no secret or a blank one.
func New(secrets ...string) (*Source, error) {
	s, err := delivery.NewSecrets(secrets...)
	if err != nil {
		return nil, err
	}
	return &Source{s}, nil
}

// String keeps secrets out of whatever prints a source.
func (s *Source) String() string { return "source " + s.Vendor() }

// Vendor returns [events.VendorConverge].
func (s *Source) Vendor() string { return events.VendorConverge }

// Screen implements [events.Source].
func (s *Source) Screen(header map[string][]string) error {
	_, err := signature(header)
	return err
}

func signature(header map[string][]string) ([]byte, error) {
	mac, err := delivery.Signature(header, HeaderSignature, "sha256=")
	if err == nil && mac == nil {
		err = delivery.Refuse(HeaderSignature + " is missing; give the report in converge.yaml the secret of this webhook")
	}
	return mac, err
}

// Receive implements [events.Source].
func (s *Source) Receive(header map[string][]string, body []byte) (events.Event, error) {
	mac, err := signature(header)
	if err != nil {
		return events.Event{}, err
	}
	if !s.secrets.Signed(body, mac) {
		return events.Event{}, delivery.Refuse(HeaderSignature + " does not fit the body and the secret")
	}
	id, err := delivery.Required(header, HeaderDelivery)
	if err != nil {
		return events.Event{Vendor: events.VendorConverge}, err
	}
	e, err := Parse(body)
	if err == nil && e.Delivery != id {
		// The header is not signed.
		err = delivery.Malformed("header "+HeaderDelivery, errors.New("is not the id of the report"))
	}
	return e, err
}

// Parse reads the body of a report that is proven. The event has no repository.
func Parse(body []byte) (events.Event, error) {
	e := events.Event{Vendor: events.VendorConverge, Payload: body}
	var r Report
	if err := json.Unmarshal(body, &r); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return e, delivery.Malformed(wrong.Field, fmt.Errorf("is a %s", wrong.Value))
		}
		return e, delivery.Malformed("", errors.New("is not JSON"))
	}
	if err := r.check(); err != nil {
		return e, err
	}
	e.Delivery, e.Name, e.Kind, e.Filter, e.Sender, e.Trusted = r.ID, r.Outcome, r.Outcome, r.Source, r.Host, true
	e.OccurredAt, e.Cause, e.Depth = r.EndedAt, r.Cause, r.Depth
	return e, nil
}

func (r *Report) check() error {
	for _, text := range []struct{ path, value string }{{"id", r.ID}, {"source", r.Source}, {"host", r.Host}, {"trigger", r.Trigger}, {"pattern", r.Pattern}, {"cause", r.Cause}} {
		if err := events.CheckText(text.value); err != nil {
			return delivery.Malformed(text.path, err)
		}
	}
	switch {
	case r.Version != Version:
		return delivery.Malformed("version", fmt.Errorf("is %d, this agent knows %d", r.Version, Version))
	case r.ID == "":
		return delivery.Malformed("id", errors.New("is missing"))
	case r.Source == "":
		return delivery.Malformed("source", errors.New("is missing"))
	case r.Outcome != NameChanged && r.Outcome != NameFailed:
		return delivery.Malformed("outcome", errors.New("is neither changed nor failed"))
	case len(r.Changed)+len(r.Removed) > maxList:
		return delivery.Malformed("changed", fmt.Errorf("has with removed more than %d commands", maxList))
	case r.Depth < 0 || r.Depth > 1000 || r.Cause == "" && r.Depth != 0:
		return delivery.Malformed("depth", errors.New("does not fit the cause"))
	}
	return nil
}

// Sign returns the digits of [HeaderSignature] for a body.
func Sign(secret string, body []byte) string { return delivery.Sign(secret, body) }
