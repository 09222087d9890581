package server

import (
	"cmp"
	"errors"
	"slices"

	"github.com/franela/pocketci/events"
)

// Hook is one address that webhooks are sent to.
type Hook struct {
	// Name ends its path and tells its deliveries from those of others. It is
	// the source's vendor if it is empty.
	Name   string
	Source events.Source
	// Accepts says whether deliveries about a repository are taken, by its
	// full name. Nil takes all.
	Accepts func(repository string) bool
}

// hooks are those of a server. They never change; a server gets others.
type hooks struct {
	// first also serves POST /, and is nil without any.
	first  *Hook
	byName map[string]*Hook
}

// SetHooks replaces what is received, all of it at once. Deliveries that are being
// received come to their end as they began. It fails, and changes nothing, if two hooks
// have one name.
func (s *Server) SetHooks(list []Hook) error {
	h := &hooks{byName: map[string]*Hook{}}
	for _, hook := range list {
		hook.Name = cmp.Or(hook.Name, hook.Source.Vendor())
		if _, twice := h.byName[hook.Name]; twice {
			return errors.New("two webhooks have the name " + hook.Name)
		}
		h.byName[hook.Name] = &hook
		if h.first == nil {
			h.first = &hook
		}
	}
	s.hooks.Store(h)
	return nil
}

// paths lists where webhooks are received.
func (h *hooks) paths() []string {
	paths := []string{}
	for name := range h.byName {
		paths = append(paths, "/webhooks/"+name)
	}
	slices.Sort(paths)
	return paths
}
