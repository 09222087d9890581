package config

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/secretref"
	"github.com/franela/pocketci/internal/yamlfile"
)

func (r *reader) secrets(n *yaml.Node) []Secret {
	items, ok := r.List(n, "secrets")
	if !ok {
		return nil
	}
	var list []Secret
	seen := map[string]int{}
	for _, item := range items {
		entries, ok := r.Mapping(item, "a secret")
		if !ok {
			continue
		}
		s := r.secret(item, entries)
		if first, twice := seen[s.Name]; twice && s.Name != "" {
			r.Fail(item, "the secret %s is there twice, first in line %d; remove one of them", s.Name, first)
		} else {
			seen[s.Name] = item.Line
		}
		list = append(list, s)
	}
	return list
}

// secret reads one entry. Where a value comes from is not repeated: it may be
// the secret itself.
func (r *reader) secret(item *yaml.Node, entries []yamlfile.Entry) Secret {
	s := Secret{Line: item.Line}
	named, sources := false, 0
	for _, e := range entries {
		switch {
		case e.Name == "name":
			named = true
			if name, ok := r.String(e.Value, "the name of a secret"); ok && r.argument(e.Value, "the name of a secret", name) {
				s.Name = name
			}
		case e.Name == "from-env":
			sources++
			s.FromEnv = r.Variable(e.Value, e.Name)
		case e.Name == "from-agent":
			sources++
			s.FromAgent = r.agentSecret(e)
		case e.Name == "from-provider":
			sources++
			s.FromProvider = r.provided(e)
		case strings.HasPrefix(e.Name, "from-") && yamlfile.Suggest(e.Name, secretKeys) == "":
			sources++
			r.Fail(e.Key, "%q is not for a repository to say: files and commands are the agent's; secrets come from-env, from-agent or from-provider", e.Name)
		default:
			r.unknown(e, "a secret", secretKeys)
		}
	}
	if !named {
		r.Fail(item, "a secret needs a name, which is the name of the function's argument")
	}
	switch {
	case sources == 0:
		r.Fail(item, "a secret needs from-env, which names a variable of the agent's environment, from-agent or from-provider")
	case sources > 1:
		r.Fail(item, "a secret comes from one place; remove all but one of its from- keys")
	}
	return s
}

func (r *reader) agentSecret(e yamlfile.Entry) string {
	s, ok := r.String(e.Value, e.Name)
	if ok && !secretref.IsName(s) {
		r.Fail(e.Value, "%s must be the name of a secret in the agent's configuration: letters, digits, dashes, dots and underscores, such as deploy-key", e.Name)
		return ""
	}
	return s
}

func (r *reader) provided(e yamlfile.Entry) string {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return ""
	}
	if err := secretref.CheckProvider(s); err != nil {
		r.Fail(e.Value, "%s: %s", e.Name, err)
		return ""
	}
	return s
}
