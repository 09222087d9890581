// Package forges makes of an agent's configuration what it receives webhooks with
// and what it talks back to forges with. It is the one place that knows all
// vendors.
package forges

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/bitbucket"
	"github.com/franela/pocketci/events/gitea"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/events/gitlab"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/settings"
)

// Forge is one forge of an agent.
type Forge struct {
	// Name is that of its webhook's path.
	Name string
	// Source receives its webhooks. It is nil where no secret is configured, so
	// that nothing is received.
	Source events.Source
	// Accepts says whether deliveries about a repository are taken.
	Accepts func(repository string) bool
	// Filters are what payloads must fulfil for anything to be planned.
	Filters []predicate.Filter
	// URL is the forge's address without a slash at the end.
	URL string
	// Known is how to talk back. Its Forge is nil without a token.
	forge.Known
	// Login opens its repositories, nil without a token.
	Login func(ctx context.Context, repository string) (username, token string, err error)
	// Origin is where its repositories are cloned from, http://HOST for clear
	// text and else HOST.
	Origin string
}

// Open makes a forge of what agent.yaml says. Secret returns the value of a secret of
// the file. The api is where GitHub's API is, if it is not where the url of the
// forge says. The errors name the place in the file and hold no value.
func Open(file string, f settings.Forge, secret func(settings.Secret) (string, error), api string) (Forge, error) {
	fail := func(err error) (Forge, error) {
		return Forge{}, fmt.Errorf("%s:%d: forge %s: %w", file, f.Line, f.Name, err)
	}
	var secrets []string
	for _, s := range f.WebhookSecrets {
		value, err := secret(s)
		if err != nil {
			return fail(err)
		}
		secrets = append(secrets, value)
	}
	var (
		login login
		err   error
	)
	for _, s := range []struct {
		from *settings.Secret
		to   *string
	}{{f.Username, &login.username}, {f.Token, &login.token}} {
		if s.from == nil {
			continue
		}
		if *s.to, err = secret(*s.from); err != nil {
			return fail(err)
		}
	}
	if f.App != nil {
		login.app = f.App.ID
		if login.key, err = secret(f.App.PrivateKey); err != nil {
			return fail(err)
		}
	}
	made, err := open(f.Vendor, f.URL, api, secrets, login)
	if err != nil {
		return fail(err)
	}
	made.Name, made.Statuses, made.Filters = f.Name, f.Statuses, f.Filters
	made.Accepts = func(repository string) bool { return len(f.Repositories) == 0 || f.Repositories.Match(repository) }
	return made, nil
}

// GitHub makes the forge of an agent without a configuration of forges.
func GitHub(source events.Source, username, token, api string) (Forge, error) {
	made, err := open(events.VendorGithub, "", api, nil, login{username: username, token: token})
	if err != nil {
		return Forge{}, err
	}
	made.Name, made.Source, made.Statuses = events.VendorGithub, source, true
	made.Accepts = func(string) bool { return true }
	return made, nil
}

// Source makes what receives webhooks of a vendor's forges with any of some secrets.
func Source(name string, secrets ...string) (events.Source, error) {
	v, ok := vendors[name]
	if !ok {
		return nil, fmt.Errorf("there is no vendor %q", name)
	}
	return v.source(secrets, login{})
}

// login is what a forge is asked with.
type login struct {
	username, token string
	app             int64
	key             string
}

// given reports whether there is anything.
func (l login) given() bool { return l.token != "" || l.app != 0 }

// vendor is how the forges of a vendor are made.
type vendor struct {
	// url is the vendor's own forge, empty if it has none.
	url    string
	source func(secrets []string, l login) (events.Source, error)
	client func(url, api string, l login) (forge.Forge, error)
	// username is what goes with a token where none is given.
	username string
	parse    func(name string, payload []byte) (events.Event, error)
}

var vendors = map[string]vendor{
	events.VendorGithub: {
		url: "https://github.com",
		source: func(secrets []string, l login) (events.Source, error) {
			s, err := github.New(secrets...)
			if err != nil || l.app == 0 {
				return s, err
			}
			return s.WithApp(l.app), nil
		},
		client: func(url, api string, l login) (forge.Forge, error) {
			if api == "" && url != "https://github.com" {
				api = url + "/api/v3"
			}
			return github.NewClient(github.ClientOptions{Token: l.token, AppID: l.app, PrivateKey: []byte(l.key), API: api})
		},
		username: "x-access-token",
		parse:    github.Parse,
	},
	events.VendorGitlab: {
		url:    "https://gitlab.com",
		source: func(secrets []string, _ login) (events.Source, error) { return gitlab.New(secrets...) },
		client: func(url, _ string, l login) (forge.Forge, error) {
			return gitlab.NewClient(gitlab.ClientOptions{Token: l.token, URL: url})
		},
		username: "oauth2",
		parse:    gitlab.Parse,
	},
	events.VendorGitea: {
		source: func(secrets []string, _ login) (events.Source, error) { return gitea.New(secrets...) },
		client: func(url, _ string, l login) (forge.Forge, error) {
			return gitea.NewClient(gitea.ClientOptions{URL: url, Token: l.token})
		},
		username: "pocketci", // any name goes with a token
		parse:    gitea.Parse,
	},
	events.VendorBitbucket: {
		url:    "https://bitbucket.org",
		source: func(secrets []string, _ login) (events.Source, error) { return bitbucket.New(secrets...) },
		client: func(url, _ string, l login) (forge.Forge, error) {
			api := ""
			if url != "https://bitbucket.org" {
				api = url
			}
			return bitbucket.NewClient(bitbucket.ClientOptions{Username: l.username, Token: l.token, API: api})
		},
		username: "x-token-auth",
		parse:    bitbucket.Parse,
	},
}

func open(name, address, api string, secrets []string, l login) (Forge, error) {
	v, ok := vendors[name]
	if !ok {
		return Forge{}, fmt.Errorf("there is no vendor %q", name)
	}
	address = cmp.Or(address, v.url)
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return Forge{}, fmt.Errorf("%s is not an address", name)
	}
	f := Forge{URL: strings.TrimRight(address, "/"), Origin: u.Host, Known: forge.Known{Host: u.Host}}
	if u.Scheme == "http" {
		f.Origin = "http://" + u.Host
	}
	if len(secrets) > 0 {
		if f.Source, err = v.source(secrets, l); err != nil {
			return Forge{}, err
		}
	}
	if !l.given() {
		return f, nil
	}
	client, err := v.client(address, api, l)
	if err != nil {
		return Forge{}, err
	}
	f.Forge, f.Login = client, v.login(client, l)
	return f, nil
}

// login returns what repositories are cloned with: what the client says, else the
// token itself.
func (v vendor) login(client forge.Forge, l login) func(context.Context, string) (string, string, error) {
	if credentials, ok := client.(forge.Credentials); ok && l.app != 0 {
		return credentials.Credentials
	}
	username := l.username
	if username == "" || v.username == "x-token-auth" {
		// Bitbucket wants a name of its own with git, whatever the API is asked
		// with.
		username = v.username
		if l.username != "" {
			username = "x-bitbucket-api-token-auth"
		}
	}
	return func(context.Context, string) (string, string, error) { return username, l.token, nil }
}

// Set returns what can be talked back to.
func Set(all []Forge) forge.Set {
	var set forge.Set
	for _, f := range all {
		if f.Forge != nil {
			set = append(set, f.Known)
		}
	}
	return set
}

// Parse reads a payload of a vendor's, which a person gives, under the vendor's own
// word for the event or pocketci's. The errors are those of the vendor's Parse, and
// an [*events.MalformedError] for a vendor that is none.
func Parse(vendorName, name string, payload []byte) (events.Event, error) {
	v, ok := vendors[vendorName]
	if !ok {
		return events.Event{}, &events.MalformedError{Reason: fmt.Sprintf("there is no vendor %q: it is one of github, gitea, gitlab and bitbucket", vendorName)}
	}
	return v.parse(name, payload)
}

// Vendors lists the vendors whose payloads [Parse] reads.
func Vendors() []string {
	return []string{events.VendorGithub, events.VendorGitea, events.VendorGitlab, events.VendorBitbucket}
}
