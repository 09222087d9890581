package delivery

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Secrets are those that a delivery may be proven with. Several are for the time
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
func (s Secrets) Signed(body, mac []byte) bool { return s.SignedOnce([][]byte{mac}, body) }

// SignedOnce reports whether one of the macs is the HMAC-SHA256 of the parts, one
// after the other, with one of the secrets. However many macs there are, the parts
// are read once for each secret.
func (s Secrets) SignedOnce(macs [][]byte, parts ...[]byte) bool {
	// Every secret is tried, so that the time tells nothing about which fits.
	valid := false
	for _, secret := range s {
		want := HMAC(secret, parts...)
		for _, mac := range macs {
			if hmac.Equal(want, mac) {
				valid = true
			}
		}
	}
	return valid
}

// Include reports whether the secret that was sent is one of them.
func (s Secrets) Include(sent string) bool {
	// Every secret is tried, and by its digest, so that the time tells neither
	// which fits nor how long they are.
	got, valid := sha256.Sum256([]byte(sent)), 0
	for _, secret := range s {
		want := sha256.Sum256(secret)
		valid |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	return valid != 0
}

// HMAC returns the HMAC-SHA256 of the parts, one after the other.
func HMAC(secret []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, secret)
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// Sign returns the HMAC-SHA256 of a body as 64 hexadecimal digits, for whoever
// sends deliveries in a vendor's stead.
func Sign(secret string, body []byte) string {
	return hex.EncodeToString(HMAC([]byte(secret), body))
}
