package delivery

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/franela/pocketci/events"
)

// Refuse returns the error that a delivery is not proven. The reason is shown to
// the sender and must repeat nothing that was sent.
func Refuse(reason string) error { return &events.UnauthenticatedError{Reason: reason} }

// Proof returns the one value of a header that proves a delivery, or nothing. The
// error is an [*events.UnauthenticatedError], which repeats nothing that was sent.
func Proof(header map[string][]string, name string) (string, error) {
	switch values := events.HeaderValues(header, name); len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", Refuse(name + " is given more than once")
}

// Signature reads the HMAC-SHA256 in the header of that name: 64 hexadecimal
// digits of either case after the prefix. It returns nil if the header is not
// there or empty, as forges send it for a webhook without a secret. The error is
// an [*events.UnauthenticatedError], which repeats nothing that was sent.
func Signature(header map[string][]string, name, prefix string) ([]byte, error) {
	value, err := Proof(header, name)
	if err != nil || value == "" || value == prefix {
		return nil, err
	}
	return ReadMAC(name, prefix, value)
}

// ReadMAC is [Signature] for the value of the header of that name, which is there.
func ReadMAC(name, prefix, value string) ([]byte, error) {
	digits, ok := strings.CutPrefix(value, prefix)
	if !ok {
		return nil, Refuse(name + " does not start with " + prefix)
	}
	mac, err := hex.DecodeString(digits)
	if err != nil || len(mac) != sha256.Size {
		return nil, Refuse(name + " is not 64 hexadecimal digits")
	}
	return mac, nil
}
