package server

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// HookState is a hook and what was delivered to it.
type HookState struct {
	Name, Path, Vendor string
	// Root says that it is received at / as well.
	Root bool
	// Methods are those that are allowed.
	Methods []string
	// Unproven says that anybody can send deliveries, and Waits that senders are
	// answered with what functions return.
	Unproven, Waits bool
	// Filters is how many conditions there are on the payload.
	Filters int
	// Last is the last delivery, nil if there was none since the server was made or
	// since the hook has its name.
	Last *Received
}

// Received is a delivery as it was answered, also one that was refused.
type Received struct {
	At time.Time
	// Status is that of the answer, or that of its being taken over for who waits.
	Status int
	// Event is the id of its event, and Run the number of that one's run, if there is
	// one.
	Event string
	Run   int64
	// Reason says why it was refused or starts nothing, or is empty.
	Reason string
}

// last is the last delivery of a hook.
type last = atomic.Pointer[Received]

// HookStates lists the hooks that are received now, by their names.
func (s *Server) HookStates() []HookState {
	hooks := s.hooks.Load()
	var list []HookState
	for path, h := range hooks.at {
		list = append(list, HookState{
			Name: h.Name, Path: path, Vendor: h.Source.Vendor(), Root: h == hooks.root, Methods: h.rules().Methods,
			Unproven: h.Unproven, Waits: h.Wait != nil, Filters: len(h.Filters), Last: hooks.last[h.Name].Load(),
		})
	}
	slices.SortFunc(list, func(a, b HookState) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// remember notes how a delivery was answered.
func (s *Server) remember(hook *Hook, o *outcome, at time.Time) {
	// The hook may have gone while it was answered.
	if l := s.hooks.Load().last[hook.Name]; l != nil {
		l.Store(&Received{At: at, Status: o.status, Event: o.event.ID, Run: o.run, Reason: o.reason()})
	}
}
