package events

import (
	"errors"
	"net/url"
)

// Request is a delivery with what else of its request a source may look at.
type Request struct {
	// Method is the HTTP method.
	Method string
	// Query are the parameters of the address that it was sent to.
	Query url.Values
	// Header and Body are those of [Source.Receive].
	Header map[string][]string
	Body   []byte
}

// RequestSource is a [Source] whose events say more of a request than its header
// and body do.
type RequestSource interface {
	Source
	// ReceiveRequest is Receive for a request, which is proven before anything of
	// it is read. Receive is the same for a POST without a query.
	ReceiveRequest(r Request) (Event, error)
}

// ReceiveRequest is [ReceiveAll] for a request.
func ReceiveRequest(s Source, r Request) ([]Received, error) {
	whole, ok := s.(RequestSource)
	if !ok {
		return ReceiveAll(s, r.Header, r.Body)
	}
	e, err := whole.ReceiveRequest(r)
	nothing, ok := errors.AsType[*NothingError](err)
	if ok {
		err = nil
	}
	return []Received{{e, nothing}}, err
}
