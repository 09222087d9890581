package config

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

// Limits on a file, which is written by whoever can push.
const (
	// MaxSize is the greatest size of the file in bytes.
	MaxSize = 1 << 20
	// maxNodes bounds how many YAML nodes are visited with aliases expanded,
	// maxErrors how many errors are listed.
	maxNodes  = 100_000
	maxErrors = 100
)

// Parse reads a configuration file. The name is used in errors only. An error
// is an [Errors] with everything that is wrong, never only the first thing.
//
// Parse does not look at any other file. A file that says nothing, or nothing
// about where the module is, gives a module whose path is empty; [Load] fills
// it in.
func Parse(name string, data []byte) (*Config, error) {
	r := &reader{file: name, nodes: maxNodes}
	c := r.parse(data)
	if len(r.errs) > 0 {
		return nil, r.errors()
	}
	return c, nil
}

func (r *reader) parse(data []byte) *Config {
	if len(data) > MaxSize {
		r.report(1, 1, "the file is larger than 1 MiB; a configuration has a few kilobytes")
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
		return &Config{Modules: []Module{{Line: 1}}}
	}
	if err != nil {
		r.syntax(data, err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		r.fail(&second, `a second YAML document; put everything into one and remove the "---"`)
	case !errors.Is(err, io.EOF):
		r.syntax(data, err)
		return nil
	}
	return r.config(document.Content[0])
}

// encoding reports bytes that YAML does not allow, for which its parser gives no
// position.
func (r *reader) encoding(data []byte) bool {
	line, column := 1, 1
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		switch {
		case c == utf8.RuneError && size == 1:
			r.report(line, column, "the file is not UTF-8 text; save it as UTF-8")
			return false
		case c < ' ' && c != '\t' && c != '\n' && c != '\r', c == 0x7f, c >= 0x80 && c < 0xa0 && c != 0x85, c == 0xfffe, c == 0xffff:
			r.report(line, column, "control character %U; remove it", c)
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
func (r *reader) syntax(data []byte, err error) {
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
		for i, text := range lines {
			if at := strings.Index(text, "*"+anchor[1]); at >= 0 {
				line, column = i+1, utf8.RuneCountInString(text[:at])+1
				break
			}
		}
		r.report(line, column, "%s", message)
		return
	}
	text := lines[line-1]
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	column = len(indent) + 1
	hint := "check indentation, colons, quotes and brackets here and in the line above"
	if strings.Contains(indent, "\t") {
		hint = "indent with spaces, not with tabs"
	}
	r.report(line, column, "not valid YAML: %s; %s", message, hint)
}
