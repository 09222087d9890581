package settings

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/yamlfile"
)

// MaxSize is the greatest size of the file in bytes.
const MaxSize = yamlfile.MaxSize

// Error is one thing that is wrong in the file.
type Error = yamlfile.Error

// Errors is everything that is wrong in the file, sorted by position. It has at
// least one entry.
type Errors = yamlfile.Errors

// The keys of the file by where they stand.
var (
	fileKeys     = []string{"forks", "forks-share-engine", "runners", "modules", "forges", "registries", "schedules", "signed", "converge", "webhooks", "mirrors", "mirror-workers", "secrets", "providers", "web"}
	runnerKeys   = []string{"name", "host", "labels", "untrusted"}
	moduleKeys   = []string{"remote"}
	forgeKeys    = []string{"name", "vendor", "url", KeyWebhookSecrets, KeyUsername, KeyToken, "app", "repositories", KeyFilters, "statuses"}
	appKeys      = []string{"id", KeyPrivateKey}
	ruleKeys     = []string{"repositories", "env", KeyNamed, "providers", "events", "refs"}
	providerKeys = []string{"env"}
	secretKeys   = []string{"from-env", "from-file"}
)

// reader reads one file.
type reader struct{ *yamlfile.Reader }

// Parse reads the file. The name is kept and used in errors; nothing but the
// data is looked at. An error is an [Errors] with everything that is wrong, never
// only the first thing, and repeats no value that might be a secret.
func Parse(name string, data []byte) (*Settings, error) {
	r := reader{yamlfile.NewReader(name)}
	r.Secretive = true
	s := &Settings{File: name}
	if document := r.Document(data); document != nil {
		r.file(document, s)
	}
	if r.Failed() {
		return nil, r.Errors()
	}
	return s, nil
}

func (r reader) file(n *yaml.Node, s *Settings) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return
	}
	entries, _ := r.Mapping(n, "the file")
	for _, e := range entries {
		switch e.Name {
		case "forks":
			if i := r.choice(e, forkWords); i >= 0 {
				s.Forks = Forks(i)
			}
		case "forks-share-engine":
			s.ForksShareEngine = r.Bool(e.Value, e.Name)
		case "runners":
			s.Runners = r.runners(e.Value)
		case "modules":
			s.Modules = r.modules(e.Value)
		case "forges":
			s.Forges = r.forges(e.Value)
		case "schedules":
			s.Schedules = r.schedules(e.Value)
		case "webhooks":
			s.Webhooks = r.webhooks(e.Value)
		case "registries":
			s.Registries = r.registries(e.Value)
		case "mirrors":
			s.Mirrors = r.mirrors(e.Value)
		case "mirror-workers":
			s.MirrorWorkers = r.attempts(e)
		case "signed":
			s.Signed = r.signedSources(e.Value)
		case "converge":
			s.Converge = r.converge(e.Value)
		case "secrets":
			s.Rules = r.rules(e.Value)
		case "providers":
			s.Providers = r.providers(e.Value)
		case "web":
			s.Web = r.web(e.Value)
		default:
			r.Unknown(e, "the file", fileKeys)
		}
	}
	r.paths(s)
}

// choice reads one of several words and returns its index, -1 if it is none.
func (r reader) choice(e yamlfile.Entry, words []string) int {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return -1
	}
	at := slices.Index(words, s)
	switch meant := yamlfile.Suggest(s, words); {
	case at >= 0:
	case meant != "":
		r.Fail(e.Value, "%s must be one of %s; did you mean %q?", e.Name, strings.Join(words, ", "), meant)
	default:
		r.Fail(e.Value, "%s must be one of %s", e.Name, strings.Join(words, ", "))
	}
	return at
}

// some reads a list of strings that has an entry. check may be nil.
func (r reader) some(e yamlfile.Entry, check func(string) error) []string {
	list, ok := r.Strings(e.Value, e.Name, check)
	if ok && len(list) == 0 {
		r.Fail(e.Value, "%s is an empty list; add an entry or remove the key", e.Name)
	}
	return list
}

// items reads a list of mappings and calls read with each and its entries.
func (r reader) items(n *yaml.Node, what, each string, read func(item *yaml.Node, entries []yamlfile.Entry)) {
	items, _ := r.List(n, what)
	for _, item := range items {
		if entries, ok := r.Mapping(item, each); ok {
			read(item, entries)
		}
	}
}

func (r reader) modules(n *yaml.Node) (m Modules) {
	entries, _ := r.Mapping(n, "modules")
	for _, e := range entries {
		switch e.Name {
		case "remote":
			m.Remote = r.some(e, checkRemote)
		default:
			r.Unknown(e, "modules", moduleKeys)
		}
	}
	return m
}

func (r reader) providers(n *yaml.Node) (p Providers) {
	entries, _ := r.Mapping(n, "providers")
	for _, e := range entries {
		switch e.Name {
		case "env":
			p.Env = r.some(e, checkVariable)
		default:
			r.Unknown(e, "providers", providerKeys)
		}
	}
	return p
}
