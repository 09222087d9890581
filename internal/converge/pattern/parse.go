package pattern

import (
	"maps"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/yamlfile"
)

// Limits of a pattern.
const (
	// MaxCommands is how many commands a pattern has at most.
	MaxCommands = 1000
	// MaxID is how long an id is at most, in bytes.
	MaxID = 128
	// MaxTimeout is the longest timeout.
	MaxTimeout = 24 * time.Hour
)

var (
	patternKeys = []string{"exec", "env", "dir", "timeout", "commands"}
	groupKeys   = []string{"id", "commands", "exec", "env", "dir", "timeout"}
	commandKeys = []string{
		"id", "check", "change", "remove", "always", "on-change", "on-fail", "on-remove", "remove-after", "change-ignore",
		"answer", "stdin", "env", "env-prefix", "dir", "exec", "timeout", "commands",
	}
)

// reader reads one pattern.
type reader struct {
	*yamlfile.Reader
	// lines are where the ids stand.
	lines map[string]int
	// triggered are the commands that others trigger, bare those that run only
	// then.
	triggered map[string]bool
	bare      []member
	count     int
}

// common is what a pattern or a group says for all of its commands.
type common struct {
	exec    []string
	env     map[string]string
	dir     string
	timeout time.Duration
	group   []string
}

// Parse reads a pattern in YAML or JSON. The name is used in errors only. An error
// is a [yamlfile.Errors] with everything that is wrong.
func Parse(name string, data []byte) (*Pattern, error) {
	r := &reader{Reader: yamlfile.NewReader(name), lines: map[string]int{}, triggered: map[string]bool{}}
	p := &Pattern{File: name}
	switch document := r.Document(readable(data)); {
	case document != nil:
		p.Commands = r.pattern(document)
		r.reachable()
	case !r.Failed():
		r.Report(1, 1, "the pattern is empty; write {commands: []} for one that removes everything")
	}
	if r.Failed() {
		return nil, r.Errors()
	}
	return p, nil
}

func (r *reader) pattern(n *yaml.Node) []Command {
	entries, ok := r.Mapping(n, "the pattern")
	if !ok {
		return nil
	}
	var c common
	var list *yaml.Node
	for _, e := range entries {
		switch e.Name {
		case "commands":
			list = e.Value
		default:
			if !r.common(e, &c) {
				r.Unknown(e, "the pattern", patternKeys)
			}
		}
	}
	if list == nil {
		r.Fail(n, "a pattern needs commands; an empty list removes everything")
		return nil
	}
	return r.commands(list, c)
}

// common reads a setting that is said for all commands, if the entry is one.
func (r *reader) common(e yamlfile.Entry, c *common) bool {
	switch e.Name {
	case "exec":
		c.exec = r.exec(e)
	case "env":
		env := maps.Clone(c.env)
		if env == nil {
			env = map[string]string{}
		}
		maps.Copy(env, r.env(e))
		c.env = env
	case "dir":
		c.dir = r.text(e.Value, e.Name)
	case "timeout":
		c.timeout = r.timeout(e)
	default:
		return false
	}
	return true
}

// commands reads a list, whose triggers see its own members alone.
func (r *reader) commands(n *yaml.Node, c common) []Command {
	var members []member
	r.members(n, c, &members, 0)
	r.link(members)
	var all []Command
	for _, m := range members {
		all = append(all, m.commands...)
	}
	return all
}

// members adds what a list has. Lists within it belong to it.
func (r *reader) members(n *yaml.Node, c common, members *[]member, depth int) {
	if depth > 32 {
		r.Fail(n, "lists are nested too deeply; write the commands out")
		return
	}
	items, _ := r.List(n, "commands")
	for _, item := range items {
		v := item
		if v.Kind == yaml.AliasNode {
			v = v.Alias
		}
		if v.Kind == yaml.SequenceNode {
			r.members(item, c, members, depth+1)
			continue
		}
		if r.count++; r.count > MaxCommands {
			if r.count == MaxCommands+1 {
				r.Fail(item, "a pattern has at most %d commands and groups", MaxCommands)
			}
			return
		}
		entries, ok := r.Mapping(item, "a command")
		if !ok {
			continue
		}
		if m, ok := r.member(item, entries, c, depth); ok {
			*members = append(*members, m)
		}
	}
}

func (r *reader) member(item *yaml.Node, entries []yamlfile.Entry, c common, depth int) (member, bool) {
	if slices.ContainsFunc(entries, func(e yamlfile.Entry) bool { return e.Name == "commands" }) {
		return r.group(item, entries, c, depth)
	}
	return r.command(item, entries, c)
}

// group reads a command that has others in it.
func (r *reader) group(item *yaml.Node, entries []yamlfile.Entry, c common, depth int) (member, bool) {
	m := member{at: item, group: true}
	var list *yaml.Node
	for _, e := range entries {
		switch {
		case e.Name == "id":
			m.id = r.id(e)
		case e.Name == "commands":
			list = e.Value
		case r.common(e, &c):
		case slices.Contains(commandKeys, e.Name):
			r.Fail(e.Key, "%s belongs to a command, not to a group, which has commands of its own", e.Name)
		default:
			r.Unknown(e, "a group", groupKeys)
		}
	}
	if m.id == "" {
		r.needs(item, entries, "a group needs an id")
		return m, false
	}
	if len(c.group) >= 16 {
		r.Fail(item, "groups are nested too deeply")
		return m, false
	}
	c.group = append(slices.Clone(c.group), m.id)
	m.commands = r.commands(list, c)
	return m, true
}
