package predicate

import (
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/yamlfile"
)

var keys = []string{"path", isEqualTo, isNotEqualTo, matches, doesNotMatch, exists}

// Read reads a list of filters out of a file and compiles them. What is wrong is
// reported with its position; what is called what in messages. A list without an
// entry is a mistake.
func Read(r *yamlfile.Reader, n *yaml.Node, what string) []Filter {
	items, ok := r.List(n, what)
	if ok && len(items) == 0 {
		r.Fail(n, "%s is an empty list; add an entry or remove the key", what)
	}
	var list []Filter
	for _, item := range items {
		if f, ok := readFilter(r, item); ok {
			list = append(list, f)
		}
	}
	return list
}

func readFilter(r *yamlfile.Reader, n *yaml.Node) (Filter, bool) {
	entries, ok := r.Mapping(n, "a filter")
	if !ok {
		return Filter{}, false
	}
	var (
		path  Pointer
		tests []test
		named bool
	)
	for _, e := range entries {
		switch e.Name {
		case "path":
			named = true
			var read bool
			path, read = ReadPointer(r, e.Value, e.Name)
			ok = ok && read
		case isEqualTo, isNotEqualTo, matches, doesNotMatch, exists:
			v, read := readValue(r, e.Value, e.Name)
			if !read {
				ok = false
				continue
			}
			t, err := testOf(e.Name, v)
			if err != nil {
				r.Fail(e.Value, "%s: %s", e.Name, err)
				ok = false
				continue
			}
			tests = append(tests, t)
		default:
			r.Unknown(e, "a filter", keys)
			ok = false
		}
	}
	switch {
	case !named:
		r.Fail(n, "a filter needs a path, such as /pull_request/draft")
		return Filter{}, false
	case !ok:
		return Filter{}, false
	}
	f, err := newFilter(path, tests)
	if err != nil {
		r.Fail(n, "%s", err)
	}
	return f, err == nil
}

// ReadPointer reads a JSON Pointer out of a file. An empty string is the document as
// a whole.
func ReadPointer(r *yamlfile.Reader, n *yaml.Node, what string) (Pointer, bool) {
	v := r.Visit(n)
	if v == nil {
		return Pointer{}, false
	}
	if v.Kind != yaml.ScalarNode || v.ShortTag() != "!!str" {
		r.Fail(n, "%s must be a JSON Pointer such as /pull_request/draft, not %s", what, yamlfile.Describe(v))
		return Pointer{}, false
	}
	p, err := ParsePointer(v.Value)
	if err != nil {
		r.Fail(n, "%s: %s", what, err)
	}
	return p, err == nil
}

// readValue reads a scalar as YAML 1.2 has it: yes, no and dates are strings.
func readValue(r *yamlfile.Reader, n *yaml.Node, what string) (Value, bool) {
	v := r.Visit(n)
	if v == nil {
		return Value{}, false
	}
	if v.Kind != yaml.ScalarNode {
		r.Fail(n, "%s must be a string, a number, true, false or null, not %s", what, yamlfile.Describe(v))
		return Value{}, false
	}
	switch v.ShortTag() {
	case "!!null":
		if v.Value == "" {
			r.Fail(n, "%s is empty; write null or \"\" if that is meant", what)
			return Value{}, false
		}
		return Value{kindNull, "null"}, true
	case "!!bool":
		b, ok := yamlfile.Truth(v)
		if !ok {
			r.Fail(n, "%s must be written true or false, or put in quotes if it is a string", what)
		}
		return Value{kindBool, strconv.FormatBool(b)}, ok
	case "!!int", "!!float":
		value, ok := number(v.Value)
		if !ok {
			r.Fail(n, "%s: write the number in plain decimal digits, or put it in quotes if it is a string", what)
		}
		return value, ok
	}
	return Value{kindString, v.Value}, true
}
