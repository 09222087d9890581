package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Limits on a file, which may be written by whoever can push.
const (
	// MaxSize is the greatest size of the file in bytes.
	MaxSize = 1 << 20
	// maxNodes bounds how many YAML nodes are visited with aliases expanded,
	// maxErrors how many errors are listed.
	maxNodes  = 100_000
	maxErrors = 100
)

// Document returns the root of the one document that the data holds: nil where it
// holds none, and where it cannot be read, which has been reported then.
func (r *Reader) Document(data []byte) *yaml.Node {
	if len(data) > MaxSize {
		r.Report(1, 1, "the file is larger than 1 MiB; a configuration has a few kilobytes")
		return nil
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !r.encoding(data) {
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		r.syntax(data, err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		r.Fail(&second, `a second YAML document; put everything into one and remove the "---"`)
	case !errors.Is(err, io.EOF):
		r.syntax(data, err)
		return nil
	}
	return document.Content[0]
}

// encoding reports bytes that YAML does not allow, for which its parser gives no
// position.
func (r *Reader) encoding(data []byte) bool {
	line, column := 1, 1
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		switch {
		case c == utf8.RuneError && size == 1:
			r.Report(line, column, "the file is not UTF-8 text; save it as UTF-8")
			return false
		case c < ' ' && c != '\t' && c != '\n' && c != '\r', c == 0x7f, c >= 0x80 && c < 0xa0 && c != 0x85, c == 0xfffe, c == 0xffff:
			r.Report(line, column, "control character %U; remove it", c)
			return false
		case c == '\n':
			line, column = line+1, 0
		}
		column++
		i += size
	}
	return true
}

var (
	syntaxLine    = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntax turns an error of the YAML parser, which has at most a line, into one
// with a position.
func (r *Reader) syntax(data []byte, err error) {
	lines := strings.Split(string(data), "\n")
	match := syntaxLine.FindStringSubmatch(err.Error())
	if match == nil {
		match = []string{"", ""}
	}
	message := strings.TrimPrefix(err.Error(), match[0])
	line, _ := strconv.Atoi(match[1])
	line = min(max(line, 1), len(lines))
	column := 1
	if anchor := unknownAnchor.FindStringSubmatch(message); anchor != nil {
		message = fmt.Sprintf("no anchor &%s stands above this alias; define it or write the value", anchor[1])
		if r.Secretive {
			message = "no anchor stands above this alias; put the value in quotes if it begins with an asterisk"
		}
		for i, text := range lines {
			if at := strings.Index(text, "*"+anchor[1]); at >= 0 {
				line, column = i+1, utf8.RuneCountInString(text[:at])+1
				break
			}
		}
		r.Report(line, column, "%s", message)
		return
	}
	text := lines[line-1]
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	column = len(indent) + 1
	hint := "check indentation, colons, quotes and brackets here and in the line above"
	if strings.Contains(indent, "\t") {
		hint = "indent with spaces, not with tabs"
	}
	r.Report(line, column, "not valid YAML: %s; %s", message, hint)
}
