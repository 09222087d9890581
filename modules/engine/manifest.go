package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// manifestName is the file that makes a directory a Dagger module.
const manifestName = "dagger.json"

// manifest is what of a dagger.json decides which files a module consists of.
// The format is core/modules.ModuleConfig of github.com/dagger/dagger v0.21.8.
type manifest struct {
	Source       string      `json:"source"`
	Include      []string    `json:"include"`
	Exclude      []string    `json:"exclude"`
	SDK          *reference  `json:"sdk"`
	Dependencies []reference `json:"dependencies"`
	Blueprint    *reference  `json:"blueprint"`

	raw map[string]json.RawMessage
}

// reference names another module. Older files have a plain string.
type reference struct {
	Source string `json:"source"`
	Pin    string `json:"pin"`
}

func (r *reference) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte(`"`)) {
		return json.Unmarshal(data, &r.Source)
	}
	type plain reference
	return json.Unmarshal(data, (*plain)(r))
}

func parseManifest(data []byte) (*manifest, error) {
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &m.raw); err != nil {
		return nil, err
	}
	if m.raw == nil {
		return nil, errors.New("it is not a JSON object")
	}
	for _, exclude := range m.Exclude {
		if pattern, negated := strings.CutPrefix(exclude, "!"); negated {
			m.Include = append(m.Include, pattern)
		} else if exclude != "" {
			m.Include = append(m.Include, "!"+exclude)
		}
	}
	return &m, nil
}

// references are the modules that the engine loads along with this one.
func (m *manifest) references() []reference {
	refs := m.Dependencies
	if m.SDK != nil && !builtinSDK(m.SDK.Source) {
		refs = append(refs[:len(refs):len(refs)], *m.SDK)
	}
	return refs
}

// builtinSDK reports whether the engine brings the SDK with the given name,
// which can have a version (python@v0.18).
func builtinSDK(source string) bool {
	name, _, _ := strings.Cut(source, "@")
	switch name {
	case "", "go", "python", "typescript", "php", "elixir", "java", "dang":
		return true
	}
	return false
}

// rewritten gives the dagger.json that is uploaded. Toolchains and generated
// clients are of use to the dagger program alone, so they are left out and
// need no files. For the module whose functions are called it says that
// calls are not cached: an event must run its function even when the same
// function ran on the same content before.
func (m *manifest) rewritten(called bool) ([]byte, error) {
	delete(m.raw, "toolchains")
	delete(m.raw, "clients")
	if called {
		m.raw["disableDefaultFunctionCaching"] = json.RawMessage("true")
	}
	return json.MarshalIndent(m.raw, "", "  ")
}
