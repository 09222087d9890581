package github_test

import (
	"testing"

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

func TestClientIsAForge(t *testing.T) {
	for _, file := range []string{ofGitHub, ofEnterpriseServer} {
		t.Run("with a token, "+file, func(t *testing.T) {
			forgetest.Run(t, forgetest.Options{Vendor: "github", New: func(t *testing.T) (forge.Forge, forgetest.World) {
				w := newWorld(t, file)
				return w.client(), w
			}})
		})
		t.Run("as an App, "+file, func(t *testing.T) {
			forgetest.Run(t, forgetest.Options{Vendor: "github", New: func(t *testing.T) (forge.Forge, forgetest.World) {
				w := newAppWorld(t, file)
				return w.appClient(), w
			}})
		})
	}
}
