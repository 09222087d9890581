package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/franela/pocketci/modules"
)

// literal writes a constant as a GraphQL value of type t. Besides the types
// that modules.Value promises it takes []string and int.
func literal(t modules.Type, v any) (string, error) {
	if v == nil {
		if !t.Optional {
			return "", fmt.Errorf("%s wants a value", t)
		}
		return "null", nil
	}
	switch t.Kind {
	case modules.KindString, modules.KindScalar:
		if s, ok := v.(string); ok {
			return quote(s), nil
		}
	case modules.KindEnum:
		s, ok := v.(string)
		if ok && slices.Contains(t.Values, s) {
			return s, nil
		}
		return "", fmt.Errorf("%v is not one of %s", v, strings.Join(t.Values, ", "))
	case modules.KindBoolean:
		if b, ok := v.(bool); ok {
			return strconv.FormatBool(b), nil
		}
	case modules.KindInteger:
		switch n := v.(type) {
		case int:
			return strconv.Itoa(n), nil
		case int64:
			return strconv.FormatInt(n, 10), nil
		}
	case modules.KindFloat:
		switch n := v.(type) {
		case int:
			return float(float64(n))
		case int64:
			return float(float64(n))
		case float64:
			return float(n)
		}
	case modules.KindList:
		if strs, ok := v.([]string); ok {
			items := make([]any, len(strs))
			for i, s := range strs {
				items[i] = s
			}
			v = items
		}
		if items, ok := v.([]any); ok && t.Elem != nil {
			parts := make([]string, len(items))
			for i, item := range items {
				part, err := literal(*t.Elem, item)
				if err != nil {
					return "", fmt.Errorf("item %d: %w", i+1, err)
				}
				parts[i] = part
			}
			return "[" + strings.Join(parts, ", ") + "]", nil
		}
	}
	return "", fmt.Errorf("%T does not fit %s", v, t)
}

// float writes a GraphQL float. The engine takes nothing for one that has
// neither a fraction nor an exponent.
func float(f float64) (string, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "", fmt.Errorf("%v is not a number", f)
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s, nil
}

// quote writes a GraphQL string. JSON's escapes are a subset of GraphQL's
// (spec of October 2021, section 2.9.4).
func quote(s string) string {
	data, _ := json.Marshal(s)
	return string(data)
}
