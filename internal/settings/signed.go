package settings

import (
	"iter"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/yamlfile"
)

// SignedSource is where signed tokens come from: pushed to the agent, pulled by it, or
// both.
type SignedSource struct {
	// Name is unique among the sources. Tokens are pushed to
	// /api/v1/signed/NAME.
	Name string
	// Keys are those that may sign tokens for it, its own ones or those of all
	// sources. There is at least one.
	Keys []signed.Key
	// Push accepts tokens that are sent.
	Push bool
	// Pull is where tokens are fetched; nil does not.
	Pull *SignedPull
	// AllowOlder accepts a token that was signed before the newest that was
	// accepted, AllowNoExpiry one that is valid for ever.
	AllowOlder, AllowNoExpiry bool
	// Filters are what the payload of an event must fulfil for anything to be
	// planned.
	Filters []predicate.Filter
	// Calls is whose functions are called.
	Calls Target
	// Line is where the entry starts in the file, for messages.
	Line int
}

// SignedPull is where a source's token is fetched.
type SignedPull struct {
	// Paths are absolute paths of files and https addresses, in the order in
	// which they are tried.
	Paths []string
	// Every is the time between two looks.
	Every time.Duration
	// Headers are sent with every request, by their names.
	Headers map[string]Secret
}

// KeyHeaders is the key of the headers that tokens are pulled with.
const KeyHeaders = "headers"

// pullEvery is how often tokens are pulled where nothing is said.
const pullEvery = 5 * time.Minute

const (
	// maxKeys is how many keys may be trusted: each may be tried for a token.
	maxKeys = 50
	// maxPaths is how many paths a source may have.
	maxPaths = 20
)

var (
	signedKeys       = []string{"keys", "sources"}
	signedSourceKeys = []string{"name", "keys", "push", "pull", "allow-older", "allow-no-expiry", KeyFilters, KeyCalls}
	signedPullKeys   = []string{"paths", "every", KeyHeaders}
)

// signedSources reads the section signed.
func (r reader) signedSources(n *yaml.Node) []SignedSource {
	entries, _ := r.Mapping(n, "signed")
	var (
		sources []SignedSource
		keys    []signed.Key
		lines   = map[string]int{}
	)
	for _, e := range entries {
		switch e.Name {
		case "keys":
			keys = r.publicKeys(e)
		case "sources":
			r.items(e.Value, "sources", "a source of signed tokens", func(item *yaml.Node, entries []yamlfile.Entry) {
				s := r.signedSource(item, entries)
				r.unique(item, "source of signed tokens", s.Name, lines)
				sources = append(sources, s)
			})
		default:
			r.Unknown(e, "signed", signedKeys)
		}
	}
	trusted := slices.ContainsFunc(entries, func(e yamlfile.Entry) bool { return e.Name == "keys" })
	for i := range sources {
		s := &sources[i]
		if s.Keys != nil {
			continue
		}
		if s.Keys = keys; !trusted {
			r.Report(s.Line, 1, "the source %s trusts no key; give it keys, or all sources by keys beside sources: pocketci keygen makes one", s.Name)
		}
	}
	return sources
}

func (r reader) signedSource(item *yaml.Node, entries []yamlfile.Entry) SignedSource {
	s := SignedSource{Line: item.Line}
	given := map[string]bool{}
	for _, e := range entries {
		given[e.Name] = true
		switch e.Name {
		case "name":
			s.Name = r.name(e, "a source of signed tokens")
		case "keys":
			if s.Keys = r.publicKeys(e); s.Keys == nil {
				s.Keys = []signed.Key{} // what is wrong has been reported
			}
		case "push":
			s.Push = r.Bool(e.Value, e.Name)
		case "pull":
			s.Pull = r.signedPull(e)
		case "allow-older":
			s.AllowOlder = r.Bool(e.Value, e.Name)
		case "allow-no-expiry":
			s.AllowNoExpiry = r.Bool(e.Value, e.Name)
		case KeyFilters:
			s.Filters = r.filters(e)
		case KeyCalls:
			s.Calls = r.target(e)
		default:
			r.Unknown(e, "a source of signed tokens", signedSourceKeys)
		}
	}
	if !given["name"] {
		r.Fail(item, "a source of signed tokens needs a name, which tokens are signed for")
	}
	if !given["push"] && !given["pull"] {
		r.Fail(item, "a source of signed tokens needs push: true, or pull with its paths, or both")
	}
	if !given[KeyCalls] {
		r.Fail(item, "a source of signed tokens needs %s: the repository whose functions its events call", KeyCalls)
	}
	return s
}

// publicKeys reads keys that are trusted. They are no secrets, but what is taken for
// one may be.
func (r reader) publicKeys(e yamlfile.Entry) []signed.Key {
	items, ok := r.List(e.Value, e.Name)
	if ok && (len(items) == 0 || len(items) > maxKeys) {
		r.Fail(e.Value, "%s has at least one public key, and %d at most", e.Name, maxKeys)
	}
	var keys []signed.Key
	for _, item := range items {
		text, ok := r.String(item, "a public key")
		if !ok {
			continue
		}
		key, err := signed.ParseKey(text)
		if err != nil {
			r.Fail(item, "%s: %v", e.Name, err)
			continue
		}
		if slices.ContainsFunc(keys, key.Equal) {
			r.Fail(item, "%s: the key is there twice", e.Name)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

func (r reader) signedPull(e yamlfile.Entry) *SignedPull {
	entries, ok := r.Mapping(e.Value, e.Name)
	if !ok {
		return nil
	}
	p := &SignedPull{Every: pullEvery}
	given := false
	for _, part := range entries {
		switch part.Name {
		case "paths":
			given = true
			items, ok := r.List(part.Value, part.Name)
			if ok && (len(items) == 0 || len(items) > maxPaths) {
				r.Fail(part.Value, "%s has at least one path, and %d at most", part.Name, maxPaths)
			}
			for _, item := range items {
				p.Paths = append(p.Paths, r.pullPath(yamlfile.Entry{Name: "a path", Key: item, Value: item}))
			}
		case "every":
			p.Every = r.interval(part)
		case KeyHeaders:
			p.Headers = r.headers(part)
		default:
			r.Unknown(part, e.Name, signedPullKeys)
		}
	}
	if !given {
		r.Fail(e.Value, "%s needs paths: files or https addresses", e.Name)
	}
	return p
}

// pullPath reads a file's path or an address. Neither is repeated: what stands behind
// a ? may be a secret.
func (r reader) pullPath(e yamlfile.Entry) string {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return ""
	}
	if path.IsAbs(s) && !strings.ContainsRune(s, 0) {
		return path.Clean(s)
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" || u.Opaque != "":
		r.Fail(e.Value, "%s must be the absolute path of a file, or an address such as https://files.example.com/web.jwt", e.Name)
		return ""
	case u.User != nil:
		r.Fail(e.Value, "%s holds a user; write an Authorization header under headers instead", e.Name)
		return ""
	}
	return s
}

// headerName is what RFC 9110 takes for the name of a header (section 5.6.2).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// ownHeaders are those that the agent or its HTTP client sets.
var ownHeaders = []string{"accept", "accept-encoding", "connection", "content-length", "host", "if-none-match", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"}

func (r reader) headers(e yamlfile.Entry) map[string]Secret {
	entries, ok := r.Mapping(e.Value, e.Name)
	if !ok {
		return nil
	}
	headers := make(map[string]Secret, len(entries))
	for _, h := range entries {
		switch {
		case !headerName.MatchString(h.Name):
			r.Fail(h.Key, "the name of a header has no spaces and no colon, such as Authorization")
		case slices.Contains(ownHeaders, strings.ToLower(h.Name)):
			r.Fail(h.Key, "the agent sets this header itself; remove it")
		default:
			headers[h.Name] = r.secret(h.Value, "the header")
		}
	}
	return headers
}

func (s *SignedSource) secrets() iter.Seq2[string, Secret] {
	return func(yield func(string, Secret) bool) {
		if s.Pull == nil {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(s.Pull.Headers)) {
			if !yield(KeyHeaders, s.Pull.Headers[name]) {
				return
			}
		}
	}
}
