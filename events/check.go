package events

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

// What pocketci accepts from outside at most, in bytes. Forges allow less.
const (
	maxRef  = 1024
	maxName = 255
	maxURL  = 2048
)

var (
	shaPattern      = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
	fullNamePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9._-]+)+$`)
)

// CheckSHA returns an error unless s is the full name of a git object: 40 or
// 64 lower-case hexadecimal digits that are not all zero.
func CheckSHA(s string) error {
	switch {
	case s == "":
		return errors.New("is missing")
	case !shaPattern.MatchString(s):
		return fmt.Errorf("%s is not a commit: want 40 or 64 hexadecimal digits", quote(s))
	case IsZeroSHA(s):
		return errors.New("is all zeros, which names no commit")
	}
	return nil
}

// IsZeroSHA reports whether s is the all-zero name that stands for a ref that
// does not exist: the state before its creation or after its deletion.
func IsZeroSHA(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0") == ""
}

// CheckRef returns an error unless s is a full ref (refs/…) that git accepts,
// of at most 1024 bytes.
func CheckRef(s string) error {
	switch {
	case s == "":
		return errors.New("is missing")
	case len(s) > maxRef:
		return fmt.Errorf("is a ref of %d bytes, more than %d", len(s), maxRef)
	case !strings.HasPrefix(s, "refs/"):
		return fmt.Errorf("%s is not a full ref: want refs/…", quote(s))
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%s is not a ref that git accepts", quote(s))
	}
	if err := plumbing.ReferenceName(s).Validate(); err != nil {
		return fmt.Errorf("%s is not a ref that git accepts", quote(s))
	}
	return nil
}

// CheckFullName returns an error unless s can be the full name of a repository
// on a forge: at least an owner and a name, separated by slashes, of letters,
// digits, dot, dash and underscore, and fit to be used as a path.
func CheckFullName(s string) error {
	switch {
	case s == "":
		return errors.New("is missing")
	case len(s) > maxName:
		return fmt.Errorf("is a name of %d bytes, more than %d", len(s), maxName)
	case !fullNamePattern.MatchString(s):
		return fmt.Errorf("%s is not the full name of a repository: want owner/name", quote(s))
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "." || segment == ".." {
			return fmt.Errorf("%s is not the full name of a repository: want owner/name", quote(s))
		}
	}
	return nil
}

// CheckCloneURL returns an error unless s is an http, https, ssh or git URL
// with a host and without a password. Other schemes would let a payload reach
// files or programs of the machine that fetches. The error never holds s.
func CheckCloneURL(s string) error {
	if s == "" {
		return errors.New("is missing")
	}
	if len(s) > maxURL {
		return fmt.Errorf("is a URL of %d bytes, more than %d", len(s), maxURL)
	}
	// url.Parse quotes its input in errors, and a URL can hold credentials.
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" {
		return errors.New("is not a URL")
	}
	switch u.Scheme {
	case "http", "https", "ssh", "git":
	default:
		return errors.New("is not an http, https, ssh or git URL")
	}
	if u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") {
		return errors.New("is a URL without a host")
	}
	if strings.Trim(u.Path, "/") == "" {
		return errors.New("is a URL without a path")
	}
	if u.User != nil {
		// A token may stand in the place of the user as well; only ssh needs
		// a user name that is none.
		if _, password := u.User.Password(); password || u.Scheme != "ssh" || strings.HasPrefix(u.User.Username(), "-") {
			return errors.New("is a URL with credentials in it")
		}
	}
	return nil
}

// CheckWebURL returns an error unless s is empty or an http or https URL with a
// host and without credentials, fit to be a link on a page. The error never
// holds s.
func CheckWebURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	switch {
	case len(s) > maxURL:
		return fmt.Errorf("is a URL of %d bytes, more than %d", len(s), maxURL)
	case err != nil || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("is not an http or https URL")
	case u.Hostname() == "":
		return errors.New("is a URL without a host")
	case u.User != nil:
		return errors.New("is a URL with credentials in it")
	}
	return nil
}

// CheckText returns an error unless s is printable text of at most 255 bytes.
// Empty text is fine.
func CheckText(s string) error {
	if len(s) > maxName {
		return fmt.Errorf("is %d bytes long, more than %d", len(s), maxName)
	}
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return fmt.Errorf("%s holds characters that cannot be printed", quote(s))
		}
	}
	return nil
}

// quote makes text from outside safe and short enough for a message.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// ShortRef splits a full ref into the short name of the branch or of the tag
// that it names. Both are empty for any other ref.
func ShortRef(ref string) (branch, tag string) {
	if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		return name, ""
	}
	if name, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		return "", name
	}
	return "", ""
}
