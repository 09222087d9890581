package predicate

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPointer is the longest pointer in bytes.
const maxPointer = 1000

// Pointer names one value of a JSON document, as RFC 6901 has it: /a/b/0. The zero
// Pointer is the document as a whole.
type Pointer struct {
	text string
	// tokens are the names on the way, without escapes.
	tokens []string
}

// ParsePointer reads a pointer of at most 1,000 bytes of printable text.
func ParsePointer(s string) (Pointer, error) {
	switch {
	case s == "":
		return Pointer{}, nil
	case len(s) > maxPointer:
		return Pointer{}, fmt.Errorf("a JSON Pointer of %d bytes is longer than %d", len(s), maxPointer)
	case s[0] != '/':
		return Pointer{}, errors.New("a JSON Pointer begins with a slash, such as /pull_request/user/login")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return Pointer{}, errors.New("a JSON Pointer is printable text")
	}
	p := Pointer{text: s}
	for token := range strings.SplitSeq(s[1:], "/") {
		name, err := unescape(token)
		if err != nil {
			return Pointer{}, err
		}
		p.tokens = append(p.tokens, name)
	}
	return p, nil
}

// unescape reads ~1 as a slash and ~0 as a tilde.
func unescape(token string) (string, error) {
	for rest := token; ; {
		_, after, found := strings.Cut(rest, "~")
		if !found {
			break
		}
		if !strings.HasPrefix(after, "0") && !strings.HasPrefix(after, "1") {
			return "", errors.New("in a JSON Pointer a tilde is written ~0, and a slash in a name ~1")
		}
		rest = after[1:]
	}
	return strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~"), nil
}

// String is the pointer as it was written.
func (p Pointer) String() string { return p.text }

// Equal reports whether both are the same pointer.
func (p Pointer) Equal(q Pointer) bool { return p.text == q.text }

// Document is a JSON document to look things up in. It remembers what it has
// taken apart, and must not be used from several goroutines.
type Document struct {
	whole json.RawMessage
	// objects and lists are the parts of values, by the way to them.
	objects map[string]map[string]json.RawMessage
	lists   map[string][]json.RawMessage
}

// NewDocument returns the document of a JSON text. A text that is empty or not
// JSON is a document in which there is nothing.
func NewDocument(text []byte) *Document {
	d := &Document{objects: map[string]map[string]json.RawMessage{}, lists: map[string][]json.RawMessage{}}
	if json.Valid(text) && utf8.Valid(text) {
		d.whole = text
	}
	return d
}

// Find returns the value that the pointer names, and false if there is none. Of
// several members of one name the last counts, as it does for most readers of
// JSON. Case counts.
func (d *Document) Find(p Pointer) (Value, bool) {
	at := d.whole
	if len(at) == 0 {
		return Value{}, false
	}
	way := ""
	for _, token := range p.tokens {
		var ok bool
		if at, ok = d.member(way, at, token); !ok {
			return Value{}, false
		}
		way += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
	}
	return newValue(at), true
}

// member returns a part of the value that is at the end of a way.
func (d *Document) member(way string, of json.RawMessage, name string) (json.RawMessage, bool) {
	switch first(of) {
	case '{':
		object, known := d.objects[way]
		if !known {
			// It is a part of a text that is JSON.
			_ = json.Unmarshal(of, &object)
			d.objects[way] = object
		}
		part, ok := object[name]
		return part, ok
	case '[':
		list, known := d.lists[way]
		if !known {
			_ = json.Unmarshal(of, &list)
			d.lists[way] = list
		}
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(list) || strconv.Itoa(i) != name {
			return nil, false
		}
		return list[i], true
	}
	return nil, false
}

// first is the byte that a JSON value begins with.
func first(value []byte) byte {
	for _, c := range value {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}
