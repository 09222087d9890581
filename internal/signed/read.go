package signed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func refuse(reason error, format string, args ...any) error {
	return &refusal{reason, reason.Error() + ": " + fmt.Sprintf(format, args...)}
}

// readClaims reads what a token says.
func readClaims(data []byte) (c Claims, err error) {
	object, err := readObject(data)
	if err != nil {
		return Claims{}, refuse(ErrClaims, "%v", err)
	}
	for name, into := range map[string]*string{"iss": &c.Issuer, "sub": &c.Subject, "jti": &c.ID} {
		if err := readText(object, name, into); err != nil {
			return Claims{}, refuse(ErrClaims, "%v", err)
		}
	}
	for name, into := range map[string]*time.Time{"iat": &c.IssuedAt, "nbf": &c.NotBefore, "exp": &c.Expires} {
		if err := readTime(object, name, into); err != nil {
			return Claims{}, err
		}
	}
	if c.Audience, err = readAudience(object["aud"]); err != nil {
		return Claims{}, err
	}
	if own, ok := object[Own]; ok {
		if c.Content, err = readContent(own); err != nil {
			return Claims{}, err
		}
	}
	return c, c.check()
}

// readText reads a string, if it is there.
func readText(object map[string]json.RawMessage, name string, into *string) error {
	raw, ok := object[name]
	if !ok {
		return nil
	}
	if raw[0] != '"' || json.Unmarshal(raw, into) != nil {
		return fmt.Errorf("%s is not a string", name)
	}
	return nil
}

// readTime reads seconds since 1970, if they are there. A fraction is left out: it
// decides nothing.
func readTime(object map[string]json.RawMessage, name string, into *time.Time) error {
	raw, ok := object[name]
	if !ok {
		return nil
	}
	var seconds float64
	if bytes.Equal(raw, []byte("null")) || json.Unmarshal(raw, &seconds) != nil || seconds < 1 || seconds > latest {
		return refuse(ErrClaims, "%s is not a time in seconds since 1970", name)
	}
	*into = time.Unix(int64(math.Floor(seconds)), 0).UTC()
	return nil
}

// readAudience reads one name or a list of names, if it is there.
func readAudience(raw json.RawMessage) ([]string, error) {
	if raw == nil {
		return nil, nil
	}
	bad := refuse(ErrClaims, "aud is neither a string nor a list of strings")
	if raw[0] == '"' {
		var name string
		if json.Unmarshal(raw, &name) != nil {
			return nil, bad
		}
		return []string{name}, nil
	}
	var names []*string
	if raw[0] != '[' || json.Unmarshal(raw, &names) != nil || slices.Contains(names, nil) {
		return nil, bad
	}
	if len(names) == 0 {
		return nil, refuse(ErrClaims, "aud is an empty list, so that it is meant for nobody")
	}
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = *name
	}
	return list, nil
}

// contentKeys are the keys of the claim [Own].
var contentKeys = []string{"source", "module", "pattern", "payload"}

func readContent(raw json.RawMessage) (c Content, err error) {
	object, err := readObject(raw)
	if err != nil {
		return Content{}, refuse(ErrClaims, "%s: %v", Own, err)
	}
	for name := range object {
		if !slices.Contains(contentKeys, name) {
			return Content{}, refuse(ErrClaims, "%s has the unknown key %s; it takes %s", Own, brief(name), strings.Join(contentKeys, ", "))
		}
	}
	for name, into := range map[string]*string{"source": &c.Source, "module": &c.Module} {
		if err := readText(object, name, into); err != nil {
			return Content{}, refuse(ErrClaims, "%s.%v", Own, err)
		}
	}
	c.Pattern, c.Payload = object["pattern"], object["payload"]
	return c, nil
}

// unread is claims that are not read before their signature is proven.
type unread struct{ json.RawMessage }

func (unread) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (unread) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (unread) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (unread) GetIssuer() (string, error)                   { return "", nil }
func (unread) GetSubject() (string, error)                  { return "", nil }
func (unread) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }
