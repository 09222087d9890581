package settings

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/yamlfile"
)

// KeyCalls is the key of a [Target].
const KeyCalls = "calls"

var targetKeys = []string{"repository", "ref", "clone-url", "module"}

// Target says whose functions an event calls that comes from no repository: those of
// a repository, or of a module that is stored in the agent. The zero Target is
// nobody's.
type Target struct {
	// Repository is the full name of a repository, empty with Module.
	Repository string
	// CloneURL is where it is cloned from. It is empty where the agent can tell:
	// if it has received an event of the repository, or knows its only forge.
	CloneURL string
	// Ref is the full ref whose commit is taken, empty for the default branch.
	Ref string
	// Module is the name of a stored module, empty with Repository.
	Module string
	// Line is where it stands in the file, for messages; zero if it does not.
	Line int
}

// target reads whose functions are called: the name of a repository, or a mapping.
func (r reader) target(e yamlfile.Entry) Target {
	t := Target{Line: e.Value.Line}
	n := r.Visit(e.Value)
	if n == nil {
		return t
	}
	if n.Kind != yaml.MappingNode {
		t.Repository = r.repository(e)
		return t
	}
	entries, _ := r.Mapping(n, e.Name)
	given := map[string]bool{}
	for _, part := range entries {
		given[part.Name] = true
		switch part.Name {
		case "repository":
			t.Repository = r.repository(part)
		case "ref":
			t.Ref = r.ref(part)
		case "clone-url":
			t.CloneURL = r.url(part, "https://git.example.com/acme/shop.git")
		case "module":
			t.Module = r.name(part, "a stored module")
		default:
			r.Unknown(part, e.Name, targetKeys)
		}
	}
	switch {
	case given["repository"] == given["module"]:
		r.Fail(e.Value, "%s needs exactly one of repository and module", e.Name)
	case given["module"] && (given["clone-url"] || given["ref"]):
		r.Fail(e.Value, "a stored module has neither clone-url nor ref; remove it")
	}
	return t
}

// repository reads the full name of one repository.
func (r reader) repository(e yamlfile.Entry) string {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return ""
	}
	if !patternName.MatchString(s) || strings.ContainsAny(s, "*?") || !strings.Contains(s, "/") {
		r.Fail(e.Value, "%s must be the full name of a repository, such as acme/shop", e.Name)
		return ""
	}
	return s
}

// ref reads one ref and returns it in full. A short name is a branch.
func (r reader) ref(e yamlfile.Entry) string {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return ""
	}
	full, err := fullRef(s)
	if err == nil {
		err = events.CheckRef(full)
	}
	if err != nil {
		r.Fail(e.Value, "%s: %s", e.Name, err)
		return ""
	}
	return full
}
