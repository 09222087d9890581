package settings

import (
	"iter"
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/git"
	"github.com/franela/pocketci/internal/yamlfile"
)

// The keys of a mirror's secrets. That of its webhook is [KeyWebhookSecrets].
const (
	KeySSHKey     = "ssh-key"
	KeyPassphrase = "passphrase"
)

// What a mirror has where the file is silent.
const (
	// DefaultMirrorWorkers is how many mirrors work at a time.
	DefaultMirrorWorkers = 5
	defaultRemote        = "origin"
	defaultRetryCount    = 3
	defaultRetryDelay    = 10 * time.Second
	defaultKeep          = time.Hour
)

const (
	mostRetryDelay = time.Hour
	mostKeep       = 10000 * time.Hour
)

var mirrorKeys = []string{
	"name", "url", "directory", "branch", "tag", "remote", KeySSHKey, KeyPassphrase, "known-hosts", "trigger", "retry-count", "retry-delay",
	"webhook", "every", "on", "atomic", "keep", KeyCalls,
}

// Mirror is a directory of the agent's host that is kept at what a branch or tag of a
// repository has.
type Mirror struct {
	// Name is unique among the mirrors.
	Name string
	// URL is where the repository is, as [git.ParseAddress] reads it.
	URL string
	// Directory is an absolute path that no other mirror has.
	Directory string
	// Branch or Tag is a short name; the other is empty.
	Branch, Tag string
	// Remote is the name of the remote in the clone.
	Remote string
	// SSHKey and Passphrase are nil if they are not given.
	SSHKey, Passphrase *Secret
	// KnownHosts is a file with the keys of ssh servers, empty for those of the
	// user and the machine.
	KnownHosts string
	// Trigger is the absolute path of a file that is touched after a change, empty
	// for none.
	Trigger string
	// RetryCount is how often a fetch is tried before it has failed, RetryDelay the
	// time in between.
	RetryCount int
	RetryDelay time.Duration
	// Webhook is nil if it has none of its own.
	Webhook *MirrorWebhook
	// Every is how often it looks without being told, zero for never.
	Every time.Duration
	// On are the events that it looks after; empty is pushes of its own branch or
	// tag.
	On []MirrorEvent
	// Atomic has the directory be a symbolic link to a tree, and Keep is how long
	// a tree stays after it was replaced.
	Atomic bool
	Keep   time.Duration
	// Calls is whose functions its events call.
	Calls Target
	// Line is where the entry starts in the file, for messages.
	Line int
}

func (r reader) mirrors(n *yaml.Node) []Mirror {
	var mirrors []Mirror
	names, places := map[string]int{}, map[string]int{}
	r.items(n, "mirrors", "a mirror", func(item *yaml.Node, entries []yamlfile.Entry) {
		m := r.mirror(item, entries)
		r.unique(item, "mirror", m.Name, names)
		r.once(item, "the directory of this mirror is that of another one", m.Directory, places)
		mirrors = append(mirrors, m)
	})
	return mirrors
}

// once reports a value that was there before.
func (r reader) once(item *yaml.Node, what, value string, lines map[string]int) {
	if value == "" {
		return
	}
	if first := lines[value]; first != 0 {
		r.Fail(item, "%s, in line %d", what, first)
		return
	}
	lines[value] = item.Line
}

func (r reader) mirror(item *yaml.Node, entries []yamlfile.Entry) Mirror {
	m := Mirror{Remote: defaultRemote, RetryCount: defaultRetryCount, RetryDelay: defaultRetryDelay, Keep: defaultKeep, Line: item.Line}
	given := map[string]*yaml.Node{}
	for _, e := range entries {
		given[e.Name] = e.Key
		switch e.Name {
		case "name":
			m.Name = r.name(e, "a mirror")
		case "url":
			m.URL = r.address(e)
		case "directory":
			if m.Directory = r.place(e, "a directory, such as /srv/shop"); m.Directory == "/" {
				r.Fail(e.Value, "directory must not be the whole of the file system")
			}
		case "branch":
			m.Branch = r.short(e, "refs/heads/")
		case "tag":
			m.Tag = r.short(e, "refs/tags/")
		case "remote":
			m.Remote = r.matching(e, remoteName, "the name of a remote: letters, digits, dashes and underscores, such as origin")
		case KeySSHKey:
			s := r.secret(e.Value, e.Name)
			m.SSHKey = &s
		case KeyPassphrase:
			s := r.secret(e.Value, e.Name)
			m.Passphrase = &s
		case "known-hosts":
			m.KnownHosts = r.sshFile(e)
		case "trigger":
			m.Trigger = r.path(e)
		case "retry-count":
			m.RetryCount = r.attempts(e)
		case "retry-delay":
			m.RetryDelay = r.span(e, 0, mostRetryDelay)
		case "webhook":
			m.Webhook = r.mirrorWebhook(e)
		case "every":
			m.Every = r.interval(e)
		case "on":
			m.On = r.mirrorEvents(e)
		case "atomic":
			m.Atomic = r.Bool(e.Value, e.Name)
		case "keep":
			m.Keep = r.span(e, 0, mostKeep)
		case KeyCalls:
			m.Calls = r.target(e)
		default:
			r.Unknown(e, "a mirror", mirrorKeys)
		}
	}
	for _, key := range []string{"name", "url", "directory"} {
		if given[key] == nil {
			r.Fail(item, "a mirror needs a %s", key)
		}
	}
	if (given["branch"] == nil) == (given["tag"] == nil) {
		r.Fail(item, "a mirror needs exactly one of branch and tag")
	}
	if given["keep"] != nil && !m.Atomic {
		r.Fail(given["keep"], "keep is for old trees of a mirror that is atomic; remove it")
	}
	r.mirrorSSH(&m, given)
	return m
}

// mirrorSSH reports keys that have no meaning without another one.
func (r reader) mirrorSSH(m *Mirror, given map[string]*yaml.Node) {
	if given[KeyPassphrase] != nil && given[KeySSHKey] == nil {
		r.Fail(given[KeyPassphrase], "passphrase opens an ssh-key, and there is none")
	}
	address, err := git.ParseAddress(m.URL)
	for _, key := range []string{KeySSHKey, "known-hosts"} {
		if given[key] != nil && err == nil && address.Scheme != "ssh" {
			r.Fail(given[key], "%s is for a url of ssh; remove it, or write the url as git@HOST:PATH", key)
		}
	}
}

var remoteName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

func (r reader) address(e yamlfile.Entry) string {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return ""
	}
	if _, err := git.ParseAddress(s); err != nil {
		r.Fail(e.Value, "%s must be the address of a repository, such as git@github.com:acme/shop.git: %v", e.Name, err)
		return ""
	}
	return s
}

// short reads the short name of a branch or tag.
func (r reader) short(e yamlfile.Entry, prefix string) string {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return ""
	}
	s = strings.TrimPrefix(s, prefix)
	if err := events.CheckRef(prefix + s); err != nil || strings.HasPrefix(s, "refs/") {
		r.Fail(e.Value, "%s must be the name of a %s, such as %s", e.Name, e.Name, map[string]string{"branch": "main", "tag": "v1.2.3"}[e.Name])
		return ""
	}
	return s
}

// sshFile reads the path of a file in a form that ssh takes as it is.
func (r reader) sshFile(e yamlfile.Entry) string {
	s := r.path(e)
	if strings.ContainsAny(s, `"%$\`) {
		r.Fail(e.Value, "%s: ssh takes no path with quotation marks, percent signs, dollars and backslashes", e.Name)
		return ""
	}
	return s
}

func (r reader) span(e yamlfile.Entry, least, most time.Duration) time.Duration {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < least || d > most {
		r.Fail(e.Value, "%s must be a duration from %s to %s, such as 10s or 1h", e.Name, least, most)
		return 0
	}
	return d
}

func (m *Mirror) secrets() iter.Seq2[string, Secret] {
	return func(yield func(string, Secret) bool) {
		if m.SSHKey != nil && !yield(KeySSHKey, *m.SSHKey) {
			return
		}
		if m.Passphrase != nil && !yield(KeyPassphrase, *m.Passphrase) {
			return
		}
		if m.Webhook == nil {
			return
		}
		for _, s := range m.Webhook.Secrets {
			if !yield(KeyWebhookSecrets, s) {
				return
			}
		}
	}
}
