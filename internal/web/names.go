package web

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/franela/pocketci/internal/terminal"
)

// clear is a text from outside as it is shown: without controls and without what turns
// the direction of text around, which would have it be read as something else.
func clear(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// clearLines is [clear] for a text of several lines, whose control sequences are left out.
func clearLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(terminal.Strip(s), "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = clear(line)
	}
	return strings.Join(lines, "\n")
}

// manyLines reports whether a text has more than one.
func manyLines(s string) bool { return strings.Contains(strings.TrimSpace(s), "\n") }

// address is a path with a query, given as names and values in turn. The last value of a
// name counts, and empty ones are left out.
func address(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if q.Del(pairs[i]); pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// under is the address of what has a name below a page. The name may be anything.
func under(base string, names ...string) string {
	for _, name := range names {
		base += "/" + url.PathEscape(name)
	}
	return base
}

// repositoryPath is the address of a repository's page.
func repositoryPath(name string) string { return under("/repositories", strings.Split(name, "/")...) }

// callPath is the address of a call's page.
func callPath(run int64, module, function string) string {
	return address(under(runPath(run)+"/calls", function), "module", module)
}

// runPath is the address of a run's page.
func runPath(number int64) string { return "/runs/" + strconv.FormatInt(number, 10) }

// runForm is the address of the form that calls a function by hand, at a ref if one is
// given. Without a function it is that of a run that is no function's.
func runForm(repository, ref, module, function string) string {
	return address("/functions/run", "repository", repository, "ref", ref, "module", module, "function", function)
}
