package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/globs"
	"github.com/franela/pocketci/internal/yamlfile"
	"github.com/franela/pocketci/modules"
)

// The keys of the file by where they stand.
var (
	moduleKeys   = []string{"paths", "secrets", "git", "functions", "checks", "converge"}
	shortKeys    = append([]string{"module-path"}, moduleKeys...)
	longKeys     = append([]string{"path"}, moduleKeys...)
	secretKeys   = []string{"name", "from-env", "from-agent", "from-provider"}
	groupKeys    = []string{"group", "cancel"}
	functionKeys = []string{"vendor", "event", "filter", "base", "on-changes", "schedule", "timeout", "runs-on", "args", "after", "concurrency", "filters"}
)

// unknown reports a key that does not exist where it stands.
func (r *reader) unknown(e yamlfile.Entry, what string, known []string) {
	switch {
	case slices.Contains(functionKeys, e.Name) && slices.Contains(known, "functions"):
		r.Fail(e.Key, "%q is a setting of a function; put it below functions and the function's name", e.Name)
	case e.Name == "path" && slices.Contains(known, "module-path"):
		r.Fail(e.Key, `unknown key "path" in %s; did you mean "module-path"?`, what)
	case e.Name == "module-path" && slices.Contains(known, "path"):
		r.Fail(e.Key, `unknown key "module-path" in %s; did you mean "path"?`, what)
	default:
		r.Unknown(e, what, known)
	}
}

// config reads the document.
func (r *reader) config(n *yaml.Node) *Config {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		r.paths = []*yaml.Node{n}
		return &Config{Modules: []Module{{Line: 1}}}
	}
	entries, ok := r.Mapping(n, "the file")
	if !ok {
		return nil
	}
	var modules *yamlfile.Entry
	var short []yamlfile.Entry
	for _, e := range entries {
		switch {
		case e.Name == "modules":
			modules = &e
		case slices.Contains(shortKeys, e.Name):
			short = append(short, e)
		default:
			r.unknown(e, "the file", append([]string{"modules"}, shortKeys...))
		}
	}
	if modules == nil {
		m := Module{Line: n.Line}
		at := n
		for _, e := range short {
			if e.Name == "module-path" {
				at = e.Value
			}
		}
		r.paths = []*yaml.Node{at}
		r.module(&m, "the file", short)
		return &Config{Modules: []Module{m}}
	}
	for _, e := range short {
		r.Fail(e.Key, "%q describes the only module of a file and cannot stand beside modules; move it into an entry of the list", e.Name)
	}
	return r.modules(modules.Value)
}

func (r *reader) modules(n *yaml.Node) *Config {
	items, ok := r.List(n, "modules")
	if !ok {
		return nil
	}
	if len(items) == 0 {
		r.Fail(n, "modules is an empty list; add a module or remove the key")
	}
	c := &Config{}
	seen := map[string]int{}
	for _, item := range items {
		entries, ok := r.Mapping(item, "a module")
		if !ok {
			continue
		}
		m := Module{Line: item.Line}
		at := item
		var rest []yamlfile.Entry
		located := false
		for _, e := range entries {
			switch {
			case e.Name == "path":
				at, located = e.Value, true
				rest = append(rest, e)
			case slices.Contains(longKeys, e.Name):
				rest = append(rest, e)
			default:
				r.unknown(e, "a module", longKeys)
			}
		}
		if !located {
			r.Fail(item, `a module needs a path; add "path: ./folder" with the folder of its dagger.json`)
		}
		r.module(&m, "a module", rest)
		if first, twice := seen[m.Path]; twice && m.Path != "" {
			r.Fail(at, "the module %s is there twice, first in line %d; put everything about it into one entry", m.Path, first)
		} else {
			seen[m.Path] = m.Line
		}
		c.Modules = append(c.Modules, m)
		r.paths = append(r.paths, at)
	}
	return c
}

// module reads keys that have been checked to be known.
func (r *reader) module(m *Module, what string, entries []yamlfile.Entry) {
	for _, e := range entries {
		switch e.Name {
		case "path", "module-path":
			if s, ok := r.String(e.Value, e.Name); ok {
				clean, err := modulePath(s)
				if err != nil {
					r.Fail(e.Value, "%s: %s", e.Name, err)
				}
				m.Path = clean
			}
		case "paths":
			m.Paths, _ = r.Strings(e.Value, "paths", checkFileGlob)
		case "secrets":
			m.Secrets = r.secrets(e.Value)
		case "git":
			m.Git = r.Bool(e.Value, "git")
		case "checks":
			m.Checks = r.checks(e.Value)
		}
	}
	// Secrets first: arguments must not be given twice. And the path: where the
	// module stands says whether it can converge.
	for _, e := range entries {
		switch e.Name {
		case "functions":
			m.Functions = r.functions(e.Value, m.Secrets)
		case "converge":
			_, err := modules.ParseRemote(m.Path)
			m.Converge = r.converge(e, err == nil)
		}
	}
}

func checkFileGlob(glob string) error {
	_, err := globs.NewSet([]string{glob})
	return err
}

var driveName = regexp.MustCompile(`^[A-Za-z]:`)

// modulePath cleans the path of a module and refuses those that are not in the
// repository. A reference to a module of another one stays as it is.
func modulePath(s string) (string, error) {
	if modules.LooksRemote(s) {
		if _, err := modules.ParseRemote(s); err != nil {
			return "", fmt.Errorf("%w (a folder that looks like a host begins with ./)", err)
		}
		return s, nil
	}
	switch {
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
	if _, err := modules.ParseRemote(clean); err == nil {
		return "", errors.New("the folder's name reads as a module of another repository; rename the folder")
	}
	return clean, nil
}
