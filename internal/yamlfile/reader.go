package yamlfile

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Reader walks the nodes of a file and collects what is wrong with them. Its
// methods report what they cannot read and go on, so that all mistakes are found
// at once. What they are told a value is called begins their messages. Values
// are never repeated, since one may be a secret in the wrong place.
type Reader struct {
	// Secretive keeps tags and anchors out of messages as well: where a file is
	// about secrets, one that begins with ! or * looks like them.
	Secretive bool

	file  string
	errs  Errors
	nodes int
}

// NewReader returns a reader for one file, whose name is used in errors only.
func NewReader(name string) *Reader { return &Reader{file: name, nodes: maxNodes} }

// Report adds an error at a position, which counts from one.
func (r *Reader) Report(line, column int, format string, args ...any) {
	r.errs = append(r.errs, &Error{File: r.file, Line: max(line, 1), Column: max(column, 1), Message: fmt.Sprintf(format, args...)})
}

// Fail adds an error at a node.
func (r *Reader) Fail(at *yaml.Node, format string, args ...any) {
	r.Report(at.Line, at.Column, format, args...)
}

// Failed reports whether there are errors.
func (r *Reader) Failed() bool { return len(r.errs) > 0 }

// Errors returns the errors found so far, sorted, each once, and at most a
// hundred.
func (r *Reader) Errors() Errors {
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

// Visit follows an alias. It returns nil for a node that cannot be read, which
// has been reported then.
func (r *Reader) Visit(n *yaml.Node) *yaml.Node {
	if r.nodes--; r.nodes < 0 {
		if r.nodes == -1 {
			r.Fail(n, "the file stands for more than %d values once its aliases are expanded; write fewer aliases", maxNodes)
		}
		return nil
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if tag := n.ShortTag(); !strings.HasPrefix(tag, "!!") || tag == "!!binary" || tag == "!!set" || tag == "!!omap" {
		if r.Secretive {
			r.Fail(n, "a tag is not supported; put the value in quotes if it begins with an exclamation mark")
		} else {
			r.Fail(n, "the tag %s is not supported; remove it", tag)
		}
		return nil
	}
	return n
}

// Entry is a key of a mapping with its value.
type Entry struct {
	Key *yaml.Node
	// Name is what the key says.
	Name  string
	Value *yaml.Node
}

// Mapping reads a mapping. Keys that are no names or are there twice are
// reported and left out. What is said by merge keys (<<) comes last and only
// where the mapping itself is silent.
func (r *Reader) Mapping(n *yaml.Node, what string) ([]Entry, bool) {
	if n = r.Visit(n); n == nil {
		return nil, false
	}
	if n.Kind != yaml.MappingNode {
		r.Fail(n, "%s must be a mapping of names to values, not %s", what, Describe(n))
		return nil, false
	}
	seen := map[string]*yaml.Node{}
	var entries []Entry
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" {
			merges = append(merges, value)
			continue
		}
		if key = r.Visit(key); key == nil {
			continue
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" || key.Value == "" {
			r.Fail(n.Content[i], "a key of %s must be a name, not %s; put it in quotes if it is one", what, Describe(key))
			continue
		}
		if first := seen[key.Value]; first != nil {
			r.Fail(n.Content[i], "%q is there twice in %s, first in line %d; remove one of them", key.Value, what, first.Line)
			continue
		}
		seen[key.Value] = n.Content[i]
		entries = append(entries, Entry{n.Content[i], key.Value, value})
	}
	for _, merge := range merges {
		for _, e := range r.merged(merge, what, 0) {
			if seen[e.Name] == nil {
				seen[e.Name] = e.Key
				entries = append(entries, e)
			}
		}
	}
	return entries, true
}

// merged reads the value of a merge key.
func (r *Reader) merged(n *yaml.Node, what string, depth int) []Entry {
	at := n
	if n = r.Visit(n); n == nil {
		return nil
	}
	if depth > 8 {
		r.Fail(at, "merge keys (<<) are nested too deeply; write the settings out")
		return nil
	}
	var entries []Entry
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
			case r.Visit(key) != nil && key.Kind == yaml.ScalarNode:
				// What is wrong with it is reported where it stands.
				entries = append(entries, Entry{key, key.Value, n.Content[i+1]})
			}
		}
	default:
		r.Fail(at, "a merge key (<<) of %s needs an alias of a mapping, not %s", what, Describe(n))
	}
	return entries
}

// List reads a sequence of anything.
func (r *Reader) List(n *yaml.Node, what string) ([]*yaml.Node, bool) {
	if n = r.Visit(n); n == nil {
		return nil, false
	}
	if n.Kind != yaml.SequenceNode {
		r.Fail(n, "%s must be a list, not %s", what, Describe(n))
		return nil, false
	}
	return n.Content, true
}
