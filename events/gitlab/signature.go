package gitlab

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// GitLab signs as https://www.standardwebhooks.com says: an HMAC-SHA256 over
// id, time and body, whose key is the signing token's base64 part.
const (
	signingPrefix    = "whsec_"
	signatureVersion = "v1,"
	headerSigned     = "Webhook-Signature"
	headerSignedID   = "Webhook-Id"
	headerSignedAt   = "Webhook-Timestamp"
	// tolerance is how far the time of a signature may be from now, so that
	// what was overheard cannot be sent again later. Every resend is signed
	// anew.
	tolerance = 5 * time.Minute
)

// signature is what the header of a signed delivery says.
type signature struct {
	id, at string
	macs   [][]byte
}

// signingKey returns the key of a signing token. Standard Webhooks wants 24 to
// 64 bytes; GitLab makes 32. The error does not repeat the token.
func signingKey(token string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(token, signingPrefix))
	if err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errors.New("it begins with " + signingPrefix + " and is no signing token: want 24 to 64 bytes in base64 after that")
	}
	return key, nil
}

// proof returns the signature of a delivery, which is not proven yet, or nil if
// its token alone proves it. A delivery with a signature has to stand by it
// wherever there is a signing token to check it with. Where there are secrets of
// both kinds, as while one takes the place of the other, either proves.
func (s *Source) proof(header map[string][]string) (*signature, error) {
	if len(s.tokens) == 0 && len(s.keys) == 0 {
		return nil, nil
	}
	if len(s.keys) > 0 && (len(s.tokens) == 0 || len(events.HeaderValues(header, headerSigned)) > 0) {
		return signatureOf(header)
	}
	token, err := delivery.Proof(header, headerToken)
	switch {
	case err != nil:
		return nil, err
	case token == "":
		return nil, delivery.Refuse(headerToken + " is missing; set a secret token in the webhook's settings")
	case !s.tokens.Include(token):
		return nil, delivery.Refuse(headerToken + " is not the secret token")
	}
	return nil, nil
}

// signatureOf reads the three headers of a signed delivery.
func signatureOf(header map[string][]string) (*signature, error) {
	var values [3]string
	for i, name := range []string{headerSigned, headerSignedID, headerSignedAt} {
		value, err := delivery.Proof(header, name)
		if err != nil {
			return nil, err
		}
		if value == "" {
			return nil, delivery.Refuse(name + " is missing; set a signing token in the webhook's settings")
		}
		values[i] = value
	}
	signed := &signature{id: values[1], at: values[2]}
	seconds, err := strconv.ParseInt(signed.at, 10, 64)
	if err != nil {
		return nil, delivery.Refuse(headerSignedAt + " is not a time in seconds")
	}
	if age := time.Since(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return nil, delivery.Refuse(headerSignedAt + " is more than 5 minutes from the time here")
	}
	// There may be several, separated by spaces, and of versions to come.
	for entry := range strings.FieldsSeq(values[0]) {
		text, ok := strings.CutPrefix(entry, signatureVersion)
		if !ok {
			continue
		}
		mac, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(mac) != sha256.Size {
			return nil, delivery.Refuse(headerSigned + " is not 32 bytes in base64")
		}
		signed.macs = append(signed.macs, mac)
	}
	if len(signed.macs) == 0 {
		return nil, delivery.Refuse(headerSigned + " has no signature of the version v1")
	}
	return signed, nil
}

// verify proves that the body was signed with one of the signing tokens.
func (s *Source) verify(signed *signature, body []byte) error {
	if !s.keys.SignedOnce(signed.macs, signedHead(signed.id, signed.at), body) {
		return delivery.Refuse(headerSigned + " does not fit the body and the signing token")
	}
	return nil
}

// signedHead is what is signed before the body.
func signedHead(id, at string) []byte { return []byte(id + "." + at + ".") }

// Prove returns the headers with which GitLab proves a delivery with this
// secret, for whoever sends deliveries in its stead. Signatures are over the id,
// the time and the body.
func Prove(secret, id string, at time.Time, body []byte) map[string]string {
	key, err := signingKey(secret)
	if err != nil || !strings.HasPrefix(secret, signingPrefix) {
		return map[string]string{headerToken: secret}
	}
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := base64.StdEncoding.EncodeToString(delivery.HMAC(key, signedHead(id, seconds), body))
	return map[string]string{headerSigned: signatureVersion + mac, headerSignedID: id, headerSignedAt: seconds}
}
