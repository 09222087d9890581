package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
)

func TestConfiguration(t *testing.T) {
	f := newFixture(t, func(o *api.Options, _ *http.Server) {
		o.Loaded = func() v1.LoadedConfiguration {
			return v1.LoadedConfiguration{
				Configuration: v1.Configuration{File: "/etc/agent.yaml", Restart: []string{"runners"}}, Text: "forks: never\n",
				Flags: []v1.Flag{{Name: "listen", Variable: "POCKETCI_LISTEN", Value: ":8080", From: "default"}},
			}
		}
	})
	var got v1.LoadedConfiguration
	a := f.do(v1.ScopeAdmin, http.MethodGet, "/configuration", nil, http.StatusOK, &got)
	if got.Text != "forks: never\n" || got.Configuration.File != "/etc/agent.yaml" || len(got.Flags) != 1 || strings.Contains(string(a.body), "null") {
		t.Errorf("the configuration is %s", a.body)
	}
}
