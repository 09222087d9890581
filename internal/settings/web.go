package settings

import (
	"gopkg.in/yaml.v3"
)

// Web says what the pages of the agent show to whom.
type Web struct {
	// Public are the repositories whose runs everybody may read who reaches the
	// agent, without a key. Empty is none.
	Public Patterns
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
