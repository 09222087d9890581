package github

import (
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// signaturePrefix begins signatures and names their algorithm.
const signaturePrefix = "sha256="

// signatureOf returns the signature in a header: HMAC-SHA256, as sha256= and 64
// hexadecimal digits, which may be written in either case.
func signatureOf(header map[string][]string) ([]byte, error) {
	signature, err := delivery.Proof(header, headerSignature)
	switch {
	case err != nil:
		return nil, err
	case signature != "":
		return delivery.ReadMAC(headerSignature, signaturePrefix, signature)
	case len(events.HeaderValues(header, headerSignatureOld)) > 0:
		return nil, delivery.Refuse("the delivery is signed with SHA-1 only (" + headerSignatureOld + "); " +
			headerSignature + " is required")
	}
	return nil, delivery.Refuse(headerSignature + " is missing; set a secret in the webhook's settings")
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
	if !s.secrets.Signed(body, got) {
		return delivery.Refuse(headerSignature + " does not fit the body and the secret")
	}
	return nil
}

// Sign returns what GitHub sends as X-Hub-Signature-256 with a body, for
// whoever sends deliveries in its stead.
func Sign(secret string, body []byte) string {
	return signaturePrefix + delivery.Sign(secret, body)
}
