package git

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Address is where a repository is, without a password.
type Address struct {
	// Scheme is that of the URL in small letters, ssh for ssh's short form.
	Scheme string
	// User is who logs in over ssh, empty with other schemes.
	User string
	// Host is in small letters, with the port if it is not the scheme's own. It
	// is empty for files.
	Host string
	// Path begins with a slash.
	Path string
}

var (
	hostPattern = regexp.MustCompile(`^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[0-9]{1,5})?$`)
	userPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)
	// scpPattern is ssh's short form, user@host:path.
	scpPattern = regexp.MustCompile(`^([^@/:]+)@([^@/:]+):([^:].*)$`)
)

var defaultPorts = map[string]string{"https": ":443", "http": ":80", "ssh": ":22"}

// ParseAddress reads a URL of http, https, ssh or file, or USER@HOST:PATH. A
// password is an error, as it does not belong there. Errors repeat nothing of the
// text.
func ParseAddress(raw string) (Address, error) {
	if strings.ContainsFunc(raw, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\\' || c == '\'' || c == '"' }) {
		return Address{}, errors.New("it holds a character that no URL has")
	}
	if !strings.Contains(raw, "://") {
		if s := scpPattern.FindStringSubmatch(raw); s != nil {
			raw = "ssh://" + s[1] + "@" + s[2] + "/" + strings.TrimPrefix(s[3], "/")
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || !slices.Contains([]string{"http", "https", "ssh", "file"}, strings.ToLower(u.Scheme)) {
		return Address{}, errors.New("it is no URL of https, http, ssh or file, and not USER@HOST:PATH")
	}
	a := Address{Scheme: strings.ToLower(u.Scheme), Path: u.EscapedPath()}
	a.Host = strings.TrimSuffix(strings.ToLower(u.Host), defaultPorts[a.Scheme])
	_, password := u.User.Password()
	switch {
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return Address{}, errors.New("it has a query or fragment")
	case strings.Trim(a.Path, "/") == "":
		return Address{}, errors.New("it has no path")
	case a.Scheme == "file" && a.Host != "":
		return Address{}, errors.New("a file has no host")
	case a.Scheme != "file" && !hostPattern.MatchString(a.Host):
		return Address{}, errors.New("its host is not one")
	case password || u.User != nil && a.Scheme != "ssh":
		return Address{}, errors.New("it holds a user or password, which do not belong there")
	}
	if a.Scheme == "ssh" {
		if a.User = u.User.Username(); a.User == "" {
			a.User = "git"
		}
		if !userPattern.MatchString(a.User) {
			return Address{}, errors.New("its user is not one")
		}
	}
	return a, nil
}

// String is the URL for git.
func (a Address) String() string {
	if a.User != "" {
		return a.Scheme + "://" + a.User + "@" + a.Host + a.Path
	}
	return a.Scheme + "://" + a.Host + a.Path
}

// Name is the path without slashes around it and without .git, which with most
// forges is the full name of the repository.
func (a Address) Name() string { return strings.TrimSuffix(strings.Trim(a.Path, "/"), ".git") }

// Same reports whether two addresses are of one repository, as far as they tell:
// whoever logs in, however, and whether or not the path ends with .git. Forges take
// names in capital and in small letters; files are told apart.
func (a Address) Same(b Address) bool {
	if (a.Scheme == "file") != (b.Scheme == "file") {
		return false
	}
	if a.Scheme == "file" {
		return a.Name() == b.Name()
	}
	hostname := func(a Address) string { return (&url.URL{Host: a.Host}).Hostname() }
	if a.Scheme == b.Scheme && a.Host != b.Host || hostname(a) != hostname(b) {
		return false
	}
	// Ports of different schemes say nothing about each other.
	return strings.EqualFold(a.Name(), b.Name())
}
