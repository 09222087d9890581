package ansi

import (
	"strconv"
	"strings"
)

// colours are the codes of a sequence that sets how text looks (SGR of ECMA-48), without
// those that are not shown. The 256 colours of xterm and those of red, green and blue
// become the nearest of the 16 that the style sheet has, which can be read on both light
// and dark. It is empty if nothing is left.
func colours(params string) string {
	var out, fields []string
	for field := range strings.SplitSeq(params, ";") {
		// A field can have parts: a colour, or, as 4:3, a kind of underline.
		parts := strings.FieldsFunc(field, func(r rune) bool { return r == ':' })
		switch {
		case len(parts) == 0:
			parts = []string{"0"}
		case parts[0] != "38" && parts[0] != "48":
			parts = parts[:1]
		}
		fields = append(fields, parts...)
	}
	next := func() (int, bool) {
		if len(fields) == 0 {
			return 0, false
		}
		n, err := strconv.Atoi(fields[0])
		fields = fields[1:]
		return n, err == nil && n < 256
	}
	for len(fields) > 0 {
		code, ok := next()
		switch {
		case !ok:
		case code == 38 || code == 48:
			if colour, ok := extended(next); ok {
				out = append(out, strconv.Itoa(colour+code-38))
			}
		case code <= 4, code == 9, code >= 21 && code <= 24, code == 29, code >= 30 && code <= 37, code == 39,
			code >= 40 && code <= 47, code == 49, code >= 90 && code <= 97, code >= 100 && code <= 107:
			out = append(out, strconv.Itoa(code))
		}
	}
	return strings.Join(out, ";")
}

// extended reads a colour of xterm's and returns the code of the nearest one for text.
func extended(next func() (int, bool)) (code int, ok bool) {
	switch kind, _ := next(); kind {
	case 5:
		n, ok := next()
		if !ok {
			return 0, false
		}
		switch {
		case n < 8:
			return 30 + n, true
		case n < 16:
			return 90 + n - 8, true
		case n < 232:
			level := func(i int) int { return []int{0, 95, 135, 175, 215, 255}[i] }
			return nearest(level((n-16)/36), level((n-16)/6%6), level((n-16)%6)), true
		}
		return nearest(8+10*(n-232), 8+10*(n-232), 8+10*(n-232)), true
	case 2:
		r, first := next()
		g, second := next()
		b, third := next()
		if first && second && third {
			return nearest(r, g, b), true
		}
	}
	return 0, false
}

// nearest is the code of a colour: by its brightness if it is a grey, else by which of
// red, green and blue are strong in it.
func nearest(r, g, b int) int {
	high, low := max(r, g, b), min(r, g, b)
	if high-low < 40 {
		switch {
		case high < 64:
			return 30
		case high < 140:
			return 90
		case high < 210:
			return 37
		}
		return 97
	}
	code, middle := 30, (high+low)/2
	for i, part := range []int{r, g, b} {
		if part > middle {
			code += 1 << i
		}
	}
	if high > 200 && low > 80 {
		code += 60
	}
	return code
}
