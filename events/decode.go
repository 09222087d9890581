package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"
)

// DecodeObject reads a JSON object from outside into v, which is a pointer to a
// struct. Keys that v does not know are ignored. Every error is a
// [*MalformedError] that says where and why.
func DecodeObject(data []byte, v any) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return &MalformedError{Line: 1, Column: 1, Reason: "is empty, want a JSON object"}
	}
	if offset := invalidUTF8(data); offset >= 0 {
		return malformedAt(data, offset, "", "is not UTF-8")
	}
	if decodePart(data, v) {
		return nil
	}
	err := json.Unmarshal(data, v)
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		// Offset counts the byte that could not be read.
		return malformedAt(data, int(syntax.Offset)-1, "", syntax.Error())
	case errors.As(err, &mismatch):
		return malformedAt(data, int(mismatch.Offset)-1, mismatch.Field,
			fmt.Sprintf("is %s, want %s", jsonArticle(mismatch.Value), jsonName(mismatch.Type)))
	case err != nil:
		return &MalformedError{Reason: err.Error()}
	}
	// json.Unmarshal takes null for anything and leaves v as it is.
	if start := bytes.TrimLeft(data, " \t\r\n"); start[0] != '{' {
		return malformedAt(data, len(data)-len(start), "", "is not a JSON object")
	}
	return nil
}

// pruned holds buffers for the parts of payloads that are read.
var pruned = sync.Pool{New: func() any { return new([]byte) }}

// decodePart reads into v what v takes of an object. If it returns false,
// encoding/json has to see all of the data: it says best what is wrong with it.
func decodePart(data []byte, v any) bool {
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer {
		return false
	}
	s := shapeOf(t)
	if s == nil || s.fields == nil {
		return false
	}
	buffer := pruned.Get().(*[]byte)
	defer pruned.Put(buffer)
	part, ok := prune((*buffer)[:0], data, s)
	if cap(part) <= 64<<10 {
		*buffer = part
	}
	return ok && json.Unmarshal(part, v) == nil
}

func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for offset := 0; offset < len(data); {
		r, size := utf8.DecodeRune(data[offset:])
		if r == utf8.RuneError && size == 1 {
			return offset
		}
		offset += size
	}
	return -1
}

// malformedAt turns a byte offset into the line and column that editors show.
func malformedAt(data []byte, offset int, path, reason string) *MalformedError {
	offset = max(0, min(offset, len(data)))
	before := data[:offset]
	lineStart := bytes.LastIndexByte(before, '\n') + 1
	return &MalformedError{
		Line:   bytes.Count(before, []byte("\n")) + 1,
		Column: utf8.RuneCount(before[lineStart:]) + 1,
		Path:   path,
		Reason: reason,
	}
}

// jsonArticle renders what encoding/json calls a value ("number", "number
// 1e99") as words.
func jsonArticle(value string) string {
	if strings.HasPrefix(value, "array") || strings.HasPrefix(value, "object") {
		return "an " + value
	}
	return "a " + value
}

func jsonName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64:
		return "a whole number"
	case reflect.Pointer:
		return jsonName(t.Elem())
	}
	return "a " + t.String()
}
