package settings

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/yamlfile"
)

// vendors are those whose webhooks can be received.
var vendors = []string{events.VendorGithub, events.VendorGitea, events.VendorGitlab, events.VendorBitbucket}

func (r reader) forges(n *yaml.Node) []Forge {
	var forges []Forge
	lines := map[string]int{}
	r.items(n, "forges", "a forge", func(item *yaml.Node, entries []yamlfile.Entry) {
		f := r.forge(item, entries)
		r.unique(item, "forge", f.Name, lines)
		forges = append(forges, f)
	})
	return forges
}

func (r reader) forge(item *yaml.Node, entries []yamlfile.Entry) Forge {
	f := Forge{Statuses: true, Line: item.Line}
	given := map[string]*yaml.Node{}
	for _, e := range entries {
		given[e.Name] = e.Key
		switch e.Name {
		case "name":
			f.Name = r.name(e, "a forge")
		case "vendor":
			if i := r.choice(e, vendors); i >= 0 {
				f.Vendor = vendors[i]
			}
		case "url":
			f.URL = r.url(e, "https://git.example.com")
		case KeyWebhookSecrets:
			f.WebhookSecrets = r.webhookSecrets(e)
		case KeyUsername:
			s := r.secret(e.Value, e.Name)
			f.Username = &s
		case KeyToken:
			s := r.secret(e.Value, e.Name)
			f.Token = &s
		case "app":
			f.App = r.app(e.Value)
		case "repositories":
			f.Repositories = r.some(e, checkPattern)
		case KeyFilters:
			f.Filters = r.filters(e)
		case "statuses":
			f.Statuses = r.Bool(e.Value, e.Name)
		default:
			r.Unknown(e, "a forge", forgeKeys)
		}
	}
	switch {
	case given["name"] == nil:
		r.Fail(item, "a forge needs a name; webhooks are received at /webhooks/NAME")
	case given["vendor"] == nil && slices.Contains(vendors, f.Name):
		f.Vendor = f.Name
	case given["vendor"] == nil && f.Name != "":
		r.Fail(item, "the forge %s needs a vendor, one of %s", f.Name, strings.Join(vendors, ", "))
	}
	if f.App != nil && f.Vendor != "" && f.Vendor != events.VendorGithub {
		r.Fail(given["app"], "only GitHub has Apps; write a token for %s", f.Vendor)
	}
	if f.App != nil && given[KeyToken] != nil {
		r.Fail(given["app"], "a forge has a token or an app, not both; remove one")
	}
	if f.Vendor == events.VendorGitea && given["url"] == nil {
		r.Fail(item, "a Gitea or Forgejo needs its url, such as https://git.example.com")
	}
	return f
}

func (r reader) webhookSecrets(e yamlfile.Entry) []Secret {
	items, ok := r.List(e.Value, e.Name)
	if ok && (len(items) == 0 || len(items) > 2) {
		r.Fail(e.Value, "%s has one secret, or the new one and the old one while it is being changed", e.Name)
	}
	var list []Secret
	for _, item := range items {
		list = append(list, r.secret(item, "an entry of "+e.Name))
	}
	return list
}

func (r reader) app(n *yaml.Node) *App {
	entries, ok := r.Mapping(n, "app")
	if !ok {
		return nil
	}
	a := &App{}
	identified, keyed := false, false
	for _, e := range entries {
		switch e.Name {
		case "id":
			identified = true
			a.ID = r.number(e)
		case KeyPrivateKey:
			keyed = true
			a.PrivateKey = r.secret(e.Value, e.Name)
		default:
			r.Unknown(e, "app", appKeys)
		}
	}
	if !identified || !keyed {
		r.Fail(n, "an app needs its id and a private-key")
	}
	return a
}

var decimal = regexp.MustCompile(`^[1-9][0-9]*$`)

func (r reader) number(e yamlfile.Entry) int64 {
	n := r.Visit(e.Value)
	if n == nil {
		return 0
	}
	value, err := strconv.ParseInt(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || !decimal.MatchString(n.Value) || err != nil {
		r.Fail(e.Value, "%s must be a number above zero in plain digits", e.Name)
		return 0
	}
	return value
}

// url reads an address of HTTP; example is one as it should be.
func (r reader) url(e yamlfile.Entry, example string) string {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return ""
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "":
		r.Fail(e.Value, "%s must be an address of http or https, such as %s", e.Name, example)
	case u.User != nil:
		r.Fail(e.Value, "%s holds a user; write username and token instead", e.Name)
	}
	return strings.TrimRight(s, "/")
}

var plainName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func (r reader) name(e yamlfile.Entry, what string) string {
	s, ok := r.String(e.Value, "the name of "+what)
	if ok && !plainName.MatchString(s) {
		r.Fail(e.Value, "the name of %s must be small letters and digits, with single dashes between them", what)
		return ""
	}
	return s
}

// unique reports a name that was there before.
func (r reader) unique(item *yaml.Node, what, name string, lines map[string]int) {
	if first := lines[name]; first != 0 && name != "" {
		r.Fail(item, "the %s %s is there twice, first in line %d; give one of them another name", what, name, first)
		return
	}
	lines[name] = item.Line
}

var remoteModule = regexp.MustCompile(`^[A-Za-z0-9*-]+(\.[A-Za-z0-9*-]+)+(:[0-9]+)?(/[^/@\s]+)+@[^@\s]+$`)

func checkRemote(s string) error {
	switch {
	case strings.Contains(s, "://"):
		return errors.New("write the module without a scheme, such as github.com/acme/ci@*")
	case !strings.Contains(s, "@"):
		return errors.New("say which versions as well: @* for all, @v1.* for some, @v1.2.3 for one")
	case !remoteModule.MatchString(s):
		return errors.New("not a module of another repository; write HOST/OWNER/NAME@VERSION, such as github.com/acme/ci@*")
	}
	return nil
}
