package rest

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Address parses an http or https address with nothing but a host and a path. The
// error does not show it.
func Address(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("it is not of the form https://HOST")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("it has more than a host and a path")
	}
	return u, nil
}

// Below reports whether address is base or lies below it. http or https and their
// usual ports make no difference.
func Below(address, base string) bool {
	a, errA := url.Parse(address)
	b, errB := url.Parse(base)
	if errA != nil || errB != nil || b.Host == "" || !strings.EqualFold(a.Hostname(), b.Hostname()) || unusualPort(a) != unusualPort(b) {
		return false
	}
	rest, ok := strings.CutPrefix(a.Path, strings.TrimSuffix(b.Path, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

// unusualPort returns a port that is not its scheme's own.
func unusualPort(u *url.URL) string {
	port := u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return ""
	}
	return port
}

// Line is the first line of a text, of at most most bytes. What is cut off is
// shown by an ellipsis.
func Line(text string, most int) string {
	line, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.TrimSpace(line)
	if len(line) <= most && !more {
		return line
	}
	const ellipsis = "…"
	if end := most - len(ellipsis); len(line) > end {
		for end > 0 && !utf8.RuneStart(line[end]) {
			end--
		}
		line = strings.TrimSpace(line[:end])
	}
	return line + ellipsis
}
