package github

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/franela/pocketci/events"
)

// signatureOf returns the signature in a header: HMAC-SHA256, as sha256= and 64
// hexadecimal digits, which may be written in either case.
func signatureOf(header map[string][]string) ([]byte, error) {
	// The reasons are shown to the sender, so none repeats what was sent.
	refuse := func(reason string) ([]byte, error) { return nil, &events.UnauthenticatedError{Reason: reason} }
	signatures := events.HeaderValues(header, headerSignature)
	switch {
	case len(signatures) > 1:
		return refuse(headerSignature + " is given more than once")
	case len(signatures) == 1 && signatures[0] != "":
	case len(events.HeaderValues(header, headerSignatureOld)) > 0:
		return refuse("the delivery is signed with SHA-1 only (" + headerSignatureOld + "); " +
			headerSignature + " is required")
	default:
		return refuse(headerSignature + " is missing; set a secret in the webhook's settings")
	}
	digits, ok := strings.CutPrefix(signatures[0], "sha256=")
	if !ok {
		return refuse(headerSignature + " does not start with sha256=")
	}
	got, err := hex.DecodeString(digits)
	if err != nil || len(got) != sha256.Size {
		return refuse(headerSignature + " is not 64 hexadecimal digits")
	}
	return got, nil
}

// verify proves that the body was signed with one of the secrets.
func (s *Source) verify(header map[string][]string, body []byte) error {
	if len(s.secrets) == 0 {
		return nil
	}
	got, err := signatureOf(header)
	if err != nil {
		return err
	}
	// Every secret is tried, so that the time tells nothing about which fits.
	valid := false
	for _, secret := range s.secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		if hmac.Equal(mac.Sum(nil), got) {
			valid = true
		}
	}
	if !valid {
		return &events.UnauthenticatedError{Reason: headerSignature + " does not fit the body and the secret"}
	}
	return nil
}

// Sign returns what GitHub sends as X-Hub-Signature-256 with a body, for
// whoever sends deliveries in its stead.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
