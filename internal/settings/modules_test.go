package settings_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/settings"
)

func TestModulesAllow(t *testing.T) {
	m := settings.Modules{Remote: []string{"github.com/acme/ci@*", "github.com/acme/tools/*@v1.*", "Git.Example.com:8443/x/y/z@v1.2.3"}}
	for module, want := range map[string]bool{
		"github.com/acme/ci@v1":                true,
		"github.com/acme/ci@release/1.x":       true,
		"github.com/acme/ci/sub@v1":            false,
		"github.com/acme/ci-evil@v1":           false,
		"github.com/acme/CI@v1":                false,
		"github.com.evil.example/acme/ci@v1":   false,
		"evil.example/github.com/acme/ci@v1":   false,
		"github.com/acme/tools/lint@v1.4":      true,
		"github.com/acme/tools/lint@v2.0":      false,
		"github.com/acme/tools/lint/deep@v1.4": false,
		"github.com/acme/tools@v1.4":           false,
		"git.example.com:8443/x/y/z@v1.2.3":    true,
		"git.example.com/x/y/z@v1.2.3":         false,
		"git.example.com:8443/x/y/z@v1.2.4":    false,
	} {
		err := m.Allow(module)
		if (err == nil) != want {
			t.Errorf("%s: %v", module, err)
		}
		if err == nil {
			continue
		}
		refused, ok := errors.AsType[*settings.ModuleError](err)
		name, _, _ := strings.Cut(module, "@")
		if !ok || refused.Module != module || !strings.Contains(err.Error(), `modules: {remote: ["`+name+`@*"]}`) {
			t.Errorf("%s: %v, want what to configure", module, err)
		}
	}
	if err := (settings.Modules{}).Allow("github.com/acme/ci@v1"); err == nil {
		t.Error("without a pattern every module is allowed")
	}
}
