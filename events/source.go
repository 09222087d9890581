package events

import "strings"

// Source turns the deliveries of one vendor's webhooks into events. It is the
// contract between a vendor's package and whatever receives the deliveries; it
// knows no HTTP beyond the shape of a header. One whose vendor tells of several
// things in a delivery is a [Splitter] as well.
type Source interface {
	// Vendor is the vendor of the source's events, such as [VendorGithub].
	Vendor() string
	// Screen refuses with an [*UnauthenticatedError] what its header alone
	// shows not to be signed, so that nobody has to read the body. What it
	// lets pass is not proven.
	Screen(header map[string][]string) error
	// Receive proves that a delivery was sent by the vendor and only then
	// reads it. The body is the request's body exactly as it arrived.
	//
	// The event has no ID and no ReceivedAt; whoever received the delivery
	// sets them. The error is an [*UnauthenticatedError], of which nothing but
	// the reason may be told to the sender, a [*MalformedError], or a
	// [*NothingError]. With a NothingError the event is filled in as far as it
	// is known, for logs.
	Receive(header map[string][]string, body []byte) (Event, error)
}

// HeaderValues returns every value of the named header, without regard to the
// case in which it is written, so that a source does not depend on how its
// caller spells the keys.
func HeaderValues(header map[string][]string, name string) []string {
	var values []string
	for key, v := range header {
		if strings.EqualFold(key, name) {
			values = append(values, v...)
		}
	}
	return values
}
