package predicate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// MarshalJSON writes the filter with the keys that YAML has. [Filter.UnmarshalJSON]
// reads it back.
func (f Filter) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"path":`)
	encode := func(v any) error {
		data, err := json.Marshal(v)
		b.Write(data)
		return err
	}
	if err := encode(f.path.text); err != nil {
		return nil, fmt.Errorf("write a filter: %w", err)
	}
	for i := range f.tests {
		t := &f.tests[i]
		fmt.Fprintf(&b, ",%q:", t.name)
		var err error
		switch {
		case t.name == exists:
			err = encode(t.want)
		case t.pattern != nil:
			err = encode(t.pattern.String())
		case t.value.kind == kindString:
			err = encode(t.value.text)
		default:
			b.WriteString(t.value.text)
		}
		if err != nil {
			return nil, fmt.Errorf("write a filter: %w", err)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads and compiles a filter. It refuses keys that it does not know,
// and a filter without a predicate.
func (f *Filter) UnmarshalJSON(data []byte) error {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return fmt.Errorf("read a filter: %w", err)
	}
	var (
		path  Pointer
		tests []test
	)
	if keys["path"] == nil {
		return errors.New("read a filter: it has no path")
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		var err error
		if key == "path" {
			path, err = pointerOf(keys[key])
		} else {
			var t test
			t, err = testOf(key, newValue(keys[key]))
			tests = append(tests, t)
		}
		if err != nil {
			return fmt.Errorf("read a filter: %s: %w", key, err)
		}
	}
	read, err := newFilter(path, tests)
	if err != nil {
		return fmt.Errorf("read a filter: %w", err)
	}
	*f = read
	return nil
}

func pointerOf(raw json.RawMessage) (Pointer, error) {
	v := newValue(raw)
	if v.kind != kindString {
		return Pointer{}, errors.New("must be a string")
	}
	return ParsePointer(v.text)
}
