package settings

import (
	"errors"
	"path"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/secretref"
	"github.com/franela/pocketci/internal/yamlfile"
)

// secret reads where a value comes from. It repeats nothing of what stands
// there, which may be the value.
func (r reader) secret(n *yaml.Node, what string) Secret {
	s := Secret{Line: n.Line}
	v := r.Visit(n)
	if v == nil {
		return s
	}
	if v.Kind != yaml.MappingNode {
		r.Fail(n, "%s must be {from-env: NAME} or {from-file: PATH}, not %s: this file holds no secret itself", what, yamlfile.Describe(v))
		return s
	}
	sources := 0
	entries, ok := r.Mapping(v, what)
	for _, e := range entries {
		switch e.Name {
		case "from-env":
			sources++
			s.Env = r.Variable(e.Value, e.Name)
		case "from-file":
			sources++
			s.File = r.path(e)
		default:
			ok = false
			if meant := yamlfile.Suggest(e.Name, secretKeys); meant != "" {
				r.Fail(e.Key, "unknown key in %s; did you mean %q?", what, meant)
			} else {
				r.Fail(e.Key, "unknown key in %s; write {from-env: NAME} or {from-file: PATH}", what)
			}
		}
	}
	if ok && sources != 1 {
		r.Fail(n, "%s needs exactly one of from-env and from-file", what)
	}
	return s
}

func (r reader) path(e yamlfile.Entry) string {
	return r.place(e, "a file, such as /etc/pocketci/deploy.key")
}

// place reads an absolute path. What it is of is said with an example.
func (r reader) place(e yamlfile.Entry, what string) string {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return ""
	}
	if !path.IsAbs(s) || strings.ContainsRune(s, 0) {
		r.Fail(e.Value, "%s must be the absolute path of %s", e.Name, what)
		return ""
	}
	return path.Clean(s)
}

func checkVariable(name string) error {
	if !secretref.IsVariable(name) {
		return errors.New("write names of variables: letters, digits and underscores, such as VAULT_TOKEN")
	}
	return nil
}

// ReadSecret reads where a value comes from in another file than agent.yaml, as
// secrets are written there. It repeats nothing of what stands there, which may be
// the value.
func ReadSecret(r *yamlfile.Reader, n *yaml.Node, what string) Secret {
	return reader{r}.secret(n, what)
}
