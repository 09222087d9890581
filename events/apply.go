package events

import (
	"encoding/json"
	"fmt"
)

// NameApply is the event, vendor converge, that has a module converge; see [Apply].
const NameApply = "apply"

// Applying is what the event of [Apply] asks for.
type Applying struct {
	// Module is the path of the module, also the event's Filter.
	Module string `json:"module"`
	// Vendor, Event and Filter are those of the event that brought it about, empty
	// if a person asked for it.
	Vendor string `json:"vendor,omitempty"`
	Event  string `json:"event,omitempty"`
	Filter string `json:"filter,omitempty"`
}

// Apply returns the event that has a module of a repository converge: vendor
// converge, event apply, filter the module's path. Ref is a full ref and sha a full
// commit; either may be empty, as [Event] says. ID, ReceivedAt and Delivery are the
// caller's to set.
//
// The event is trusted, as that of [Manual] is.
func Apply(repository *Repository, ref, sha, sender, module string) Event {
	return apply(Manual(repository, ref, sha, sender), Applying{Module: module})
}

// ApplyAfter returns the event that has a module converge because of another event,
// at that event's ref and commit. It follows from that event, and its Delivery says
// from which and for which module.
func ApplyAfter(cause *Event, module string) Event {
	e := Manual(cause.Repository, cause.Ref, cause.SHA, cause.Sender)
	e.Branch, e.Tag, e.Delivery = cause.Branch, cause.Tag, cause.ID+" "+module
	return Follow(cause, apply(e, Applying{Module: module, Vendor: cause.Vendor, Event: cause.Name, Filter: cause.Filter}))
}

func apply(e Event, a Applying) Event {
	payload, err := json.Marshal(a)
	if err != nil {
		panic(fmt.Sprintf("encode strings: %v", err)) // cannot happen: strings always encode
	}
	e.Vendor, e.Name, e.Kind, e.Filter, e.Payload = VendorConverge, NameApply, NameApply, a.Module, payload
	return e
}

// IsApply reports whether the event has a module converge, which its Filter names.
func (e *Event) IsApply() bool { return e.Vendor == VendorConverge && e.Name == NameApply }
