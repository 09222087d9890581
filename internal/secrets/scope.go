package secrets

import "github.com/franela/pocketci/events"

// Scope is where a secret is asked for: in the run of an event.
type Scope struct {
	// Repository is the full name of the repository, empty if there is none.
	Repository string
	// Event is the event's name, such as push.
	Event string
	// Ref is the event's full ref, empty if it names none.
	Ref string
	// Trusted is false where somebody without write access may have chosen the
	// code or caused the event. No secret is given there.
	Trusted bool
	// Elsewhere says that the repository is cloned from a server that the agent
	// does not know: a payload can say so, under the name of any repository. No
	// secret is given there.
	Elsewhere bool
}

// ScopeOf returns the scope of an event's run. It is trusted only if the event is
// and is of no fork. An approval of the event does not change that: who answers for
// it, so that it runs as if it were the repository's own, changes the event.
func ScopeOf(event *events.Event) Scope {
	s := Scope{Event: event.Name, Ref: event.Ref, Trusted: event.Trusted && event.Fork == ""}
	if event.Repository != nil {
		s.Repository = event.Repository.FullName
	}
	return s
}
