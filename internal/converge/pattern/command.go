package pattern

import (
	"mime"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/yamlfile"
)

// reserved is how the names of variables begin that pocketci sets itself.
const reserved = "POCKETCI_"

// command reads a command that is no group.
func (r *reader) command(item *yaml.Node, entries []yamlfile.Entry, c common) (member, bool) {
	m := member{at: item, commands: []Command{{}}}
	cmd := &m.commands[0]
	for _, e := range entries {
		switch e.Name {
		case "id":
			m.id = r.id(e)
		case "check":
			cmd.Check = r.action(e)
		case "change":
			cmd.Change = r.action(e)
		case "remove":
			cmd.Remove = r.action(e)
		case "always":
			cmd.Always = r.Bool(e.Value, e.Name)
		case "on-change":
			m.onChange = r.targets(e)
		case "on-fail":
			m.onFail = r.targets(e)
		case "on-remove":
			m.onRemove = r.targets(e)
		case "remove-after":
			cmd.RemoveAfter = r.Bool(e.Value, e.Name)
		case "change-ignore":
			cmd.ChangeIgnore = r.Bool(e.Value, e.Name)
		case "answer":
			cmd.Answer = r.contentType(e)
		case "stdin":
			cmd.Stdin = r.text(e.Value, e.Name)
		case "env-prefix":
			cmd.EnvPrefix = r.variable(e.Value, e.Name)
		default:
			if !r.common(e, &c) {
				r.Unknown(e, "a command", commandKeys)
			}
		}
	}
	if m.id == "" {
		r.needs(item, entries, "a command needs an id")
		return m, false
	}
	cmd.ID, cmd.Group, cmd.Env, cmd.Dir, cmd.Exec, cmd.Timeout = m.id, c.group, c.env, c.dir, c.exec, c.timeout
	switch has := func(key string) bool {
		return slices.ContainsFunc(entries, func(e yamlfile.Entry) bool { return e.Name == key })
	}; {
	case !has("check") && !has("change"):
		r.Fail(item, "the command %q has neither check nor change, so that it does nothing", m.id)
	case !has("change") && (cmd.Always || has("remove") || has("on-change") || has("answer")):
		r.Fail(item, "the command %q has no change: it only checks, and has no use for always, remove, on-change and answer", m.id)
	}
	return m, true
}

// needs reports what is missing, unless it is there and was refused.
func (r *reader) needs(item *yaml.Node, entries []yamlfile.Entry, message string) {
	if !slices.ContainsFunc(entries, func(e yamlfile.Entry) bool { return e.Name == "id" }) {
		r.Fail(item, "%s", message)
	}
}

func (r *reader) id(e yamlfile.Entry) string {
	s, ok := r.String(e.Value, e.Name)
	switch {
	case !ok:
		return ""
	case len(s) > MaxID || strings.TrimSpace(s) != s || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }):
		r.Fail(e.Value, "id must be printable text of at most %d bytes without spaces around it", MaxID)
		return ""
	case strings.HasPrefix(s, eventPrefix) || strings.HasPrefix(s, "/"):
		r.Fail(e.Value, "id must not begin with %q, which names an event, or with a slash, which begins a regular expression", eventPrefix)
		return ""
	}
	if first := r.lines[s]; first != 0 {
		r.Fail(e.Value, "the id %q is there twice, first in line %d; ids are unique in a pattern, so that triggers and metrics mean one command", s, first)
		return ""
	}
	r.lines[s] = e.Value.Line
	return s
}

// action reads a shell text, or a list of a program and its arguments.
func (r *reader) action(e yamlfile.Entry) *Action {
	n := r.Visit(e.Value)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		if text := r.text(e.Value, e.Name); text != "" {
			return &Action{Text: text}
		}
		return nil
	}
	if args := r.arguments(e); args != nil {
		return &Action{Args: args}
	}
	return nil
}

// arguments reads a program and its arguments, of which all but the program may be
// empty.
func (r *reader) arguments(e yamlfile.Entry) []string {
	items, ok := r.List(e.Value, e.Name)
	if !ok {
		return nil
	}
	if len(items) == 0 {
		r.Fail(e.Value, "%s is an empty list; begin it with a program", e.Name)
		return nil
	}
	var args []string
	for i, item := range items {
		if i == 0 {
			args = append(args, r.text(item, "the program of "+e.Name))
			continue
		}
		args = append(args, r.value(item, "an argument of "+e.Name))
	}
	return args
}

func (r *reader) exec(e yamlfile.Entry) []string { return r.arguments(e) }

func (r *reader) env(e yamlfile.Entry) map[string]string {
	entries, _ := r.Mapping(e.Value, e.Name)
	env := map[string]string{}
	for _, v := range entries {
		if name := r.variable(v.Key, "a key of env"); name != "" {
			env[name] = r.value(v.Value, "the variable "+name)
		}
	}
	return env
}

func (r *reader) variable(n *yaml.Node, what string) string {
	name := r.Variable(n, what)
	if strings.HasPrefix(name, reserved) {
		r.Fail(n, "%s must not begin with %s; pocketci sets those variables itself", what, reserved)
		return ""
	}
	return name
}

// text reads a string that is not empty and that a process can be given.
func (r *reader) text(n *yaml.Node, what string) string {
	s, _ := r.String(n, what)
	if strings.ContainsRune(s, 0) {
		r.Fail(n, "%s holds a zero byte, which no process can be given", what)
		return ""
	}
	return s
}

// value is text that may be empty.
func (r *reader) value(n *yaml.Node, what string) string {
	if v := r.Visit(n); v != nil && v.Kind == yaml.ScalarNode && v.ShortTag() == "!!str" && strings.TrimSpace(v.Value) == "" {
		return v.Value
	}
	return r.text(n, what)
}

func (r *reader) timeout(e yamlfile.Entry) time.Duration {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > MaxTimeout {
		r.Fail(e.Value, "timeout must be a duration above zero and up to 24h, such as 90s or 10m")
		return 0
	}
	return d
}

var mediaType = regexp.MustCompile(`^[!-~ ]+$`)

func (r *reader) contentType(e yamlfile.Entry) string {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return ""
	}
	if _, _, err := mime.ParseMediaType(s); err != nil || !mediaType.MatchString(s) || !strings.Contains(s, "/") {
		r.Fail(e.Value, "answer must be the content type of the command's output, such as application/json")
		return ""
	}
	return s
}
