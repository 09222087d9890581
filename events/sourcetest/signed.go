package sourcetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
)

// Signed is a source that finds its signatures in one header, as sha256= and 64
// hexadecimal digits.
type Signed struct {
	Source events.Source
	Header string
	Sign   func(secret string, body []byte) string
	// Secrets are those of the source.
	Secrets []string
	// Least is how many characters of a signature an error may not repeat; what
	// is shorter may be among its own words.
	Least int
}

// Fuzz checks that one signature alone is taken, in either case of its digits.
func (s *Signed) Fuzz(f *testing.F, body []byte) {
	right := s.Sign(s.Secrets[0], body)
	for _, seed := range []string{
		right, strings.ToUpper(right), "sha256=" + strings.ToUpper(right[7:]), right[7:], right[:70], right + "0", "",
		"sha256=", "sha1=0123", "sha256=" + strings.Repeat("0", 64), right + "\x00", "sha256 = " + right[7:],
	} {
		f.Add(seed, body)
	}
	f.Add(s.Sign(s.Secrets[0], nil), []byte{})
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		_, err := s.Source.Receive(map[string][]string{s.Header: {signature}}, body)
		digits, prefixed := strings.CutPrefix(signature, "sha256=")
		valid := false
		for _, secret := range s.Secrets {
			valid = valid || prefixed && "sha256="+strings.ToLower(digits) == s.Sign(secret, body)
		}
		if _, refused := errors.AsType[*events.UnauthenticatedError](err); refused == valid {
			t.Errorf("signature %q: %v", signature, err)
		}
		if len(digits) >= s.Least && err != nil && strings.Contains(err.Error(), digits) {
			t.Errorf("the error repeats the signature: %v", err)
		}
	})
}
