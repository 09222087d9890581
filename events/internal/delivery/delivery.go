// Package delivery holds what sources of webhooks have in common: the secrets
// that prove a delivery, its signature, and the values of its headers.
package delivery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/franela/pocketci/events"
)

// Secrets are those that a delivery may be signed with. Several are for the time
// in which one is being replaced.
type Secrets [][]byte

// NewSecrets returns the secrets. It is an error to give none or a blank one; the
// error shows none of them.
func NewSecrets(secrets ...string) (Secrets, error) {
	if len(secrets) == 0 {
		return nil, errors.New("no webhook secret is given")
	}
	var s Secrets
	for i, secret := range secrets {
		if strings.TrimSpace(secret) == "" {
			return nil, fmt.Errorf("webhook secret %d of %d is empty", i+1, len(secrets))
		}
		s = append(s, []byte(secret))
	}
	return s, nil
}

// String keeps secrets out of whatever prints them.
func (s Secrets) String() string { return fmt.Sprintf("%d secrets", len(s)) }

// GoString is for %#v what String is for the rest.
func (s Secrets) GoString() string { return s.String() }

// Signed reports whether mac is the HMAC-SHA256 of the body with one of the
// secrets.
func (s Secrets) Signed(body, mac []byte) bool {
	// Every secret is tried, so that the time tells nothing about which fits.
	valid := false
	for _, secret := range s {
		h := hmac.New(sha256.New, secret)
		h.Write(body)
		if hmac.Equal(h.Sum(nil), mac) {
			valid = true
		}
	}
	return valid
}

// Sign returns the HMAC-SHA256 of a body as 64 hexadecimal digits, for whoever
// sends deliveries in a vendor's stead.
func Sign(secret string, body []byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// Signature reads the HMAC-SHA256 in the header of that name: 64 hexadecimal
// digits of either case after the prefix. It returns nil if the header is not
// there or empty, as forges send it for a webhook without a secret. The error is
// an [*events.UnauthenticatedError], which repeats nothing that was sent.
func Signature(header map[string][]string, name, prefix string) ([]byte, error) {
	refuse := func(reason string) ([]byte, error) {
		return nil, &events.UnauthenticatedError{Reason: name + " " + reason}
	}
	values := events.HeaderValues(header, name)
	switch {
	case len(values) > 1:
		return refuse("is given more than once")
	case len(values) == 0 || values[0] == "" || values[0] == prefix:
		return nil, nil
	}
	digits, ok := strings.CutPrefix(values[0], prefix)
	if !ok {
		return refuse("does not start with " + prefix)
	}
	mac, err := hex.DecodeString(digits)
	if err != nil || len(mac) != sha256.Size {
		return refuse("is not 64 hexadecimal digits")
	}
	return mac, nil
}

// Header returns the one value of a header, or nothing. It is an error if there
// are several or if it cannot be printed.
func Header(header map[string][]string, name string) (string, error) {
	values := events.HeaderValues(header, name)
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		if err := events.CheckText(values[0]); err != nil {
			return "", Malformed("header "+name, err)
		}
		return values[0], nil
	}
	return "", Malformed("header "+name, errors.New("is given more than once"))
}

// Malformed returns the error that the value at path is faulty.
func Malformed(path string, err error) *events.MalformedError {
	return &events.MalformedError{Path: path, Reason: err.Error()}
}

// CheckBranch returns an error unless name is the short name of a branch.
func CheckBranch(name string) error { return checkShort("refs/heads/", name) }

// CheckTag returns an error unless name is the short name of a tag.
func CheckTag(name string) error { return checkShort("refs/tags/", name) }

func checkShort(prefix, name string) error {
	if name == "" {
		return errors.New("is missing")
	}
	return events.CheckRef(prefix + name)
}

// CheckRepository is stricter than [events.CheckFullName]: the name has an owner
// and no more, for forges that nest no groups.
func CheckRepository(name string) error {
	if err := events.CheckFullName(name); err != nil {
		return err
	}
	if strings.Count(name, "/") != 1 {
		return fmt.Errorf("%.80q is not the full name of a repository: want owner/name", name)
	}
	return nil
}
