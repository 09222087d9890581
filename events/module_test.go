package events_test

import (
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
)

func TestModuleRepository(t *testing.T) {
	r := events.ModuleRepository("0193-a", "deploy")
	if id, ok := r.Module(); !ok || id != "0193-a" || r.FullName != ".modules/deploy" {
		t.Errorf("it is %+v of module %q, %t", r, id, ok)
	}
	for name, r := range map[string]*events.Repository{
		"none":                           nil,
		"a forge's":                      {FullName: "modules/deploy", CloneURL: "https://example.com/modules/deploy.git"},
		"the name alone":                 {FullName: ".modules/deploy", CloneURL: "https://example.com/modules/deploy.git"},
		"the address alone":              {FullName: "acme/deploy", CloneURL: "module://0193-a"},
		"a name that no module can have": {FullName: ".modules/../deploy", CloneURL: "module://0193-a"},
		"an id that none has":            {FullName: ".modules/deploy", CloneURL: "module://../0193-a"},
		"no id":                          {FullName: ".modules/deploy", CloneURL: "module://"},
	} {
		t.Run(name, func(t *testing.T) {
			if id, ok := r.Module(); ok {
				t.Errorf("it is taken for the module %q", id)
			}
		})
	}
}

// No payload can say that its repository is a stored module.
func TestNoForgeHasModules(t *testing.T) {
	r := events.ModuleRepository("0193-a", "deploy")
	if err := events.CheckFullName(r.FullName); err == nil {
		t.Errorf("%s is a full name on a forge", r.FullName)
	}
	if err := events.CheckCloneURL(r.CloneURL); err == nil {
		t.Errorf("%s is a clone URL of a payload", r.CloneURL)
	}
}

func TestCheckModuleName(t *testing.T) {
	for _, name := range []string{"a", "0", "deploy-prod-2", strings.Repeat("x", 100)} {
		if err := events.CheckModuleName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if got, ok := events.ModuleName(events.ModuleFullName(name)); !ok || got != name {
			t.Errorf("the name in the full name of %q is %q, %t", name, got, ok)
		}
	}
	for _, name := range []string{"", "-a", "A", "a_b", "a/b", "..", "a.b", "ä", "a b", "a\x00", strings.Repeat("x", 101)} {
		if err := events.CheckModuleName(name); err == nil {
			t.Errorf("%q is taken", name)
		}
		if _, ok := events.ModuleName(events.ModuleFullName(name)); ok {
			t.Errorf("the full name of %q is taken", name)
		}
	}
}
