package runs

import (
	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
)

// PlaceOf is where somebody elsewhere can make the calls of an event's run: its
// repository at a commit, with the modules of a base commit if one is given. The files
// of a stored module are nowhere but in the agent; its place is the folder that
// pocketci module export makes.
func PlaceOf(e *events.Event, sha, base string) dispatcher.Place {
	if e.Repository == nil {
		return dispatcher.Place{}
	}
	if _, stored := e.Repository.Module(); stored {
		name, _ := events.ModuleName(e.Repository.FullName)
		return dispatcher.Place{Source: ".", Dir: name}
	}
	place := dispatcher.Place{Source: e.Repository.CloneURL + "#" + sha}
	if base != "" {
		place.Rules = e.Repository.CloneURL + "#" + base
	}
	return place
}
