package predicate

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

// kind is what a JSON value is.
type kind int

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindList
	kindObject
)

// shown is how many bytes of a value are repeated in words.
const shown = 80

// Value is a JSON value. The zero Value is null.
type Value struct {
	kind kind
	// text is that of a string, and how any other scalar is written.
	text string
}

// number returns the number that a JSON text has, and false if it has none.
func number(text string) (Value, bool) {
	valid := json.Valid([]byte(text)) && strings.ContainsRune("-0123456789", rune(text[0]))
	return Value{kindNumber, text}, valid
}

// newValue reads a value out of a valid text.
func newValue(raw []byte) Value {
	raw = bytes.TrimSpace(raw)
	switch first(raw) {
	case '{':
		return Value{kind: kindObject}
	case '[':
		return Value{kind: kindList}
	case '"':
		var s string
		_ = json.Unmarshal(raw, &s) // it is a part of a text that is JSON
		return Value{kindString, s}
	case 't', 'f':
		return Value{kindBool, string(raw)}
	case 'n':
		return Value{kindNull, "null"}
	}
	return Value{kindNumber, string(raw)}
}

// Text returns a string as it is, and a number or a boolean as it is written. It
// is false for null, lists and objects, which have no text.
func (v Value) Text() (string, bool) {
	switch v.kind {
	case kindString, kindNumber, kindBool:
		return v.text, true
	}
	return "", false
}

// equal reports whether two values are the same: strings byte by byte, numbers by
// their value however they are written (1, 1.0 and 1e0), and nothing is equal to a
// value of another kind, or to a list or an object.
func (v Value) equal(w Value) bool {
	switch {
	case v.kind != w.kind, v.kind == kindList, v.kind == kindObject:
		return false
	case v.kind == kindNumber:
		return v.text == w.text || decimalOf(v.text) == decimalOf(w.text)
	case v.kind == kindNull:
		return true
	}
	return v.text == w.text
}

// String is the value for people, and short, whatever it is. Control characters are
// escaped.
func (v Value) String() string {
	switch v.kind {
	case kindNull:
		return "null"
	case kindList:
		return "a list"
	case kindObject:
		return "an object"
	}
	text, more := v.text, ""
	if len(text) > shown {
		text, more = strings.ToValidUTF8(text[:shown], ""), "…"
	}
	if v.kind == kindString {
		return strconv.Quote(text) + more
	}
	return text + more
}

// decimal is a number in the one way in which each can be written: the digits
// without zeros at either end, and the power of ten of the last one.
type decimal struct {
	negative bool
	digits   string
	exponent string
}

// decimalOf reads a number as JSON writes it, exactly. The work is that of reading
// the text, whatever its exponent says.
func decimalOf(text string) decimal {
	rest, negative := strings.CutPrefix(text, "-")
	mantissa, written := rest, "0"
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		mantissa, written = rest[:i], rest[i+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	short := strings.TrimRight(digits, "0")
	if short == "" {
		return decimal{} // zero has no sign and no exponent
	}
	shift := int64(len(digits)-len(short)) - int64(len(fraction))
	exponent := strings.TrimPrefix(written, "+")
	// Longer ones are no numbers that somebody means, and are taken as they are
	// written.
	if len(exponent) <= 100 {
		if n, ok := new(big.Int).SetString(exponent, 10); ok {
			exponent = n.Add(n, big.NewInt(shift)).String()
		}
	}
	return decimal{negative, short, exponent}
}
