package config

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/globs"
)

// The keys of the file by where they stand.
var (
	moduleKeys   = []string{"paths", "secrets", "git", "functions", "checks"}
	shortKeys    = append([]string{"module-path"}, moduleKeys...)
	longKeys     = append([]string{"path"}, moduleKeys...)
	secretKeys   = []string{"name", "from-env"}
	groupKeys    = []string{"group", "cancel"}
	functionKeys = []string{"vendor", "event", "filter", "base", "on-changes", "schedule", "timeout", "runs-on", "args", "after", "concurrency", "filters"}
)

// unknown reports a key that does not exist where it stands.
func (r *reader) unknown(e entry, what string, known []string) {
	switch {
	case slices.Contains(functionKeys, e.name) && slices.Contains(known, "functions"):
		r.fail(e.key, "%q is a setting of a function; put it below functions and the function's name", e.name)
	case e.name == "path" && slices.Contains(known, "module-path"):
		r.fail(e.key, `unknown key "path" in %s; did you mean "module-path"?`, what)
	case e.name == "module-path" && slices.Contains(known, "path"):
		r.fail(e.key, `unknown key "module-path" in %s; did you mean "path"?`, what)
	case suggest(e.name, known) != "":
		r.fail(e.key, "unknown key %q in %s; did you mean %q?", e.name, what, suggest(e.name, known))
	default:
		r.fail(e.key, "unknown key %q in %s; the keys are %s", e.name, what, strings.Join(known, ", "))
	}
}

// config reads the document.
func (r *reader) config(n *yaml.Node) *Config {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		r.paths = []*yaml.Node{n}
		return &Config{Modules: []Module{{Line: 1}}}
	}
	entries, ok := r.mapping(n, "the file")
	if !ok {
		return nil
	}
	var modules *entry
	var short []entry
	for _, e := range entries {
		switch {
		case e.name == "modules":
			modules = &e
		case slices.Contains(shortKeys, e.name):
			short = append(short, e)
		default:
			r.unknown(e, "the file", append([]string{"modules"}, shortKeys...))
		}
	}
	if modules == nil {
		m := Module{Line: n.Line}
		at := n
		for _, e := range short {
			if e.name == "module-path" {
				at = e.value
			}
		}
		r.paths = []*yaml.Node{at}
		r.module(&m, "the file", short)
		return &Config{Modules: []Module{m}}
	}
	for _, e := range short {
		r.fail(e.key, "%q describes the only module of a file and cannot stand beside modules; move it into an entry of the list", e.name)
	}
	return r.modules(modules.value)
}

func (r *reader) modules(n *yaml.Node) *Config {
	items, ok := r.list(n, "modules")
	if !ok {
		return nil
	}
	if len(items) == 0 {
		r.fail(n, "modules is an empty list; add a module or remove the key")
	}
	c := &Config{}
	seen := map[string]int{}
	for _, item := range items {
		entries, ok := r.mapping(item, "a module")
		if !ok {
			continue
		}
		m := Module{Line: item.Line}
		at := item
		var rest []entry
		located := false
		for _, e := range entries {
			switch {
			case e.name == "path":
				at, located = e.value, true
				rest = append(rest, e)
			case slices.Contains(longKeys, e.name):
				rest = append(rest, e)
			default:
				r.unknown(e, "a module", longKeys)
			}
		}
		if !located {
			r.fail(item, `a module needs a path; add "path: ./folder" with the folder of its dagger.json`)
		}
		r.module(&m, "a module", rest)
		if first, twice := seen[m.Path]; twice && m.Path != "" {
			r.fail(at, "the module %s is there twice, first in line %d; put everything about it into one entry", m.Path, first)
		} else {
			seen[m.Path] = m.Line
		}
		c.Modules = append(c.Modules, m)
		r.paths = append(r.paths, at)
	}
	return c
}

// module reads keys that have been checked to be known.
func (r *reader) module(m *Module, what string, entries []entry) {
	for _, e := range entries {
		switch e.name {
		case "path", "module-path":
			if s, ok := r.str(e.value, e.name); ok {
				clean, err := modulePath(s)
				if err != nil {
					r.fail(e.value, "%s: %s", e.name, err)
				}
				m.Path = clean
			}
		case "paths":
			m.Paths, _ = r.texts(e.value, "paths", checkFileGlob)
		case "secrets":
			m.Secrets = r.secrets(e.value)
		case "git":
			m.Git = r.boolean(e.value, "git")
		case "checks":
			m.Checks = r.checks(e.value)
		}
	}
	// Secrets first: arguments must not be given twice.
	for _, e := range entries {
		if e.name == "functions" {
			m.Functions = r.functions(e.value, m.Secrets)
		}
	}
}

func (r *reader) boolean(n *yaml.Node, what string) bool {
	if n = r.visit(n); n == nil {
		return false
	}
	value, ok := truth(n)
	if !ok {
		r.fail(n, "%s must be true or false, not %s", what, describe(n))
	}
	return value
}

// truth reads a boolean. The tag alone does not prove one: it can be written
// in front of anything.
func truth(n *yaml.Node) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		return false, false
	}
	value = strings.EqualFold(n.Value, "true")
	return value, value || strings.EqualFold(n.Value, "false")
}

func checkFileGlob(glob string) error {
	_, err := globs.NewSet([]string{glob})
	return err
}

var (
	hostName  = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?$`)
	driveName = regexp.MustCompile(`^[A-Za-z]:`)
)

// modulePath cleans the path of a module and refuses those that are not in the
// repository.
func modulePath(s string) (string, error) {
	first, _, more := strings.Cut(s, "/")
	switch {
	case strings.Contains(s, "://"), strings.HasPrefix(s, "git@"), more && hostName.MatchString(first):
		return "", errors.New("a module of another repository is not supported by this version; write a folder of this one, such as ./ci (a folder that looks like a host begins with ./)")
	case strings.Contains(s, `\`):
		return "", errors.New("separate folders with a slash, not a backslash")
	case strings.HasPrefix(s, "/"), driveName.MatchString(s):
		return "", errors.New("write a path relative to the repository's root, such as ./ci")
	}
	clean := path.Clean(s)
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", errors.New("the path leaves the repository; write a folder inside it")
	}
	if !fs.ValidPath(clean) || strings.ContainsFunc(clean, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return "", errors.New("not a path; write a folder such as ./ci")
	}
	return clean, nil
}

func (r *reader) secrets(n *yaml.Node) []Secret {
	items, ok := r.list(n, "secrets")
	if !ok {
		return nil
	}
	var list []Secret
	seen := map[string]int{}
	for _, item := range items {
		entries, ok := r.mapping(item, "a secret")
		if !ok {
			continue
		}
		s := Secret{Line: item.Line}
		named, mapped := false, false
		for _, e := range entries {
			switch {
			case e.name == "name":
				named = true
				if name, ok := r.str(e.value, "the name of a secret"); ok && r.argument(e.value, "the name of a secret", name) {
					s.Name = name
				}
			case e.name == "from-env":
				mapped = true
				s.FromEnv = r.variable(e.value)
			case strings.HasPrefix(e.name, "from-") && suggest(e.name, secretKeys) == "":
				mapped = true
				r.fail(e.key, "%q is not supported by this version; secrets come from the agent's environment: from-env", e.name)
			default:
				r.unknown(e, "a secret", secretKeys)
			}
		}
		if !named {
			r.fail(item, "a secret needs a name, which is the name of the function's argument")
		}
		if !mapped {
			r.fail(item, "a secret needs from-env, which names a variable of the agent's environment")
		}
		if first, twice := seen[s.Name]; twice && s.Name != "" {
			r.fail(item, "the secret %s is there twice, first in line %d; remove one of them", s.Name, first)
		} else {
			seen[s.Name] = item.Line
		}
		list = append(list, s)
	}
	return list
}

func (r *reader) variable(n *yaml.Node) string {
	s, ok := r.str(n, "from-env")
	if !ok {
		return ""
	}
	if !variableName.MatchString(s) {
		// Not repeated: it may be the secret itself.
		r.fail(n, "from-env must be the name of a variable: letters, digits and underscores, such as API_TOKEN")
		return ""
	}
	return s
}
