package github_test

import (
	"testing"

	"github.com/franela/pocketci/events/github/githubtest"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

func TestClientIsAForge(t *testing.T) {
	for _, file := range []string{githubtest.OfGitHub, githubtest.OfEnterpriseServer} {
		t.Run("with a token, "+file, func(t *testing.T) {
			forgetest.Run(t, forgetest.Options{Vendor: "github", New: func(t *testing.T) (forge.Forge, forgetest.World) {
				w := githubtest.New(t, file).Serve()
				return w.Client(), w
			}})
		})
		t.Run("as an App, "+file, func(t *testing.T) {
			forgetest.Run(t, forgetest.Options{Vendor: "github", New: func(t *testing.T) (forge.Forge, forgetest.World) {
				w := githubtest.NewApp(t, file).Serve()
				return w.AppClient(), w
			}})
		})
	}
}
