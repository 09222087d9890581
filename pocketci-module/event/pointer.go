package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// PointerError says why a JSON pointer leads nowhere.
type PointerError struct {
	// Pointer is the pointer as it was given.
	Pointer string
	// At is the part of it that still led somewhere.
	At string
	// Reason says what is there.
	Reason string
}

func (e *PointerError) Error() string {
	return fmt.Sprintf("get %q from the payload: %s", e.Pointer, e.Reason)
}

// Get returns the value in the payload that a JSON pointer (RFC 6901) leads
// to: strings as their text, everything else as the JSON that was sent. The
// empty pointer is the whole payload. The error is a [*PointerError].
func (f *File) Get(pointer string) (string, error) {
	fault := func(at, format string, args ...any) (string, error) {
		return "", &PointerError{Pointer: pointer, At: at, Reason: fmt.Sprintf(format, args...)}
	}
	if pointer != "" && pointer[0] != '/' {
		return fault("", "a pointer is empty or starts with a slash")
	}
	value, at := f.Payload, ""
	for at != pointer {
		raw, _, _ := strings.Cut(pointer[len(at)+1:], "/")
		name, ok := unescape(raw)
		if !ok {
			return fault(at, `%q has a "~" that is neither ~0 nor ~1`, raw)
		}
		// What errors call the place that was reached.
		here := "the payload"
		if at != "" {
			here = at
		}
		switch value = bytes.TrimLeft(value, " \t\r\n"); {
		case bytes.HasPrefix(value, []byte("{")):
			var members map[string]json.RawMessage
			if err := json.Unmarshal(value, &members); err != nil {
				return fault(at, "%s is not JSON: %v", here, err)
			}
			if value, ok = members[name]; !ok {
				return fault(at, "%s has no member %q", here, name)
			}
		case bytes.HasPrefix(value, []byte("[")):
			var items []json.RawMessage
			if err := json.Unmarshal(value, &items); err != nil {
				return fault(at, "%s is not JSON: %v", here, err)
			}
			// No signs and no leading zeros, says the RFC.
			index, err := strconv.Atoi(name)
			if err != nil || strconv.Itoa(index) != name || index < 0 {
				return fault(at, "%s is a list, and %q is not the number of an item", here, name)
			}
			if index >= len(items) {
				return fault(at, "%s is a list of %d items, counted from 0, and has no item %d", here, len(items), index)
			}
			value = items[index]
		default:
			return fault(at, "%s is %s, which has no member %q", here, article(value), name)
		}
		at = pointer[:len(at)+1+len(raw)]
	}
	value = bytes.TrimSpace(value)
	if bytes.HasPrefix(value, []byte(`"`)) {
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return fault(at, "it is not JSON: %v", err)
		}
		return text, nil
	}
	return string(value), nil
}

// unescape reads one part of a pointer. Replacing ~1 before ~0 keeps ~01 the
// text ~1.
func unescape(s string) (string, bool) {
	if strings.Count(s, "~") != strings.Count(s, "~0")+strings.Count(s, "~1") {
		return "", false
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~"), true
}

// article says in words what a JSON value is that has no members.
func article(value []byte) string {
	switch {
	case len(value) == 0, value[0] == 'n':
		return "null"
	case value[0] == '"':
		return "a string"
	case value[0] == 't', value[0] == 'f':
		return "true or false"
	}
	return "a number"
}
