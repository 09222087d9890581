package config

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/globs"
)

// reader walks the nodes of a file and collects what is wrong with them.
type reader struct {
	file  string
	errs  Errors
	nodes int
	// paths are the nodes that module paths come from, by module.
	paths []*yaml.Node
}

func (r *reader) report(line, column int, format string, args ...any) {
	r.errs = append(r.errs, &Error{File: r.file, Line: max(line, 1), Column: max(column, 1), Message: fmt.Sprintf(format, args...)})
}

func (r *reader) fail(at *yaml.Node, format string, args ...any) {
	r.report(at.Line, at.Column, format, args...)
}

func (r *reader) errors() Errors {
	r.errs.sort()
	// What an alias stands for is visited more than once.
	r.errs = slices.CompactFunc(r.errs, func(a, b *Error) bool { return *a == *b })
	if len(r.errs) > maxErrors {
		more := len(r.errs) - maxErrors
		last := *r.errs[maxErrors-1]
		last.Message = fmt.Sprintf("%s (and %d more errors)", last.Message, more)
		r.errs = append(r.errs[:maxErrors-1:maxErrors-1], &last)
	}
	return r.errs
}

// visit follows an alias. It returns nil for a node that cannot be read, which
// has been reported then.
func (r *reader) visit(n *yaml.Node) *yaml.Node {
	if r.nodes--; r.nodes < 0 {
		if r.nodes == -1 {
			r.fail(n, "the file stands for more than %d values once its aliases are expanded; write fewer aliases", maxNodes)
		}
		return nil
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if tag := n.ShortTag(); !strings.HasPrefix(tag, "!!") || tag == "!!binary" || tag == "!!set" || tag == "!!omap" {
		r.fail(n, "the tag %s is not supported; remove it", tag)
		return nil
	}
	return n
}

// entry is a key of a mapping with its value.
type entry struct {
	key   *yaml.Node
	name  string
	value *yaml.Node
}

// mapping reads a mapping. Keys that are no names or are there twice are
// reported and left out. What is said by merge keys (<<) comes last and only
// where the mapping itself is silent.
func (r *reader) mapping(n *yaml.Node, what string) ([]entry, bool) {
	if n = r.visit(n); n == nil {
		return nil, false
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s must be a mapping of names to values, not %s", what, describe(n))
		return nil, false
	}
	seen := map[string]*yaml.Node{}
	var entries []entry
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" {
			merges = append(merges, value)
			continue
		}
		if key = r.visit(key); key == nil {
			continue
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" || key.Value == "" {
			r.fail(n.Content[i], "a key of %s must be a name, not %s; put it in quotes if it is one", what, describe(key))
			continue
		}
		if first := seen[key.Value]; first != nil {
			r.fail(n.Content[i], "%q is there twice in %s, first in line %d; remove one of them", key.Value, what, first.Line)
			continue
		}
		seen[key.Value] = n.Content[i]
		entries = append(entries, entry{n.Content[i], key.Value, value})
	}
	for _, merge := range merges {
		for _, e := range r.merged(merge, what, 0) {
			if seen[e.name] == nil {
				seen[e.name] = e.key
				entries = append(entries, e)
			}
		}
	}
	return entries, true
}

// merged reads the value of a merge key.
func (r *reader) merged(n *yaml.Node, what string, depth int) []entry {
	at := n
	if n = r.visit(n); n == nil {
		return nil
	}
	if depth > 8 {
		r.fail(at, "merge keys (<<) are nested too deeply; write the settings out")
		return nil
	}
	var entries []entry
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			entries = append(entries, r.merged(item, what, depth+1)...)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			switch {
			case key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge":
				entries = append(entries, r.merged(n.Content[i+1], what, depth+1)...)
			case r.visit(key) != nil && key.Kind == yaml.ScalarNode:
				// What is wrong with it is reported where it stands.
				entries = append(entries, entry{key, key.Value, n.Content[i+1]})
			}
		}
	default:
		r.fail(at, "a merge key (<<) of %s needs an alias of a mapping, not %s", what, describe(n))
	}
	return entries
}

// list reads a sequence of anything.
func (r *reader) list(n *yaml.Node, what string) ([]*yaml.Node, bool) {
	if n = r.visit(n); n == nil {
		return nil, false
	}
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "%s must be a list, not %s", what, describe(n))
		return nil, false
	}
	return n.Content, true
}

// str reads a string that is not empty.
func (r *reader) str(n *yaml.Node, what string) (string, bool) {
	if n = r.visit(n); n == nil {
		return "", false
	}
	switch {
	case n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null":
		r.fail(n, "%s must be a string, not %s", what, describe(n))
		return "", false
	case n.ShortTag() != "!!str":
		r.fail(n, "%s must be a string, not %s; put it in quotes", what, describe(n))
		return "", false
	case strings.TrimSpace(n.Value) == "":
		r.fail(n, "%s is empty; give it a value or remove it", what)
		return "", false
	}
	return n.Value, true
}

// texts reads a list of strings, or a string that holds a list as
// globs.ParseList reads it. check may be nil.
func (r *reader) texts(n *yaml.Node, what string, check func(entry string) error) ([]string, bool) {
	before := len(r.errs)
	if n = r.visit(n); n == nil {
		return nil, false
	}
	verify := func(at *yaml.Node, entry string) {
		if check != nil {
			if err := check(entry); err != nil {
				r.fail(at, "%s: %s", what, err)
			}
		}
	}
	list := []string{}
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			if s, ok := r.str(item, "an entry of "+what); ok {
				list = append(list, s)
				verify(item, s)
			}
		}
		return list, len(r.errs) == before
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		r.fail(n, "%s must be a list of strings or a string with commas, not %s", what, describe(n))
		return nil, false
	}
	s, ok := r.str(n, what)
	if !ok {
		return nil, false
	}
	list, err := globs.ParseList(s)
	if err != nil {
		r.fail(n, "%s: %s", what, err)
		return nil, false
	}
	if len(list) == 0 {
		r.fail(n, "%s has no entry; add one or remove the key", what)
	}
	for _, entry := range list {
		verify(n, entry)
	}
	return list, len(r.errs) == before
}

// describe names what a node is, for messages. It does not repeat values,
// which may be secrets in the wrong place.
func describe(n *yaml.Node) string {
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
