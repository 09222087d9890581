package signed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxNesting is how deep values may be nested in a token.
const maxNesting = 64

// readObject reads a JSON object whose keys differ, as do those of all objects in
// it: of two values for one key, programs disagree which one counts. Keys keep the
// case in which they are written, unlike those of structs.
func readObject(data []byte) (map[string]json.RawMessage, error) {
	if err := checkKeys(data); err != nil {
		return nil, err
	}
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, errors.New("not a JSON object")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, errors.New("not a JSON object")
	}
	return object, nil
}

// checkKeys reports what is wrong with a JSON value, duplicate keys included.
func checkKeys(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	// open are the objects and lists that are open, an object with its keys.
	type level struct {
		keys  map[string]bool // nil for a list
		value bool            // a value is next, not a key
	}
	var open []level
	for {
		token, err := d.Token()
		switch {
		case err == io.EOF && len(open) == 0:
			return nil
		case err != nil:
			return errors.New("not JSON")
		}
		if delim, ok := token.(json.Delim); ok {
			if delim == '}' || delim == ']' {
				open = open[:len(open)-1]
			}
		}
		if len(open) > 0 {
			top := &open[len(open)-1]
			if key, ok := token.(string); ok && top.keys != nil && !top.value {
				if top.keys[key] {
					return fmt.Errorf("the key %s stands there twice", brief(key))
				}
				top.keys[key], top.value = true, true
				continue
			}
			top.value = false
		}
		if delim, ok := token.(json.Delim); ok && (delim == '{' || delim == '[') {
			if len(open) == maxNesting {
				return fmt.Errorf("values are nested more than %d deep", maxNesting)
			}
			l := level{}
			if delim == '{' {
				l.keys = map[string]bool{}
			}
			open = append(open, l)
		}
	}
}

// brief quotes the beginning of a text from outside.
func brief(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
