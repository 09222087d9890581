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
)

// argument reports whether the name can be that of an argument to which the
// file may give a value.
func (r *reader) argument(at *yaml.Node, what, name string) bool {
	switch {
	case slices.Contains(reserved, name):
		r.fail(at, "%s: pocketci itself gives %s its value; choose another name", what, name)
		return false
	case argumentName.MatchString(name):
		return true
	case argumentName.MatchString(camel(name)):
		r.fail(at, "%s must be an argument's name as Dagger has it, in camel case; write %s", what, camel(name))
	default:
		r.fail(at, "%s must be an argument's name in camel case: letters and digits, beginning with a small letter", what)
	}
	return false
}

func (r *reader) functions(n *yaml.Node, secrets []Secret) map[string]Function {
	entries, ok := r.mapping(n, "functions")
	if !ok {
		return nil
	}
	functions := make(map[string]Function, len(entries))
	seen := map[string]entry{}
	for _, e := range entries {
		if !functionName.MatchString(e.name) {
			r.fail(e.key, "%q is not the name of a function; write it as in lintOnGithubPush, LintOnGithubPush or lint-on-github-push", e.name)
			continue
		}
		if first, twice := seen[plain(e.name)]; twice {
			r.fail(e.key, "%s and %s in line %d are the same function; put everything about it into one entry", e.name, first.name, first.key.Line)
			continue
		}
		seen[plain(e.name)] = e
		functions[e.name] = r.function(e, secrets)
	}
	return functions
}

func (r *reader) function(of entry, secrets []Secret) Function {
	f := Function{Line: of.key.Line}
	entries, _ := r.mapping(of.value, "the function "+of.name)
	for _, e := range entries {
		switch e.name {
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
			f.Schedule = r.schedule(e.value)
		case "timeout":
			f.Timeout = r.timeout(e.value)
		case "runs-on":
			f.RunsOn = r.label(e.value)
		case "args":
			f.Args = r.args(e.value, secrets)
		case "after":
			f.After = r.after(e.value)
		case "concurrency":
			f.Concurrency = r.concurrency(e.value)
		case "filters":
			if v := r.visit(e.value); v != nil {
				if v.Kind == yaml.ScalarNode && (v.ShortTag() == "!!null" || v.Value == "") {
					r.fail(e.value, "%s is empty; give it a value or remove it", e.name)
				}
				f.Unsupported = append(f.Unsupported, e.name)
			}
		default:
			r.unknown(e, "the function "+of.name, functionKeys)
		}
	}
	slices.Sort(f.Unsupported)
	return f
}

// condition reads a list of which one entry must match. Unlike paths, which
// may be empty, a condition that nothing can fulfil is a mistake.
func (r *reader) condition(e entry, check func(string) error) []string {
	list, ok := r.texts(e.value, e.name, check)
	if ok && len(list) == 0 {
		r.fail(e.value, "%s is an empty list, which nothing matches; add an entry or remove the key", e.name)
	}
	return list
}

// A cron expression is five fields or a word such as @daily, with a time zone
// before it if wanted. What the fields say is judged by who keeps the clock.
var cron = regexp.MustCompile(`^((CRON_)?TZ=\S+\s+)?(@(yearly|annually|monthly|weekly|daily|midnight|hourly|every\s+\S+)|([0-9A-Za-z*/,?#-]+\s+){4}[0-9A-Za-z*/,?#-]+)$`)

func (r *reader) schedule(n *yaml.Node) string {
	s, ok := r.str(n, "schedule")
	if !ok {
		return ""
	}
	s = strings.TrimSpace(s)
	if !cron.MatchString(s) {
		r.fail(n, `schedule must be a cron expression of five fields, such as "30 2 * * 1-5", or @daily, @hourly and the like`)
	}
	return s
}

func (r *reader) timeout(n *yaml.Node) time.Duration {
	v := r.visit(n)
	if v == nil {
		return 0
	}
	if v.Kind == yaml.ScalarNode && v.ShortTag() == "!!int" {
		r.fail(n, "timeout needs a unit; write %ss, %sm or %sh", v.Value, v.Value, v.Value)
		return 0
	}
	s, ok := r.str(v, "timeout")
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		r.fail(n, "timeout must be a duration such as 90s, 10m or 1h30m")
	case d <= 0:
		r.fail(n, "timeout must be more than nothing; remove it for the agent's default")
	}
	return d
}

func (r *reader) label(n *yaml.Node) string {
	if v := r.visit(n); v != nil && v.Kind == yaml.SequenceNode {
		r.fail(n, "runs-on is a single label, not a list; a runner that several labels describe needs one for the combination")
		return ""
	}
	s, ok := r.str(n, "runs-on")
	if ok && strings.ContainsAny(s, " \t\n,") {
		r.fail(n, "runs-on is a single label without spaces and commas")
	}
	return s
}

func (r *reader) args(n *yaml.Node, secrets []Secret) map[string]any {
	entries, ok := r.mapping(n, "args")
	if !ok {
		return nil
	}
	args := make(map[string]any, len(entries))
	for _, e := range entries {
		if !r.argument(e.key, "a name in args", e.name) {
			continue
		}
		if i := slices.IndexFunc(secrets, func(s Secret) bool { return s.Name == e.name }); i >= 0 {
			r.fail(e.key, "%s is a secret already, in line %d; an argument has one value", e.name, secrets[i].Line)
			continue
		}
		value := r.visit(e.value)
		if value == nil {
			continue
		}
		if value.Kind != yaml.SequenceNode {
			args[e.name] = r.constant(value, e.name)
			continue
		}
		list := make([]any, 0, len(value.Content))
		for _, item := range value.Content {
			if item = r.visit(item); item != nil {
				list = append(list, r.constant(item, "an entry of "+e.name))
			}
		}
		args[e.name] = list
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
		r.fail(n, "%s must be a string, a number, true or false, or a list of these, not %s", what, describe(n))
		return nil
	}
	tag := n.ShortTag()
	switch tag {
	case "!!str", "!!timestamp":
		return n.Value
	case "!!bool":
		value, ok := truth(n)
		if !ok {
			r.fail(n, "%s must be true or false", what)
		}
		return value
	case "!!int", "!!float":
		value, err := number(n.Value, tag)
		if err != nil {
			r.fail(n, "%s: %s", what, err)
		}
		return value
	case "!!null":
		r.fail(n, "%s is null; leave the argument out, or write \"\" for an empty string", what)
	default:
		r.fail(n, "%s must be a string, a number, true or false", what)
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
