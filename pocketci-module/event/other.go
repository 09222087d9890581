package event

import "strings"

// Schedule is one tick of a schedule.
type Schedule struct {
	// Name is the schedule's, Expression what it is written as in cron's or
	// pocketci's words, empty if the payload does not say.
	Name, Expression string
	// Time is the moment that the tick is for (RFC 3339). It can lie before
	// the moment at which it was made, when a tick was missed.
	Time string
}

// Schedule reads a tick. Its name is the event's filter; the payload's members
// "expression" and "time" are taken where it has them. For any other event the
// error is a [*KindError].
func (f *File) Schedule() (*Schedule, error) {
	if f.Kind() != KindSchedule {
		return nil, &KindError{f.name(), "schedule"}
	}
	var in struct {
		Expression string `json:"expression"`
		Time       string `json:"time"`
	}
	if err := f.decodeObject(&in); err != nil {
		return nil, err
	}
	return &Schedule{Name: f.Filter, Expression: in.Expression, Time: or(in.Time, f.ReceivedAt)}, nil
}

// Registry is what happened in a registry of images.
type Registry struct {
	// Repository and Tag are the two parts of the event's filter:
	// registry.example.com:5000/acme/shop:1.2.3.
	Repository, Tag string
	// Digest is the image's (sha256:…), empty if the payload does not say.
	Digest string
}

// Registry reads the event of a registry. Repository and tag are in the filter;
// the payload's member "digest" is taken where it has one. For any other event
// the error is a [*KindError].
func (f *File) Registry() (*Registry, error) {
	if f.Kind() != KindRegistry {
		return nil, &KindError{f.name(), "registry"}
	}
	var in struct {
		Digest string `json:"digest"`
	}
	if err := f.decodeObject(&in); err != nil {
		return nil, err
	}
	r := &Registry{Repository: f.Filter, Digest: in.Digest}
	// The colon of a port comes before a slash.
	if colon := strings.LastIndexByte(f.Filter, ':'); colon > strings.LastIndexByte(f.Filter, '/') {
		r.Repository, r.Tag = f.Filter[:colon], f.Filter[colon+1:]
	}
	return r, nil
}

// decodeObject is decodePayload for events that can do without a payload.
func (f *File) decodeObject(v any) error {
	if string(f.Payload) == "null" {
		return nil
	}
	return f.decodePayload(v)
}
