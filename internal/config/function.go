package config

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/globs"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/timetable"
	"github.com/franela/pocketci/internal/yamlfile"
)

// argument reports whether the name can be that of an argument to which the
// file may give a value.
func (r *reader) argument(at *yaml.Node, what, name string) bool {
	switch {
	case slices.Contains(reserved, name):
		r.Fail(at, "%s: pocketci itself gives %s its value; choose another name", what, name)
		return false
	case argumentName.MatchString(name):
		return true
	case argumentName.MatchString(camel(name)):
		r.Fail(at, "%s must be an argument's name as Dagger has it, in camel case; write %s", what, camel(name))
	default:
		r.Fail(at, "%s must be an argument's name in camel case: letters and digits, beginning with a small letter", what)
	}
	return false
}

func (r *reader) functions(n *yaml.Node, secrets []Secret) map[string]Function {
	entries, ok := r.Mapping(n, "functions")
	if !ok {
		return nil
	}
	functions := make(map[string]Function, len(entries))
	seen := map[string]yamlfile.Entry{}
	for _, e := range entries {
		if !functionName.MatchString(e.Name) {
			r.Fail(e.Key, "%q is not the name of a function; write it as in lintOnGithubPush, LintOnGithubPush or lint-on-github-push", e.Name)
			continue
		}
		if first, twice := seen[yamlfile.Plain(e.Name)]; twice {
			r.Fail(e.Key, "%s and %s in line %d are the same function; put everything about it into one entry", e.Name, first.Name, first.Key.Line)
			continue
		}
		seen[yamlfile.Plain(e.Name)] = e
		functions[e.Name] = r.function(e, secrets)
	}
	return functions
}

func (r *reader) function(of yamlfile.Entry, secrets []Secret) Function {
	f := Function{Line: of.Key.Line}
	entries, _ := r.Mapping(of.Value, "the function "+of.Name)
	for _, e := range entries {
		switch e.Name {
		case "vendor":
			f.Vendor = r.condition(e, globs.Check)
		case "event":
			f.Event = r.condition(e, globs.Check)
		case "filter":
			f.Filter = r.condition(e, globs.Check)
		case "base":
			f.Base = r.condition(e, globs.Check)
		case "on-changes":
			f.OnChanges = r.condition(e, checkFileGlob)
		case "schedule":
			r.schedule(&f, e.Value)
		case "timeout":
			f.Timeout = r.timeout(e.Value)
		case "runs-on":
			f.RunsOn = r.label(e.Value)
		case "args":
			f.Args = r.args(e.Value, secrets)
		case "after":
			f.After = r.after(e.Value)
		case "concurrency":
			f.Concurrency = r.concurrency(e.Value)
		case "filters":
			f.Filters = predicate.Read(r.Reader, e.Value, e.Name)
		default:
			r.unknown(e, "the function "+of.Name, functionKeys)
		}
	}
	return f
}

// condition reads a list of which one entry must match. Unlike paths, which
// may be empty, a condition that nothing can fulfil is a mistake.
func (r *reader) condition(e yamlfile.Entry, check func(string) error) []string {
	list, ok := r.Strings(e.Value, e.Name, check)
	if ok && len(list) == 0 {
		r.Fail(e.Value, "%s is an empty list, which nothing matches; add an entry or remove the key", e.Name)
	}
	return list
}

// schedule reads an expression, or a mapping that says more about it.
func (r *reader) schedule(f *Function, n *yaml.Node) {
	if v := r.Visit(n); v == nil || v.Kind != yaml.MappingNode {
		if v == nil {
			return
		}
		if _, ok := timetable.Expression(r.Reader, n, "schedule"); ok {
			f.Schedule = strings.TrimSpace(v.Value)
		}
		return
	}
	entries, ok := r.Mapping(n, "schedule")
	if !ok {
		return
	}
	for _, e := range entries {
		if !slices.Contains(timetable.Keys(), e.Name) {
			r.Unknown(e, "schedule", timetable.Keys())
		}
	}
	t := timetable.Read(r.Reader, n, "schedule", entries)
	f.Schedule, f.Policy = t.Schedule.String(), t.Policy
}

func (r *reader) timeout(n *yaml.Node) time.Duration {
	v := r.Visit(n)
	if v == nil {
		return 0
	}
	if v.Kind == yaml.ScalarNode && v.ShortTag() == "!!int" {
		r.Fail(n, "timeout needs a unit; write %ss, %sm or %sh", v.Value, v.Value, v.Value)
		return 0
	}
	s, ok := r.String(v, "timeout")
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		r.Fail(n, "timeout must be a duration such as 90s, 10m or 1h30m")
	case d <= 0:
		r.Fail(n, "timeout must be more than nothing; remove it for the agent's default")
	}
	return d
}

func (r *reader) label(n *yaml.Node) string {
	if v := r.Visit(n); v != nil && v.Kind == yaml.SequenceNode {
		r.Fail(n, "runs-on is a single label, not a list; a runner that several labels describe needs one for the combination")
		return ""
	}
	s, ok := r.String(n, "runs-on")
	if ok && strings.ContainsAny(s, " \t\n,") {
		r.Fail(n, "runs-on is a single label without spaces and commas")
	}
	return s
}

func (r *reader) args(n *yaml.Node, secrets []Secret) map[string]any {
	entries, ok := r.Mapping(n, "args")
	if !ok {
		return nil
	}
	args := make(map[string]any, len(entries))
	for _, e := range entries {
		if !r.argument(e.Key, "a name in args", e.Name) {
			continue
		}
		if i := slices.IndexFunc(secrets, func(s Secret) bool { return s.Name == e.Name }); i >= 0 {
			r.Fail(e.Key, "%s is a secret already, in line %d; an argument has one value", e.Name, secrets[i].Line)
			continue
		}
		value := r.Visit(e.Value)
		if value == nil {
			continue
		}
		if value.Kind != yaml.SequenceNode {
			args[e.Name] = r.constant(value, e.Name)
			continue
		}
		list := make([]any, 0, len(value.Content))
		for _, item := range value.Content {
			if item = r.Visit(item); item != nil {
				list = append(list, r.constant(item, "an entry of "+e.Name))
			}
		}
		args[e.Name] = list
	}
	return args
}

var (
	wholeNumber   = regexp.MustCompile(`^[-+]?[0-9]+$`)
	decimalNumber = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
)

// constant reads a scalar as YAML 1.2 has it: yes and no are strings, and so
// are dates. Numbers that YAML 1.1 and 1.2 read differently are refused.
func (r *reader) constant(n *yaml.Node, what string) any {
	if n.Kind != yaml.ScalarNode {
		r.Fail(n, "%s must be a string, a number, true or false, or a list of these, not %s", what, yamlfile.Describe(n))
		return nil
	}
	tag := n.ShortTag()
	switch tag {
	case "!!str", "!!timestamp":
		return n.Value
	case "!!bool":
		value, ok := yamlfile.Truth(n)
		if !ok {
			r.Fail(n, "%s must be true or false", what)
		}
		return value
	case "!!int", "!!float":
		value, err := number(n.Value, tag)
		if err != nil {
			r.Fail(n, "%s: %s", what, err)
		}
		return value
	case "!!null":
		r.Fail(n, "%s is null; leave the argument out, or write \"\" for an empty string", what)
	default:
		r.Fail(n, "%s must be a string, a number, true or false", what)
	}
	return nil
}

func number(s, tag string) (any, error) {
	if decimalNumber.MatchString(s) {
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, errors.New("the number does not fit into 64 bits; write it as a string, in quotes")
		}
		return i, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if tag == "!!int" || wholeNumber.MatchString(s) || strings.Contains(s, "_") || err != nil && !strings.Contains(s, ".") {
		return nil, errors.New("write the number in plain decimal digits, or put it in quotes if it is a string")
	}
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, errors.New("not a number that arguments can have; write a finite one")
	}
	return f, nil
}
