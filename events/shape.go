package events

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"sync"
)

// shape is what a type takes of a JSON value. nil takes all of it.
type shape struct {
	// fields are those of a struct by their names in lower case.
	fields map[string]*shape
	// lengths has the bit of each length that a name has, which tells most
	// other keys apart; the highest is for all that are longer.
	lengths uint64
	// elements is for lists of structs.
	elements *shape
}

var (
	shapes          sync.Map // of reflect.Type to *shape
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

// shapeOf returns what a struct takes, or nil if that is not known.
func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	s := makeShape(t, 0)
	shapes.Store(t, s)
	return s
}

func makeShape(t reflect.Type, depth int) *shape {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case depth > 20 || reflect.PointerTo(t).Implements(unmarshalerType):
		return nil
	case t.Kind() == reflect.Slice:
		if elements := makeShape(t.Elem(), depth+1); elements != nil {
			return &shape{elements: elements}
		}
		return nil
	case t.Kind() != reflect.Struct:
		return nil
	}
	s := &shape{fields: map[string]*shape{}}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous:
			// Its fields count as the struct's own, unless it has such itself,
			// which is left to encoding/json.
			inner := makeShape(field.Type, depth+1)
			if name != "" || inner == nil || inner.fields == nil || field.Type.Kind() != reflect.Struct || overlap(s.fields, inner.fields) {
				return nil
			}
			maps.Copy(s.fields, inner.fields)
			continue
		case !field.IsExported() || name == "-":
			continue
		case name == "":
			name = field.Name
		}
		name = strings.ToLower(name)
		if _, twice := s.fields[name]; twice {
			return nil
		}
		s.fields[name] = makeShape(field.Type, depth+1)
	}
	for name := range s.fields {
		s.lengths |= 1 << min(len(name), 63)
	}
	return s
}

func overlap(a, b map[string]*shape) bool {
	for name := range a {
		if _, both := b[name]; both {
			return true
		}
	}
	return false
}

// field finds a field as encoding/json does, which does not mind the case.
func (s *shape) field(name []byte) (*shape, bool) {
	if s.lengths&(1<<min(len(name), 63)) == 0 {
		return nil, false
	}
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			field, ok := s.fields[strings.ToLower(string(name))]
			return field, ok
		}
	}
	field, ok := s.fields[string(name)]
	return field, ok
}
