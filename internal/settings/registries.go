package settings

import (
	"errors"
	"iter"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/yamlfile"
)

// Registry is a registry of container images with the repositories in it that are
// watched.
type Registry struct {
	// Name is unique among the registries. With a webhook secret, its own
	// notifications are received at /webhooks/NAME.
	Name string
	// Host is the registry's host, with a port if it has one.
	Host string
	// Insecure allows plain http.
	Insecure bool
	// Username and Token are a login, nil if they are not given. Docker's
	// configuration file, an absolute path, is one in their place.
	Username, Token *Secret
	DockerConfig    string
	// WebhookSecret proves notifications. Without one none are received.
	WebhookSecret *Secret
	Watch         []Watch
	// Line is where the entry starts in the file, for messages.
	Line int
}

// Watch is a repository of a registry that is watched.
type Watch struct {
	// Name is unique among the watches of all registries.
	Name string
	// Repository is its path in the registry.
	Repository string
	// Interval is how often the registry is asked.
	Interval time.Duration
	Versions Versions
	// IgnoreTags is a regular expression for tags that are as good as not there;
	// empty is none.
	IgnoreTags string
	// PinnedTag and AutoDeploy are what the watch begins with.
	PinnedTag  string
	AutoDeploy bool
	// DeployAttempts is how often a deployment is tried at most.
	DeployAttempts int
	// Filters are what the payloads of its events must fulfil.
	Filters []predicate.Filter
	Calls   Target
	// Line is where the entry starts in the file, for messages.
	Line int
}

// Versions says which tags are versions: semantic ones, or those that a regular
// expression matches.
type Versions struct {
	// Prereleases lets semantic versions have a pre-release.
	Prereleases bool
	// Match is the expression, empty for semantic versions.
	Match string
}

// The keys of registries by where they stand.
var (
	registryKeys = []string{"name", "host", "insecure", KeyUsername, KeyToken, "docker-config", KeyWebhookSecret, "watch"}
	watchKeys    = []string{"repository", "name", "interval", "versions", "ignore-tags", "pinned-tag", "auto-deploy", "deploy-attempts", KeyFilters, KeyCalls}
	versionsKeys = []string{"prereleases", "match"}
)

// KeyWebhookSecret is the key of the secret of a registry's notifications.
const KeyWebhookSecret = "webhook-secret"

// What a watch is without keys, and the bounds of its interval.
const (
	defaultInterval = time.Minute
	leastInterval   = time.Second
	mostInterval    = 7 * 24 * time.Hour
	defaultAttempts = 5
)

func (r reader) registries(n *yaml.Node) []Registry {
	var registries []Registry
	lines, watches := map[string]int{}, map[string]int{}
	r.items(n, "registries", "a registry", func(item *yaml.Node, entries []yamlfile.Entry) {
		registry := r.registry(item, entries, watches)
		r.unique(item, "registry", registry.Name, lines)
		registries = append(registries, registry)
	})
	return registries
}

func (r reader) registry(item *yaml.Node, entries []yamlfile.Entry, watches map[string]int) Registry {
	g := Registry{Line: item.Line}
	given := map[string]*yaml.Node{}
	for _, e := range entries {
		given[e.Name] = e.Key
		switch e.Name {
		case "name":
			g.Name = r.name(e, "a registry")
		case "host":
			g.Host = r.matching(e, registryHost, "the host of a registry, such as registry.example.com:5000, without a scheme and a path")
		case "insecure":
			g.Insecure = r.Bool(e.Value, e.Name)
		case KeyUsername:
			s := r.secret(e.Value, e.Name)
			g.Username = &s
		case KeyToken:
			s := r.secret(e.Value, e.Name)
			g.Token = &s
		case "docker-config":
			g.DockerConfig = r.path(e)
		case KeyWebhookSecret:
			s := r.secret(e.Value, e.Name)
			g.WebhookSecret = &s
		case "watch":
			r.items(e.Value, "watch", "a watched repository", func(item *yaml.Node, entries []yamlfile.Entry) {
				w := r.watch(item, entries)
				r.unique(item, "watched repository", w.Name, watches)
				g.Watch = append(g.Watch, w)
			})
		default:
			r.Unknown(e, "a registry", registryKeys)
		}
	}
	for _, key := range []string{"name", "host", "watch"} {
		if given[key] == nil {
			r.Fail(item, "a registry needs a %s", key)
		}
	}
	switch {
	case given["docker-config"] != nil && (given[KeyUsername] != nil || given[KeyToken] != nil):
		r.Fail(given["docker-config"], "a registry has docker-config or a token, not both; remove one")
	case given[KeyUsername] != nil && given[KeyToken] == nil:
		r.Fail(given[KeyUsername], "username needs a token beside it")
	}
	return g
}

func (r reader) watch(item *yaml.Node, entries []yamlfile.Entry) Watch {
	w := Watch{Interval: defaultInterval, AutoDeploy: true, DeployAttempts: defaultAttempts, Line: item.Line}
	for _, e := range entries {
		switch e.Name {
		case "repository":
			w.Repository = r.matching(e, registryRepository, "the path of a repository in the registry, such as acme/shop, without host and tag")
		case "name":
			w.Name = r.name(e, "a watched repository")
		case "interval":
			w.Interval = r.interval(e)
		case "versions":
			w.Versions = r.versions(e)
		case "ignore-tags":
			w.IgnoreTags = r.expression(e)
		case "pinned-tag":
			w.PinnedTag = r.matching(e, registryTag, "a tag, such as main")
		case "auto-deploy":
			w.AutoDeploy = r.Bool(e.Value, e.Name)
		case "deploy-attempts":
			w.DeployAttempts = r.attempts(e)
		case KeyFilters:
			w.Filters = r.filters(e)
		case KeyCalls:
			w.Calls = r.target(e)
		default:
			r.Unknown(e, "a watched repository", watchKeys)
		}
	}
	if !slices.ContainsFunc(entries, func(e yamlfile.Entry) bool { return e.Name == "repository" }) {
		r.Fail(item, "a watched repository needs a repository, such as acme/shop")
	}
	if !slices.ContainsFunc(entries, func(e yamlfile.Entry) bool { return e.Name == "name" }) {
		w.Name = strings.Trim(notPlain.ReplaceAllString(w.Repository, "-"), "-")
	}
	return w
}

var (
	registryHost       = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)
	registryRepository = regexp.MustCompile(`^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)
	registryTag        = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	notPlain           = regexp.MustCompile(`[^a-z0-9]+`)
)

// matching reads a text of a form.
func (r reader) matching(e yamlfile.Entry, form *regexp.Regexp, what string) string {
	s, ok := r.String(e.Value, e.Name)
	if ok && !form.MatchString(s) {
		r.Fail(e.Value, "%s must be %s", e.Name, what)
		return ""
	}
	return s
}

func (r reader) interval(e yamlfile.Entry) time.Duration {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < leastInterval || d > mostInterval {
		r.Fail(e.Value, "%s must be a duration from 1s to 168h, such as 30s or 5m", e.Name)
		return 0
	}
	return d
}

func (r reader) attempts(e yamlfile.Entry) int {
	const most = 100
	n := r.number(e)
	if n > most {
		r.Fail(e.Value, "%s is %d at most", e.Name, most)
		return 0
	}
	return int(n)
}

func (r reader) versions(e yamlfile.Entry) (v Versions) {
	n := r.Visit(e.Value)
	if n == nil {
		return v
	}
	if n.Kind != yaml.MappingNode {
		if s, ok := r.String(e.Value, e.Name); ok && s != "semver" {
			r.Fail(e.Value, "%s must be semver, {prereleases: true} or {match: REGEXP}", e.Name)
		}
		return v
	}
	entries, _ := r.Mapping(n, e.Name)
	for _, part := range entries {
		switch part.Name {
		case "prereleases":
			v.Prereleases = r.Bool(part.Value, part.Name)
		case "match":
			v.Match = r.expression(part)
		default:
			r.Unknown(part, e.Name, versionsKeys)
		}
	}
	if len(entries) != 1 {
		r.Fail(e.Value, "%s needs exactly one of prereleases and match", e.Name)
	}
	return v
}

// expression reads a regular expression.
func (r reader) expression(e yamlfile.Entry) string {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return ""
	}
	if _, err := regexp.Compile(s); err != nil {
		reason := "it cannot be read"
		if wrong, ok := errors.AsType[*syntax.Error](err); ok {
			reason = string(wrong.Code)
		}
		r.Fail(e.Value, "%s must be a regular expression as RE2 has them: %s", e.Name, reason)
		return ""
	}
	return s
}

func (g *Registry) secrets() iter.Seq2[string, Secret] {
	return func(yield func(string, Secret) bool) {
		for _, s := range []struct {
			key    string
			secret *Secret
		}{{KeyUsername, g.Username}, {KeyToken, g.Token}, {KeyWebhookSecret, g.WebhookSecret}} {
			if s.secret != nil && !yield(s.key, *s.secret) {
				return
			}
		}
	}
}
