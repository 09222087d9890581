package web

import (
	"fmt"
	"net/url"
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

// repositoryPath is the address of a repository's page. The name may be anything.
func repositoryPath(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/repositories/" + strings.Join(parts, "/")
}

// callPath is the address of a call's page.
func callPath(run int64, module, function string) string {
	path := fmt.Sprintf("/runs/%d/calls/%s", run, url.PathEscape(function))
	if module != "" {
		path += "?" + url.Values{"module": {module}}.Encode()
	}
	return path
}
