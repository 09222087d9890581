package engine

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// dagCall is what of a Dagger call a step's name is made of. Spans carry the
// call as base64 of the protobuf message Call in dagql/call/callpbv1/call.proto
// of github.com/dagger/dagger v0.21.8.
type dagCall struct {
	Field string
	// Module says that the field is a function of a module.
	Module bool
	// Strings are the string arguments, those in lists included, in order.
	Strings []string
}

// Field numbers of the messages.
const (
	callField, callArgs, callModule           = 3, 4, 8
	argumentValue                             = 2
	literalString, literalList, literalDigest = 7, 8, 10
	listValues                                = 1
	digestedValue                             = 1
)

func parseDagCall(text string) (dagCall, bool) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return dagCall{}, false
	}
	var c dagCall
	ok := fields(data, func(n protowire.Number, value []byte) bool {
		switch n {
		case callField:
			c.Field = string(value)
		case callModule:
			c.Module = true
		case callArgs:
			return fields(value, func(n protowire.Number, value []byte) bool {
				return n != argumentValue || c.literal(value, 0)
			})
		}
		return true
	})
	return c, ok && c.Field != "" && utf8.ValidString(c.Field)
}

// literal collects the strings of a value. Lists of lists end at some depth,
// since the bytes come from outside.
func (c *dagCall) literal(data []byte, depth int) bool {
	if depth > 8 {
		return false
	}
	return fields(data, func(n protowire.Number, value []byte) bool {
		switch n {
		case literalString:
			c.Strings = append(c.Strings, string(value))
		case literalDigest:
			return fields(value, func(n protowire.Number, value []byte) bool {
				if n == digestedValue {
					c.Strings = append(c.Strings, string(value))
				}
				return true
			})
		case literalList:
			return fields(value, func(n protowire.Number, value []byte) bool {
				return n != listValues || c.literal(value, depth+1)
			})
		}
		return true
	})
}

// fields walks the length-delimited fields of a message and reports whether it
// is well formed.
func fields(data []byte, visit func(protowire.Number, []byte) bool) bool {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return false
		}
		data = data[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, data); n < 0 {
				return false
			}
			data = data[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(data)
		if n < 0 || !visit(number, value) {
			return false
		}
		data = data[n:]
	}
	return true
}

// maxStepName limits a step's name, in bytes.
const maxStepName = 200

// stepName says in one line what the call does: withExec go test ./... Values
// of secrets are masked in it.
func (c dagCall) stepName(mask func(string) string) string {
	name := c.Field
	switch {
	case c.Module:
		// A function's arguments may be long, such as a list of files.
	case c.Field == "withExec":
		name += " " + strings.Join(c.Strings, " ")
	case len(c.Strings) > 0:
		name += " " + c.Strings[0]
	}
	return oneLine(mask(name))
}

func oneLine(name string) string {
	name = strings.Join(strings.Fields(strings.ToValidUTF8(name, "\uFFFD")), " ")
	if len(name) > maxStepName {
		cut := maxStepName
		for !utf8.RuneStart(name[cut]) {
			cut--
		}
		name = name[:cut] + "…"
	}
	return name
}
