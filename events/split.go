package events

import "errors"

// Splitter is a [Source] whose vendor tells of several things in one delivery,
// such as a push of two branches.
type Splitter interface {
	Source
	// ReceiveAll is Receive for all things that a delivery tells of, at least
	// one, in the vendor's order. Each has a Delivery of its own, and the same
	// one whenever the vendor sends the delivery again. The error is of the
	// delivery as a whole: an [*UnauthenticatedError] or a [*MalformedError],
	// and then nothing of it may be used.
	//
	// Receive of the same source refuses with a [*MalformedError] what is not
	// one event.
	ReceiveAll(header map[string][]string, body []byte) ([]Received, error)
}

// Received is one thing that a delivery tells of.
type Received struct {
	Event Event
	// Nothing is why nothing is planned for it, or nil.
	Nothing *NothingError
}

// ReceiveAll receives all things that a delivery to s tells of. If it fails with
// an error, which is no [*NothingError], the event is filled in as far as it is
// known, for logs.
func ReceiveAll(s Source, header map[string][]string, body []byte) ([]Received, error) {
	if splitter, ok := s.(Splitter); ok {
		all, err := splitter.ReceiveAll(header, body)
		if err == nil && len(all) == 0 {
			err = &MalformedError{Reason: "tells of nothing"}
		}
		if err != nil {
			return []Received{{Event: Event{Vendor: s.Vendor()}}}, err
		}
		return all, nil
	}
	e, err := s.Receive(header, body)
	nothing, ok := errors.AsType[*NothingError](err)
	if ok {
		err = nil
	}
	return []Received{{e, nothing}}, err
}
