package registry

import (
	"encoding/json"
	"fmt"

	"github.com/franela/pocketci/events"
)

// Payload is the payload of the source's events. Fields are only ever added.
type Payload struct {
	// Watch is the name of the watch in agent.yaml.
	Watch string `json:"watch"`
	// Registry is the host, Repository the path in it.
	Registry   string `json:"registry"`
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	// Digest is what the tag stands for (sha256:…).
	Digest string `json:"digest"`
	// Image is the full name with the tag, ImageDigest with the digest, which
	// stays the same image whatever becomes of the tag.
	Image       string `json:"image"`
	ImageDigest string `json:"image_digest"`
	// PreviousTag and PreviousDigest are the last release of a release, what a
	// tag stood for before of a digest, and what is deployed of a deploy. They
	// are empty if there is none.
	PreviousTag    string `json:"previous_tag"`
	PreviousDigest string `json:"previous_digest"`
	// Cause and Attempt are those of a deploy.
	Cause   Cause `json:"cause,omitempty"`
	Attempt int   `json:"attempt,omitempty"`
}

// event makes an event of the watch. What it is about is in p, but for the names
// that follow from the watch.
func (w Watch) event(name, delivery, sender string, p Payload) events.Event {
	p.Watch, p.Registry, p.Repository = w.Name, w.Host, w.Repository
	p.Image = w.Image(p.Tag)
	p.ImageDigest = w.Host + "/" + w.Repository + "@" + p.Digest
	payload, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("encode strings: %v", err)) // cannot happen: strings always encode
	}
	return events.Event{
		Delivery: delivery, Vendor: events.VendorRegistry, Name: name, Kind: name,
		Filter: w.Repository + ":" + p.Tag, Sender: sender, Trusted: true, Payload: payload,
	}
}
