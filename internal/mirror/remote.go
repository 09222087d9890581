package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/git"
)

// remote is a repository on a server, checked and free of secrets.
type remote struct {
	// url is what git is given. It has no password, and a user only with ssh.
	url    string
	scheme string
	// host has the port if it is not the scheme's own.
	host string
	// name is the full name that the payload gives, for people.
	name string
	// trusted says that the credentials may be sent to host.
	trusted bool
	// login is the one for host, or nil.
	login *Login
	// module is the id if it is a module that is stored in the agent, which is on
	// no server.
	module string
}

var (
	hostPattern = regexp.MustCompile(`^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[0-9]{1,5})?$`)
	userPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)
	// scpPattern is ssh's short form, user@host:path.
	scpPattern = regexp.MustCompile(`^([^@/:]+)@([^@/:]+):([^:].*)$`)
)

var defaultPorts = map[string]string{"https": ":443", "http": ":80", "ssh": ":22"}

// remote checks what the payload says about where the repository is. Payloads
// are signed by the forge, but what is in them may have been chosen by others.
func (m *Mirrors) remote(repo *events.Repository, vendor string) (*remote, error) {
	refuse := func(host, format string, args ...any) (*remote, error) {
		return nil, &Error{Kind: ErrURL, Host: host, Repository: printable(repo.FullName), Detail: fmt.Sprintf(format, args...)}
	}
	if id, ok := repo.Module(); ok {
		return m.storedModule(repo, id)
	}
	raw := repo.CloneURL
	switch {
	case raw == "":
		return refuse("", "it is empty")
	case len(raw) > 2048:
		return refuse("", "it is longer than 2048 bytes")
	case strings.ContainsFunc(raw, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\\' || c == '\'' || c == '"' }):
		return refuse("", "it holds a character that no URL has")
	}
	if !strings.Contains(raw, "://") {
		if s := scpPattern.FindStringSubmatch(raw); s != nil {
			raw = fmt.Sprintf("ssh://%s@%s/%s", s[1], s[2], strings.TrimPrefix(s[3], "/"))
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return refuse("", "it is not a URL")
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	u.Host = strings.TrimSuffix(u.Host, defaultPorts[u.Scheme])
	if !slices.Contains(m.schemes, u.Scheme) {
		return refuse(hostOrNone(u.Host), "the scheme %q is not allowed", u.Scheme)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return refuse(hostOrNone(u.Host), "it has a query or fragment")
	}
	if u.Path == "" || u.Path == "/" {
		return refuse(hostOrNone(u.Host), "it has no path")
	}
	if u.Scheme == "file" {
		if u.Host != "" {
			return refuse(hostOrNone(u.Host), "a file has no host")
		}
		return &remote{url: u.String(), scheme: u.Scheme, name: printable(repo.FullName)}, nil
	}
	if !hostPattern.MatchString(u.Host) {
		return refuse("", "its host is not one")
	}
	user := u.User
	u.User = nil
	if u.Scheme == "ssh" {
		name := user.Username()
		if name == "" {
			name = "git"
		}
		if !userPattern.MatchString(name) {
			return refuse(u.Host, "its user is not one")
		}
		u.User = url.User(name)
	}
	r := &remote{scheme: u.Scheme, host: u.Host, name: printable(repo.FullName)}
	m.know(r, vendor)
	if r.trusted && (r.login == nil || r.login.Get == nil) && m.credentials.SSHKeyFile != "" && m.credentials.Token == "" && u.Scheme == "https" && u.Port() == "" {
		u.Scheme, u.User = "ssh", url.User("git")
		r.scheme = "ssh"
	}
	r.url = u.String()
	return r, nil
}

// know says what the remote's server may be given.
func (m *Mirrors) know(r *remote, vendor string) {
	r.trusted = m.trusts(r, vendor)
	logins := *m.logins.Load()
	for i := range logins {
		if r.is(logins[i].Host) {
			r.login = &logins[i]
		}
	}
}

// Login returns what the server of a repository is given over HTTP, empty if that is
// nothing. The address is one that the agent's configuration names.
func (m *Mirrors) Login(ctx context.Context, a git.Address) (username, token string, err error) {
	r := &remote{scheme: a.Scheme, host: a.Host, name: a.Name()}
	m.know(r, "")
	return m.login(ctx, r)
}

// forkPattern is a full name without anything that leads elsewhere in a URL.
var forkPattern = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$`)

// forkOf is the repository that an event's commit comes from, or nil. It lies beside
// the event's own, whose address tells its own. Bitbucket keeps the head of a fork's
// pull request nowhere else.
func (m *Mirrors) forkOf(ev *events.Event) *remote {
	beside, ok := strings.CutSuffix(ev.Repository.CloneURL, "/"+ev.Repository.FullName+".git")
	if !ok || !forkPattern.MatchString(ev.Fork) {
		return nil // also where it is not known
	}
	fork := *ev.Repository
	fork.FullName, fork.CloneURL = ev.Fork, beside+"/"+ev.Fork+".git"
	r, err := m.remote(&fork, ev.Vendor)
	if err != nil {
		return nil
	}
	return r
}

// Trusts reports whether the repository of an event is on a server that is named in
// the credentials or has a login, also where there is nothing to log in with, or is a
// module that is stored in the agent.
func (m *Mirrors) Trusts(ev *events.Event) bool {
	if ev.Repository == nil {
		return false
	}
	r, err := m.remote(ev.Repository, ev.Vendor)
	return err == nil && (r.trusted || r.login != nil || r.module != "")
}

// trusts reports whether credentials may go to the remote: exact names only.
// An entry without a port means https and ssh on their own ports; sending
// credentials in clear text needs an entry that says so.
func (m *Mirrors) trusts(r *remote, vendor string) bool {
	hosts := m.credentials.Hosts
	if len(hosts) == 0 && vendor == events.VendorGithub {
		hosts = []string{"github.com"}
	}
	return slices.ContainsFunc(hosts, r.is)
}

// is reports whether a host of the configuration is the remote's.
func (r *remote) is(host string) bool {
	host = strings.ToLower(host)
	return host == r.scheme+"://"+r.host || host == r.host && (r.scheme != "http" || strings.Contains(r.host, ":"))
}

// dir is where the mirror of the remote lies below root. The readable part is
// for people; the hash of the whole URL is what keeps repositories apart, so
// that a payload cannot name one repository and fetch into another's mirror.
func (r *remote) dir(root string) string {
	sum := sha256.Sum256([]byte(r.url))
	host := r.host
	if host == "" {
		host = r.scheme
	}
	return filepath.Join(root, safeName(host), safeName(r.name)+"-"+hex.EncodeToString(sum[:8])+".git")
}

// safeName turns any text into the name of a file.
func safeName(s string) string {
	s = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			return c
		}
		return '_'
	}, s)
	s = strings.TrimLeft(s[:min(len(s), 80)], ".-")
	if s == "" {
		return "_"
	}
	return s
}

// printable cuts text of a payload to what may stand in a message.
func printable(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return '?'
		}
		return c
	}, s)
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return s
}

func hostOrNone(host string) string {
	if hostPattern.MatchString(host) {
		return host
	}
	return ""
}

var shaPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)

// validRef reports whether ref is a full ref that git would accept, by the
// rules of git-check-ref-format, and nothing that git could take for a
// refspec or an option.
func validRef(ref string) bool {
	if !strings.HasPrefix(ref, "refs/") || len(ref) > 1000 || strings.HasSuffix(ref, ".") ||
		strings.Contains(ref, "..") || strings.Contains(ref, "@{") || strings.ContainsAny(ref, " ~^:?*[\\\x7f") {
		return false
	}
	for part := range strings.SplitSeq(ref, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return !strings.ContainsFunc(ref, func(c rune) bool { return c < ' ' })
}
