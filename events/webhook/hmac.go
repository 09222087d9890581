package webhook

import (
	"crypto/hmac"
	"crypto/sha1" // senders exist that know nothing else
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"time"

	"github.com/franela/pocketci/events/internal/delivery"
)

// HMAC is a signature of the body in a header.
type HMAC struct {
	// Header is the name of the header.
	Header string
	// Algorithm is one of [Algorithms], Encoding one of [Encodings].
	Algorithm, Encoding string
	// Prefix stands before the signature in the header, such as sha256=.
	Prefix string
	// Secrets are at least one, each of which makes a delivery valid.
	Secrets []string
	// Timestamp is nil if what is signed is the body alone.
	Timestamp *Timestamp
}

// Timestamp is when a delivery was sent. It is signed together with the body: the
// text Before, the timestamp, the text After, the body.
type Timestamp struct {
	// Header has the seconds since 1970.
	Header string
	// Tolerance is how far it may be from the present, in either direction.
	Tolerance time.Duration
	// Before and After stand around the timestamp in what is signed.
	Before, After string
}

var algorithms = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

// Algorithms lists the hashes that a signature may be made with.
func Algorithms() []string { return []string{"sha256", "sha512", "sha1"} }

// Encodings lists the ways in which a signature may be written.
func Encodings() []string { return []string{"hex", "base64"} }

// Proof is how deliveries are proven that are signed like this.
func (h HMAC) Proof() (Proof, error) {
	secrets, err := delivery.NewSecrets(h.Secrets...)
	if err != nil {
		return nil, err
	}
	s := &signed{HMAC: h, secrets: secrets, hash: algorithms[h.Algorithm]}
	s.Secrets = nil
	switch h.Encoding {
	case "hex":
		s.decode = hex.DecodeString
	case "base64":
		s.decode = base64.StdEncoding.Strict().DecodeString
	}
	switch {
	case s.hash == nil:
		return nil, fmt.Errorf("there is no algorithm %q", h.Algorithm)
	case s.decode == nil:
		return nil, fmt.Errorf("there is no encoding %q", h.Encoding)
	case h.Header == "":
		return nil, errors.New("the header of the signature has no name")
	case h.Timestamp != nil && (h.Timestamp.Header == "" || h.Timestamp.Tolerance <= 0):
		return nil, errors.New("a timestamp needs a header and a tolerance")
	}
	return s, nil
}

type signed struct {
	HMAC
	secrets delivery.Secrets
	hash    func() hash.Hash
	decode  func(string) ([]byte, error)
}

func (s *signed) header() string    { return s.Header }
func (s *signed) challenge() string { return "" }

func (s *signed) screen(header map[string][]string, now time.Time) error {
	if _, err := s.signature(header); err != nil {
		return err
	}
	_, err := s.timestamp(header, now)
	return err
}

func (s *signed) prove(header map[string][]string, body []byte, now time.Time) error {
	got, err := s.signature(header)
	if err != nil {
		return err
	}
	before, err := s.timestamp(header, now)
	if err != nil {
		return err
	}
	// Every secret is tried, so that the time does not tell which one fits.
	valid := false
	for _, secret := range s.secrets {
		mac := hmac.New(s.hash, secret)
		mac.Write(before)
		mac.Write(body)
		valid = hmac.Equal(mac.Sum(nil), got) || valid
	}
	if !valid {
		return delivery.Refuse(s.Header + " does not fit the body and the secret")
	}
	return nil
}

// signature reads the header. Errors repeat nothing that was sent.
func (s *signed) signature(header map[string][]string) ([]byte, error) {
	value, err := delivery.Proof(header, s.Header)
	switch {
	case err != nil:
		return nil, err
	case value == "" || value == s.Prefix:
		return nil, delivery.Refuse(s.Header + " is missing")
	case len(value) < len(s.Prefix) || value[:len(s.Prefix)] != s.Prefix:
		return nil, delivery.Refuse(s.Header + " does not start with " + s.Prefix)
	}
	mac, err := s.decode(value[len(s.Prefix):])
	if err != nil || len(mac) != s.hash().Size() {
		return nil, delivery.Refuse(fmt.Sprintf("%s is not a signature of %s in %s", s.Header, s.Algorithm, s.Encoding))
	}
	return mac, nil
}

// timestamp returns what is signed before the body.
func (s *signed) timestamp(header map[string][]string, now time.Time) ([]byte, error) {
	t := s.Timestamp
	if t == nil {
		return nil, nil
	}
	value, err := delivery.Proof(header, t.Header)
	if err != nil {
		return nil, err
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return nil, delivery.Refuse(t.Header + " is not a time in seconds since 1970")
	}
	sent := time.Unix(seconds, 0)
	if sent.Before(now.Add(-t.Tolerance)) || sent.After(now.Add(t.Tolerance)) {
		return nil, delivery.Refuse(t.Header + " is more than " + t.Tolerance.String() + " from now")
	}
	return []byte(t.Before + value + t.After), nil
}
