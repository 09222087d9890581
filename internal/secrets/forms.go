package secrets

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// forms returns every text by which a secret is recognised, each at least
// MinLength bytes long: the value and each of its lines, as they are, in
// base64, percent-encoded, escaped as in JSON and Go, and in hexadecimal. White
// space around a value or line does not count.
func forms(value string) []string {
	seen := map[string]bool{}
	var list []string
	add := func(s string) {
		if len(s) >= MinLength && !seen[s] {
			seen[s] = true
			list = append(list, s)
		}
	}
	value = strings.TrimSpace(value)
	parts := []string{value}
	if strings.ContainsAny(value, "\r\n") {
		for line := range strings.FieldsFuncSeq(value, func(c rune) bool { return c == '\n' || c == '\r' }) {
			parts = append(parts, strings.TrimSpace(line))
		}
		parts = append(parts, strings.ReplaceAll(value, "\r\n", "\n"))
	}
	for _, part := range parts {
		if len(part) < MinLength {
			continue
		}
		add(part)
		for _, s := range inBase64(part) {
			add(s)
		}
		for _, s := range []string{url.QueryEscape(part), url.PathEscape(part), url.User(part).String(), (&url.URL{Path: part}).EscapedPath(), percent(part, false), percent(part, true)} {
			add(s)
			add(lowerPercent(s))
		}
		if quoted, err := json.Marshal(part); err == nil {
			add(string(quoted[1 : len(quoted)-1]))
		}
		var plain strings.Builder
		encoder := json.NewEncoder(&plain)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(part); err == nil {
			s := strings.TrimSuffix(plain.String(), "\n")
			add(s[1 : len(s)-1])
		}
		for _, s := range []string{strconv.Quote(part), strconv.QuoteToASCII(part)} {
			add(s[1 : len(s)-1])
		}
		add(hex.EncodeToString([]byte(part)))
		add(strings.ToUpper(hex.EncodeToString([]byte(part))))
	}
	return list
}

const (
	// tornLength is from how many bytes on pieces of a value in base64 are
	// recognised, and tornPiece how many characters they have.
	tornLength = 16
	tornPiece  = 8
	// armour begins the lines around a key in PEM, which are the same for all.
	armour = "-----"
)

// inBase64 returns what base64 of any text that holds the value must hold. The
// value can begin at three positions relative to the groups of three bytes, and
// what encodes neighbouring bytes as well is left out; where the value begins
// a text, and where it is all of it, the longer encoding is there too. Wrapped
// output has lines of 76 (MIME, the base64 command) or 64 (PEM) characters. Where
// other text stands before a value its lines can end anywhere in it, so that of
// long values every piece counts; two or three characters beside the end of a line
// may stay.
func inBase64(value string) []string {
	var list []string
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for shift := range 3 {
			text := encoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + value))
			first := []int{0, 2, 3}[shift]
			whole := (shift + len(value)) * 8 / 6
			inner := text[first:whole]
			list = append(list, inner)
			if len(value) >= tornLength && !strings.HasPrefix(value, armour) {
				for at := 0; at+tornPiece <= len(inner); at += tornPiece / 2 {
					list = append(list, inner[at:at+tornPiece])
				}
			}
			if shift > 0 {
				continue
			}
			list = append(list, text, strings.TrimRight(text, "="))
			for _, width := range []int{76, 64} {
				if whole <= width {
					continue
				}
				var lines []string
				for line := range slices.Chunk([]byte(text), width) {
					lines = append(lines, string(line))
				}
				// The last line may be too short to be told from other
				// text when it stands alone.
				if last := len(lines) - 1; len(lines[last]) < 12 {
					list = append(list, lines[:last]...)
				} else {
					list = append(list, lines...)
				}
				list = append(list, strings.Join(lines, "\n"), strings.Join(lines, "\r\n"))
			}
		}
	}
	return list
}

// percent encodes every byte but letters and digits, or but unreserved
// characters, as RFC 3986 has them. Programs differ in what they escape.
func percent(s string, unreserved bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', unreserved && strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	return b.String()
}

var escape = regexp.MustCompile(`%[0-9A-F]{2}`)

func lowerPercent(s string) string { return escape.ReplaceAllStringFunc(s, strings.ToLower) }
