package pattern

import (
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// readable returns JSON as the YAML reader understands it. YAML nearly includes JSON:
// the parser in use knows no escaped slashes, and no characters that are written as
// two escapes. Anything else is returned as it is.
func readable(data []byte) []byte {
	if !json.Valid(data) {
		return data
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); i++ {
		// A backslash is in a string, and something stands behind it.
		switch {
		case data[i] != '\\':
			out = append(out, data[i])
			continue
		case data[i+1] == '/':
			out = append(out, '/')
		case data[i+1] == 'u' && pair(data[i:]) != utf8.RuneError:
			out = utf8.AppendRune(out, pair(data[i:]))
			i += 10
		default:
			out = append(out, data[i], data[i+1])
		}
		i++
	}
	return out
}

// pair returns the character that two escapes stand for.
func pair(data []byte) rune {
	if len(data) < 12 || data[6] != '\\' || data[7] != 'u' {
		return utf8.RuneError
	}
	high, errHigh := strconv.ParseUint(string(data[2:6]), 16, 16)
	low, errLow := strconv.ParseUint(string(data[8:12]), 16, 16)
	if errHigh != nil || errLow != nil {
		return utf8.RuneError
	}
	return utf16.DecodeRune(rune(high), rune(low))
}
