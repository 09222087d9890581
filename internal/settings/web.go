package settings

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/events"
)

// Web says what the pages of the agent show to whom.
type Web struct {
	// Public are the repositories whose runs everybody may read who reaches the
	// agent, without a key. Empty is none.
	Public Patterns
}

// Shows reports whether everybody may read a repository's runs. Those of stored modules are
// no repository's: a pattern for them names [events.ModuleOwner], so that one for all
// repositories shows nobody what is deployed.
func (w Web) Shows(repository string) bool {
	owner := events.ModuleOwner + "/"
	ofModule := strings.HasPrefix(strings.ToLower(repository), owner)
	return slices.ContainsFunc(w.Public, func(pattern string) bool {
		return (!ofModule || strings.HasPrefix(strings.ToLower(pattern), owner)) && matchName(pattern, repository)
	})
}

var webKeys = []string{"public"}

func (r reader) web(n *yaml.Node) (w Web) {
	entries, _ := r.Mapping(n, "web")
	for _, e := range entries {
		switch e.Name {
		case "public":
			w.Public = r.some(e, checkPattern)
		default:
			r.Unknown(e, "web", webKeys)
		}
	}
	return w
}
