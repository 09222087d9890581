package registries

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/internal/settings"
)

// sameAs is the same text for watches that are configured alike, logins included, and
// tells no secret. Where they stand in the file does not matter.
func sameAs(g *settings.Registry, conf *settings.Watch, login registry.Login) (string, error) {
	w := *conf
	w.Line, w.Calls.Line = 0, 0
	text, err := json.Marshal(struct {
		Host, Name string
		Insecure   bool
		Watch      settings.Watch
		Login      registry.Login
	}{g.Host, g.Name, g.Insecure, w, login})
	if err != nil {
		return "", fmt.Errorf("write what is watched: %w", err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(text)), nil
}
