package yamlfile

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/globs"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// String reads a string that is not empty.
func (r *Reader) String(n *yaml.Node, what string) (string, bool) {
	if n = r.Visit(n); n == nil {
		return "", false
	}
	switch {
	case n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null":
		r.Fail(n, "%s must be a string, not %s", what, Describe(n))
		return "", false
	case n.ShortTag() != "!!str":
		r.Fail(n, "%s must be a string, not %s; put it in quotes", what, Describe(n))
		return "", false
	case strings.TrimSpace(n.Value) == "":
		r.Fail(n, "%s is empty; give it a value or remove it", what)
		return "", false
	}
	return n.Value, true
}

// Strings reads a list of strings, or a string that holds a list as
// [globs.ParseList] reads it. check may be nil.
func (r *Reader) Strings(n *yaml.Node, what string, check func(entry string) error) ([]string, bool) {
	before := len(r.errs)
	if n = r.Visit(n); n == nil {
		return nil, false
	}
	verify := func(at *yaml.Node, entry string) {
		if check != nil {
			if err := check(entry); err != nil {
				r.Fail(at, "%s: %s", what, err)
			}
		}
	}
	list := []string{}
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			if s, ok := r.String(item, "an entry of "+what); ok {
				list = append(list, s)
				verify(item, s)
			}
		}
		return list, len(r.errs) == before
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		r.Fail(n, "%s must be a list of strings or a string with commas, not %s", what, Describe(n))
		return nil, false
	}
	s, ok := r.String(n, what)
	if !ok {
		return nil, false
	}
	list, err := globs.ParseList(s)
	if err != nil {
		r.Fail(n, "%s: %s", what, err)
		return nil, false
	}
	if len(list) == 0 {
		r.Fail(n, "%s has no entry; add one or remove the key", what)
	}
	for _, entry := range list {
		verify(n, entry)
	}
	return list, len(r.errs) == before
}

// Bool reads true or false.
func (r *Reader) Bool(n *yaml.Node, what string) bool {
	if n = r.Visit(n); n == nil {
		return false
	}
	value, ok := Truth(n)
	if !ok {
		r.Fail(n, "%s must be true or false, not %s", what, Describe(n))
	}
	return value
}

// Truth reads a boolean. The tag alone does not prove one: it can be written
// in front of anything.
func Truth(n *yaml.Node) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		return false, false
	}
	value = strings.EqualFold(n.Value, "true")
	return value, value || strings.EqualFold(n.Value, "false")
}

// Variable reads the name of a variable of an environment.
func (r *Reader) Variable(n *yaml.Node, what string) string {
	s, ok := r.String(n, what)
	if !ok {
		return ""
	}
	if !variableName.MatchString(s) {
		// Not repeated: it may be the secret itself.
		r.Fail(n, "%s must be the name of a variable: letters, digits and underscores, such as API_TOKEN", what)
		return ""
	}
	return s
}

// Unknown reports a key that is none of the known ones.
func (r *Reader) Unknown(e Entry, what string, known []string) {
	if meant := Suggest(e.Name, known); meant != "" {
		r.Fail(e.Key, "unknown key %q in %s; did you mean %q?", e.Name, what, meant)
		return
	}
	r.Fail(e.Key, "unknown key %q in %s; the keys are %s", e.Name, what, strings.Join(known, ", "))
}

// Describe names what a node is, for messages. It does not repeat values,
// which may be secrets in the wrong place.
func Describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	}
	if n.Value == "" {
		return "an empty string"
	}
	return "a string"
}
