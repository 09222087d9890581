package forge

import (
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxAnnotations is how many places are found in one output.
	maxAnnotations = 300
	// maxAnnotationLine is the longest line that is looked at, in bytes.
	maxAnnotationLine = 4096
	// maxAnnotationMessage bounds a message in bytes.
	maxAnnotationMessage = 1000
	// maxAnnotationOutput is how much of an output is looked at, in bytes: its
	// end, where tools say what is wrong.
	maxAnnotationOutput = 1 << 20
	// maxMounted is how many folders an absolute path may begin with that are
	// where the repository was mounted: /src, /app/src.
	maxMounted = 2
)

// place is path:line: message, or path:line:column: message, as compilers and
// linters write it ("GNU Coding Standards", Formatting Error Messages).
var place = regexp.MustCompile(`^\s*([^\s:][^:]*):([1-9][0-9]{0,6})(?::[0-9]{1,7})?:\s*(\S.*)$`)

// escape is what colours a terminal (ECMA-48, CSI sequences).
var escape = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")

// AnnotationsIn finds the places that a call's output speaks of, in the order of
// the output and each once, in the files with these paths relative to the
// repository's root; the changed ones, as a rule. A path in the output may begin
// with ./, or be absolute with up to two folders before the repository's root. A
// name without a folder, which is all that go test says, means the one file with
// that name if there is one only. At most 300 are returned.
func AnnotationsIn(output string, files []string) []Annotation {
	known := make(map[string]string, len(files)) // by what the output may call it
	for _, f := range files {
		base := path.Base(f)
		if _, twice := known[base]; twice && known[base] != f {
			known[base] = ""
		} else {
			known[base] = f
		}
	}
	for _, f := range files {
		known[f] = f
	}
	if len(output) > maxAnnotationOutput {
		output = output[len(output)-maxAnnotationOutput:]
	}
	var found []Annotation
	seen := map[Annotation]bool{}
	for line := range strings.Lines(output) {
		if len(line) > maxAnnotationLine || strings.Count(line, ":") < 2 {
			continue
		}
		match := place.FindStringSubmatch(strings.TrimRight(escape.ReplaceAllString(line, ""), "\r\n"))
		if match == nil {
			continue
		}
		file := fileOf(match[1], known)
		number, err := strconv.Atoi(match[2])
		message := messageOf(match[3])
		if file == "" || err != nil || strings.Trim(message, "0123456789:") == "" {
			continue
		}
		a := Annotation{Path: file, Line: number, Message: message}
		if seen[a] {
			continue
		}
		seen[a] = true
		if found = append(found, a); len(found) == maxAnnotations {
			break
		}
	}
	return found
}

// fileOf returns the file that an output calls so, or nothing.
func fileOf(name string, known map[string]string) string {
	absolute := strings.HasPrefix(name, "/")
	name = strings.TrimPrefix(path.Clean(name), "/")
	if !absolute || !strings.Contains(name, "/") {
		return known[name]
	}
	for range maxMounted + 1 {
		if f := known[name]; f == name { // not by its base alone
			return f
		}
		_, rest, ok := strings.Cut(name, "/")
		if !ok {
			break
		}
		name = rest
	}
	return ""
}

// messageOf makes text of a program printable and short.
func messageOf(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	if len(s) > maxAnnotationMessage {
		s = s[:maxAnnotationMessage]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
		s += "…"
	}
	return strings.TrimSpace(s)
}
