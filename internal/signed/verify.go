// Package signed reads and makes signed tokens: JSON Web Tokens (RFC 7519) that are
// signed with Ed25519 (RFC 8037) and carry what a source is to be told or a host is
// to become. Who holds a private key whose public key a source trusts may push to
// that source, and nobody else; a [Guard] remembers what was accepted, so that a
// token counts once.
package signed

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// MaxToken is the greatest size of a token in bytes, 1 MiB.
	MaxToken = 1 << 20
	// maxHeader is the greatest size of a token's first part.
	maxHeader = 4 << 10
	// Leeway is how far the clocks of who signs and who verifies may be apart.
	Leeway = time.Minute
)

// Rules are what a token has to comply with.
type Rules struct {
	// Source is the name of the source that it has to be meant for.
	Source string
	// AnySource accepts it whichever source it is for, to look at it.
	AnySource bool
	// Keys are those that may have signed it.
	Keys []Key
	// AllowNoExpiry accepts tokens without exp, which are valid for ever.
	AllowNoExpiry bool
	// Now is the present time.
	Now time.Time
}

// Token is one that was verified.
type Token struct {
	Claims
	// Raw is all of its claims as they were signed: a JSON object.
	Raw json.RawMessage
	// Key is the one that signed it.
	Key Key
	// Hash is the SHA-256 of what is signed, in hexadecimal.
	Hash string
}

// Verify reads a token and proves that one of the keys signed it, that it is meant
// for the source, and that its time has come and is not over, by [Leeway]. What was
// accepted before is for a [Guard] to say. White space around the token is ignored.
//
// A token that names a key (kid) of which there is one with that id has to be signed
// by it; otherwise any of the keys may have signed it. Nothing that a token says is
// looked at before its signature is proven. The errors are those of this package's
// reasons.
func Verify(text string, rules Rules) (*Token, error) {
	if len(text) > MaxToken {
		return nil, refuse(ErrTooLarge, "it has %d bytes, of %d that it may have", len(text), MaxToken)
	}
	text = strings.TrimSpace(text)
	token, key, err := prove(text, rules.Keys)
	if err != nil {
		return nil, err
	}
	raw := token.Claims.(*unread).RawMessage
	claims, err := readClaims(raw)
	if err != nil {
		return nil, err
	}
	if err := rules.check(&claims); err != nil {
		return nil, err
	}
	return &Token{Claims: claims, Raw: raw, Key: key, Hash: Hash(text)}, nil
}

// signedPart is what the signature of a token is of.
func signedPart(text string) string { return text[:max(strings.LastIndexByte(text, '.'), 0)] }

// prove returns a token and the key that signed it.
func prove(text string, keys []Key) (*jwt.Token, Key, error) {
	header, _, _ := strings.Cut(text, ".")
	if len(header) > maxHeader {
		return nil, Key{}, refuse(ErrMalformed, "its header is larger than %d bytes", maxHeader)
	}
	// Strict, so that a token has one spelling.
	parser := jwt.NewParser(jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	if strings.ContainsAny(text, "\r\n") {
		return nil, Key{}, refuse(ErrMalformed, "it is broken into lines")
	}
	head, err := parser.DecodeSegment(header)
	if err != nil || strings.Count(text, ".") != 2 {
		return nil, Key{}, refuse(ErrMalformed, "not three parts in base64 (RFC 7515) with dots between them")
	}
	kid, err := checkHeader(head)
	if err != nil {
		return nil, Key{}, err
	}
	token, _, err := parser.ParseUnverified(text, &unread{})
	if err != nil {
		return nil, Key{}, refuse(ErrMalformed, "not a JSON Web Token (RFC 7519)")
	}
	if token.Method != jwt.SigningMethodEdDSA {
		return nil, Key{}, refuse(ErrAlgorithm, "it has to be EdDSA")
	}
	if named := ofID(keys, kid); len(named) > 0 {
		keys = named
	}
	for _, key := range keys {
		if token.Method.Verify(signedPart(text), token.Signature, key.key) == nil {
			return token, key, nil
		}
	}
	return nil, Key{}, &refusal{ErrKey, ErrKey.Error()}
}

func ofID(keys []Key, id string) []Key {
	if id == "" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return k.ID != id })
}

// checkHeader reads the first part of a token and returns the id of the key that it
// names.
func checkHeader(data []byte) (kid string, err error) {
	header, err := readObject(data)
	if err != nil {
		return "", refuse(ErrMalformed, "its header: %v", err)
	}
	var alg, typ string
	for name, into := range map[string]*string{"alg": &alg, "typ": &typ, "kid": &kid} {
		if err := readText(header, name, into); err != nil {
			return "", refuse(ErrMalformed, "its header: %v", err)
		}
	}
	if alg != jwt.SigningMethodEdDSA.Alg() {
		return "", refuse(ErrAlgorithm, "its header says %s, and only EdDSA is accepted", brief(alg))
	}
	if typ != "" && !strings.EqualFold(typ, "JWT") {
		return "", refuse(ErrMalformed, "its header says that it is %s, not a JWT", brief(typ))
	}
	// What has to be understood is not, whatever it is (RFC 7515, section 4.1.11).
	if _, ok := header["crit"]; ok {
		return "", refuse(ErrMalformed, "its header has crit, and no extension is understood")
	}
	return kid, nil
}

// check reports what of well-formed claims does not comply with the rules.
func (r *Rules) check(c *Claims) error {
	switch {
	case !r.AnySource && !c.names(r.Source):
		return refuse(ErrSource, "%s", c.meant())
	case c.Expires.IsZero() && !r.AllowNoExpiry:
		return refuse(ErrClaims, "exp is missing: it would be valid for ever, which this source does not allow")
	case !c.Expires.IsZero() && !r.Now.Before(c.Expires.Add(Leeway)):
		return refuse(ErrExpired, "at %s", c.Expires.Format(time.RFC3339))
	case r.Now.Add(Leeway).Before(c.NotBefore):
		return refuse(ErrNotYetValid, "nbf is %s", c.NotBefore.Format(time.RFC3339))
	case r.Now.Add(Leeway).Before(c.IssuedAt):
		return refuse(ErrNotYetValid, "iat is %s: the clock of who signed it is ahead, or this one is behind", c.IssuedAt.Format(time.RFC3339))
	}
	return nil
}

// meant says which source the claims are for.
func (c *Claims) meant() string {
	names := slices.Clone(c.Audience)
	if c.Source != "" {
		names = append(names, c.Source)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = brief(name)
	}
	names = slices.Compact(names)
	if len(names) > 5 {
		names = append(names[:5], "…")
	}
	return "it names " + strings.Join(names, ", ")
}

// Hash is the [Token.Hash] that a text has if it is a token, to know again one that
// was verified before.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(signedPart(strings.TrimSpace(text))))
	return hex.EncodeToString(sum[:])
}
