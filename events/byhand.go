package events

import (
	"encoding/json"
	"fmt"
)

// ByHand is what a person asked to have called, without an event to match.
type ByHand struct {
	// Module is the path of the function's module. It may be empty where only
	// one module of the repository has the function.
	Module string `json:"module"`
	// Function is the function's name, in any spelling.
	Function string `json:"function"`
	// Args are values by the names of arguments, as a person types them:
	// lists as JSON or with commas, secrets as references (env://NAME,
	// agent://NAME, op://…).
	Args map[string]string `json:"args"`
}

// ManualCall returns the event of one function that a person asked to have
// called: the event of [Manual] with h as its payload.
func ManualCall(repository *Repository, ref, sha, sender string, h ByHand) Event {
	if h.Args == nil {
		h.Args = map[string]string{}
	}
	payload, err := json.Marshal(h)
	if err != nil {
		panic(fmt.Sprintf("encode strings: %v", err)) // cannot happen: strings always encode
	}
	event := Manual(repository, ref, sha, sender)
	event.Payload = payload
	return event
}

// ReadByHand returns what the event of [ManualCall] asks for. It is false for
// every other event: one of another vendor, and a manual one without a payload
// or whose payload names no function. The error is a [*MalformedError]: the
// payload of a manual event names a function and is otherwise not what
// ManualCall writes.
func ReadByHand(event *Event) (ByHand, bool, error) {
	if event.Vendor != VendorManual || event.Name != NameRun {
		return ByHand{}, false, nil
	}
	var names struct {
		Function json.RawMessage `json:"function"`
	}
	// The payload of a manual event is its sender's own and may be anything.
	if DecodeObject(event.Payload, &names) != nil || names.Function == nil {
		return ByHand{}, false, nil
	}
	var h ByHand
	if err := DecodeObject(event.Payload, &h); err != nil {
		return ByHand{}, false, err
	}
	return h, h.Function != "", nil
}
