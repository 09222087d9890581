package config

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/yamlfile"
)

// after reads the names of functions, as a list or as a string with commas.
func (r *reader) after(n *yaml.Node) []After {
	v := r.Visit(n)
	if v == nil {
		return nil
	}
	var list []After
	switch v.Kind {
	case yaml.SequenceNode:
		for _, item := range v.Content {
			if s, ok := r.String(item, "an entry of after"); ok {
				list = r.reference(item, "an entry of after", s, list)
			}
		}
		if len(v.Content) == 0 {
			r.Fail(n, "after is an empty list; add a function or remove the key")
		}
	case yaml.MappingNode:
		r.Fail(n, "after must be the name of a function or a list of names, not %s", yamlfile.Describe(v))
	default:
		names, _ := r.Strings(n, "after", nil)
		for _, s := range names {
			list = r.reference(n, "after", s, list)
		}
	}
	return list
}

// reference appends the function that is named, as NAME or MODULE:NAME.
func (r *reader) reference(at *yaml.Node, what, s string, list []After) []After {
	a := After{Function: s, Line: at.Line}
	if colon := strings.LastIndex(s, ":"); colon >= 0 {
		clean, err := modulePath(s[:colon])
		if err != nil || colon == 0 {
			r.Fail(at, "%s: %q is not the path of a module; write MODULE:FUNCTION, or FUNCTION for one of the same module", what, s[:colon])
			return list
		}
		a.Module, a.Function = clean, s[colon+1:]
	}
	if !functionName.MatchString(a.Function) {
		r.Fail(at, "%s: %q is not the name of a function; write it as in lintOnGithubPush, or as in ./ci:lintOnGithubPush for one of another module", what, a.Function)
		return list
	}
	return append(list, a)
}

// builtinGroup matches the names that pocketci gives to groups of its own.
var builtinGroup = regexp.MustCompile(`^pull request [0-9]`)

// concurrency reads the name of a group, or a mapping that says more about it.
func (r *reader) concurrency(n *yaml.Node) *Concurrency {
	v := r.Visit(n)
	if v == nil {
		return nil
	}
	if v.Kind != yaml.MappingNode {
		if v.Kind == yaml.SequenceNode {
			r.Fail(n, "concurrency must be the name of a group or a mapping with group and cancel, not a list")
			return nil
		}
		return &Concurrency{Group: r.group(n, "concurrency")}
	}
	entries, _ := r.Mapping(n, "concurrency")
	c := &Concurrency{}
	named := false
	for _, e := range entries {
		switch e.Name {
		case "group":
			named = true
			c.Group = r.group(e.Value, "group")
		case "cancel":
			c.Cancel = r.Bool(e.Value, "cancel")
		default:
			r.unknown(e, "concurrency", groupKeys)
		}
	}
	if !named {
		r.Fail(n, "concurrency needs a group, which names the calls that do not go beside each other")
	}
	return c
}

func (r *reader) group(n *yaml.Node, what string) string {
	s, _ := r.String(n, what)
	if s = strings.TrimSpace(s); builtinGroup.MatchString(s) {
		r.Fail(n, "%s: names that begin with \"pull request\" and a number are pocketci's own groups; choose another name", what)
	}
	return s
}
