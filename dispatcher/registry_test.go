package dispatcher_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/config"
)

// Names and conditions give REPOSITORY, TAG or both of an image.
func TestImagesMatch(t *testing.T) {
	for name, c := range map[string]struct {
		event, filter string
		functions     []string
		want          []string
	}{
		"both":                          {"deploy", "acme/shop:v1-beta", []string{"onRegistryDeployAcmeShopV1Beta"}, []string{"onRegistryDeployAcmeShopV1Beta"}},
		"what no name can spell":        {"deploy", "acme/shop:v1.2.0", []string{"onRegistryDeployAcmeShopV120"}, nil},
		"the repository":                {"deploy", "acme/shop:v1.2.0", []string{"onRegistryDeployAcmeShop"}, []string{"onRegistryDeployAcmeShop"}},
		"the tag":                       {"digest", "acme/shop:main", []string{"onRegistryDigestMain"}, []string{"onRegistryDigestMain"}},
		"the last part of a repository": {"deploy", "acme/shop:v1.2.0", []string{"onRegistryDeployShop"}, nil},
		"another tag":                   {"deploy", "acme/shop:v1.2.0", []string{"onRegistryDeployAcmeShopV130"}, nil},
		"both before a part":            {"deploy", "acme/shop:main", []string{"onRegistryDeploy", "onRegistryDeployAcmeShop", "onRegistryDeployMain", "onRegistryDeployAcmeShopMain"}, []string{"onRegistryDeployAcmeShopMain"}},
		"the parts are equals":          {"deploy", "acme/shop:main", []string{"onRegistry", "onRegistryDeployAcmeShop", "onRegistryDeployMain"}, []string{"onRegistryDeployAcmeShop", "onRegistryDeployMain"}},
		"a part before the event":       {"deploy", "acme/shop:main", []string{"onRegistryDeploy", "onRegistryDeployMain"}, []string{"onRegistryDeployMain"}},
		"prefixes stay apart":           {"deploy", "acme/shop:main", []string{"aOnRegistryDeployMain", "bOnRegistryDeployAcmeShopMain"}, []string{"aOnRegistryDeployMain", "bOnRegistryDeployAcmeShopMain"}},
		"none gives way to both":        {"deploy", "acme/shop:main", []string{"onRegistryDeployMain", "bOnRegistryDeployAcmeShopMain"}, []string{"bOnRegistryDeployAcmeShopMain"}},
		"all of a registry":             {"release", "shop:1", []string{"onRegistry"}, []string{"onRegistry"}},
		"the port of a host":            {"tag", "localhost:5000/shop", []string{"onRegistryTagLocalhost", "onRegistryTag5000Shop"}, nil},
		"names of forges":               {"tag", "acme/shop:main", []string{"onTag", "onTagMain", "onRelease"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ev := event("registry", c.event, c.filter)
			plan := match(t, dispatcher.Input{Event: &ev, Module: module(fns(c.functions...))})
			if diff := cmp.Diff(c.want, called(plan)); diff != "" {
				t.Errorf("called (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConditionsOnImages(t *testing.T) {
	for filter, want := range map[string]bool{
		"acme/shop:v1.2.0": true, "acme/shop": true, "v1.2.0": true, "v1.*": true, "acme/*": true, "acme/*:v1.*": true, "main,v1.2.0": true, "**": true,
		"acme/other": false, "v2.*": false, "acme/shop:v2.*": false, "shop": false, "acme": false, "": true,
	} {
		ev := event("registry", "deploy", "acme/shop:v1.2.0")
		for name, in := range map[string]dispatcher.Input{
			"default": {Event: &ev, Module: module(append(fns(), fn("onRegistryDeploy", def("filter", filter))))},
			"setting": {Event: &ev, Module: module(append(fns(), fn("onRegistryDeploy"))), Config: config.Module{Functions: map[string]config.Function{
				"onRegistryDeploy": {Filter: []string{filter}},
			}}},
		} {
			if name == "setting" && filter == "main,v1.2.0" || filter == "" && name == "setting" {
				continue // a setting is a list
			}
			if got := called(match(t, in)) != nil; got != want {
				t.Errorf("%s %q: called is %v", name, filter, got)
			}
		}
	}
	// Only an image has parts.
	ev := event("webhook", "alert", "acme/shop:v1.2.0")
	if got := called(match(t, dispatcher.Input{Event: &ev, Module: module(append(fns("onWebhookAlertV120"), fn("onWebhookAlert", def("filter", "v1.2.0"))))})); got != nil {
		t.Errorf("called %v", got)
	}
}
