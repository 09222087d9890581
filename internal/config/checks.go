package config

import (
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/yamlfile"
	"github.com/franela/pocketci/modules"
)

// Checks is what the file says about the checks of a module. The zero value has
// all of them called.
type Checks struct {
	// Off has none of them called.
	Off bool
	// ByName are the settings of single checks, by the name the file uses; see
	// Checks.Check. The others are called all the same.
	ByName map[string]Check
}

// Check returns the settings of the check with the given name, which may differ
// from the one in the file in the ways that [modules.SameName] allows.
func (c *Checks) Check(name string) (Check, bool) {
	if check, ok := c.ByName[name]; ok {
		return check, true
	}
	for key, check := range c.ByName {
		if modules.SameName(key, name) {
			return check, true
		}
	}
	return Check{}, false
}

// Check is what the file says about one check.
type Check struct {
	// OnChanges are globs over the changed files; nil means not given.
	OnChanges []string
	// Events are the names of the forges' events that the check is called for;
	// nil means not given.
	Events []string
	// Timeout limits one call; zero means the agent's default.
	Timeout time.Duration
	// RunsOn is the runner label that the check asks for.
	RunsOn string
	// Line is where the entry starts in the file, for messages.
	Line int
}

var (
	checkKeys = []string{"on-changes", "events", "timeout", "runs-on"}
	// checkName is the name of a function, or several with colons between
	// them: those that lead to a check of another object.
	checkName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*([-_:][A-Za-z0-9]+)*$`)
	eventName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// checks reads false for none, or the settings of checks by name.
func (r *reader) checks(n *yaml.Node) Checks {
	v := r.Visit(n)
	if v == nil {
		return Checks{}
	}
	if v.Kind != yaml.MappingNode {
		on, ok := yamlfile.Truth(v)
		if !ok {
			r.Fail(n, "checks must be false, or a mapping of checks to their settings, not %s", yamlfile.Describe(v))
		}
		return Checks{Off: ok && !on}
	}
	entries, _ := r.Mapping(n, "checks")
	c := Checks{ByName: make(map[string]Check, len(entries))}
	seen := map[string]yamlfile.Entry{}
	for _, e := range entries {
		if !checkName.MatchString(e.Name) {
			r.Fail(e.Key, "%q is not the name of a check; write it as dagger check -l lists it, without the module, such as lint or web:lint", e.Name)
			continue
		}
		if first, twice := seen[yamlfile.Plain(e.Name)]; twice {
			r.Fail(e.Key, "%s and %s in line %d are the same check; put everything about it into one entry", e.Name, first.Name, first.Key.Line)
			continue
		}
		seen[yamlfile.Plain(e.Name)] = e
		c.ByName[e.Name] = r.check(e)
	}
	return c
}

func (r *reader) check(of yamlfile.Entry) Check {
	c := Check{Line: of.Key.Line}
	entries, _ := r.Mapping(of.Value, "the check "+of.Name)
	for _, e := range entries {
		switch e.Name {
		case "on-changes":
			c.OnChanges = r.condition(e, checkFileGlob)
		case "events":
			c.Events = r.events(e)
		case "timeout":
			c.Timeout = r.timeout(e.Value)
		case "runs-on":
			c.RunsOn = r.label(e.Value)
		default:
			r.unknown(e, "the check "+of.Name, checkKeys)
		}
	}
	return c
}

// events reads names of events, which are no globs: a check says what it is
// called for.
func (r *reader) events(e yamlfile.Entry) []string {
	list := r.condition(e, nil)
	for _, name := range list {
		if !eventName.MatchString(name) {
			r.Fail(e.Value, "events: %q is not the name of an event; write names such as push, pull_request or tag, in small letters", strings.TrimSpace(name))
		}
	}
	return list
}
