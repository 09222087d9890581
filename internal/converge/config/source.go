package config

import (
	"maps"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/yamlfile"
)

var (
	sourceKeys = []string{
		"name", "keys", "push", "pull", "pattern", "root", "every", "run-every", "no-remove", "check-only", "trigger-only", "restore",
		"allow-older", "allow-no-expiry", "exec", "exec-fixed", "dir", "timeout", "env", "env-from", "webhook", "sends", "receives",
	}
	placeKeys = []string{"url", "headers"}

	sourceName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

func (r reader) sources(n *yaml.Node, d defaults) []Source {
	items, ok := r.List(n, "sources")
	if ok && len(items) == 0 {
		r.Fail(n, "sources is an empty list")
	}
	var list []Source
	lines := map[string]int{}
	for _, item := range items {
		entries, ok := r.Mapping(item, "a source")
		if !ok {
			continue
		}
		s := r.source(item, entries, d)
		if first := lines[s.Name]; first != 0 && s.Name != "" {
			r.Fail(item, "the source %s is there twice, first in line %d; give one of them another name", s.Name, first)
		}
		lines[s.Name] = item.Line
		list = append(list, s)
	}
	return list
}

func (r reader) source(item *yaml.Node, entries []yamlfile.Entry, d defaults) Source {
	s := Source{
		Keys: d.keys, Every: DefaultEvery, Exec: d.exec, Fixed: d.fixed, Dir: d.dir, Timeout: d.timeout, Env: map[string]string{}, Line: item.Line,
	}
	given := map[string]*yaml.Node{}
	for _, e := range entries {
		given[e.Name] = e.Key
		switch e.Name {
		case "name":
			s.Name = r.name(e)
		case "keys":
			s.Keys = r.keys(e)
		case "push":
			s.Push = r.Bool(e.Value, e.Name)
		case "pull":
			s.Pull = r.places(e)
		case "pattern":
			s.Pattern = r.path(e.Value, e.Name)
		case "root":
			s.Root = r.path(e.Value, e.Name)
		case "every":
			s.Every = r.duration(e)
		case "run-every":
			s.RunEvery = r.duration(e)
		case "no-remove":
			s.Keep = r.Bool(e.Value, e.Name)
		case "check-only":
			s.CheckOnly = r.Bool(e.Value, e.Name)
		case "trigger-only":
			s.TriggerOnly = r.Bool(e.Value, e.Name)
		case "restore":
			s.Forget = !r.Bool(e.Value, e.Name)
		case "allow-older":
			s.AllowOlder = r.Bool(e.Value, e.Name)
		case "allow-no-expiry":
			s.AllowNoExpiry = r.Bool(e.Value, e.Name)
		case "exec":
			s.Exec = r.arguments(e)
		case "exec-fixed":
			s.Fixed = r.Bool(e.Value, e.Name)
		case "dir":
			s.Dir = r.path(e.Value, e.Name)
		case "timeout":
			s.Timeout = r.duration(e)
		case "env":
			s.Env = r.env(e)
		case "env-from":
			s.EnvFrom, _ = r.Strings(e.Value, e.Name, checkVariable)
		case "webhook":
			s.Webhook = r.webhook(e)
		case "sends":
			s.Sends, _ = r.Strings(e.Value, e.Name, checkEvent)
		case "receives":
			s.Receives, _ = r.Strings(e.Value, e.Name, checkEvent)
		default:
			r.Unknown(e, "a source", sourceKeys)
		}
	}
	r.consistent(item, &s, given)
	return s
}

// consistent reports settings that contradict each other.
func (r reader) consistent(item *yaml.Node, s *Source, given map[string]*yaml.Node) {
	signed := given["push"] != nil && s.Push || given["pull"] != nil
	switch {
	case given["name"] == nil:
		r.Fail(item, "a source needs a name")
	case given["pattern"] != nil && signed:
		r.Fail(given["pattern"], "a source has a pattern of this host, or signed ones by push and pull, not both: give them two names")
	case given["pattern"] == nil && !signed:
		r.Fail(item, "a source needs push: true, places to pull from, or a pattern of this host")
	case signed && len(s.Keys) == 0 && given["keys"] == nil:
		r.Fail(item, "the source has no keys, so that no token would be accepted: write keys here or for all sources")
	}
	if given["root"] != nil && given["pattern"] == nil {
		r.Fail(given["root"], "root belongs to a pattern of this host; signed ones bring what they import")
	}
	if given["every"] != nil && given["pull"] == nil && given["pattern"] == nil {
		r.Fail(given["every"], "every says how often is pulled; write run-every for how often is checked again")
	}
	if s.TriggerOnly && len(s.Webhook) == 0 && len(s.Receives) == 0 {
		r.Fail(given["trigger-only"], "nothing would run the source: it has neither a webhook nor events that it receives")
	}
	if given["exec-fixed"] != nil && s.Fixed && s.Exec == nil {
		r.Fail(given["exec-fixed"], "exec-fixed needs an exec that is fixed")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		if slices.Contains(s.EnvFrom, name) {
			r.Fail(given["env-from"], "%s is in env and in env-from", name)
		}
	}
}

func (r reader) places(e yamlfile.Entry) []Place {
	items, ok := r.List(e.Value, e.Name)
	if ok && len(items) == 0 {
		r.Fail(e.Value, "pull is an empty list; add a place or remove the key")
	}
	var list []Place
	for _, item := range items {
		v := r.Visit(item)
		if v == nil {
			continue
		}
		if v.Kind != yaml.MappingNode {
			list = append(list, Place{URL: r.place(item, "a place of pull")})
			continue
		}
		p := Place{}
		entries, _ := r.Mapping(item, "a place of pull")
		for _, part := range entries {
			switch part.Name {
			case "url":
				p.URL = r.url(part.Value, part.Name)
			case "headers":
				p.Headers = r.headers(part)
			default:
				r.Unknown(part, "a place of pull", placeKeys)
			}
		}
		if p.URL == "" && !slices.ContainsFunc(entries, func(e yamlfile.Entry) bool { return e.Name == "url" }) {
			r.Fail(item, "a place of pull needs a url")
		}
		list = append(list, p)
	}
	return list
}

func (r reader) headers(e yamlfile.Entry) map[string]settings.Secret {
	entries, _ := r.Mapping(e.Value, e.Name)
	headers := map[string]settings.Secret{}
	for _, h := range entries {
		if !headerName.MatchString(h.Name) {
			r.Fail(h.Key, "a key of headers must be the name of a header")
		}
		headers[h.Name] = settings.ReadSecret(r.Reader, h.Value, "a header")
	}
	return headers
}

func (r reader) webhook(e yamlfile.Entry) []settings.Secret {
	items, ok := r.List(e.Value, e.Name)
	if ok && (len(items) == 0 || len(items) > 2) {
		r.Fail(e.Value, "webhook has one secret, or the new one and the old one while it is being changed")
	}
	var list []settings.Secret
	for _, item := range items {
		list = append(list, settings.ReadSecret(r.Reader, item, "an entry of webhook"))
	}
	return list
}
