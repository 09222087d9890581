package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/franela/pocketci/events/internal/delivery"
)

// Proof is how deliveries are proven: [HMAC.Proof], [Bearer], [Basic] or [None].
type Proof interface {
	// screen refuses what the header alone shows not to be proven.
	screen(header map[string][]string, now time.Time) error
	// prove refuses what is not proven.
	prove(header map[string][]string, body []byte, now time.Time) error
	// header is the name of the one that the proof is in, or empty.
	header() string
	// challenge is what WWW-Authenticate says.
	challenge() string
}

// None takes everything from anybody.
func None() Proof { return none{} }

type none struct{}

func (none) screen(map[string][]string, time.Time) error        { return nil }
func (none) prove(map[string][]string, []byte, time.Time) error { return nil }
func (none) header() string                                     { return "" }
func (none) challenge() string                                  { return "" }

// Bearer takes what comes with one of the tokens. They are in Authorization, as
// Bearer TOKEN, or in the header of that name, which holds nothing else then.
func Bearer(header string, tokens ...string) (Proof, error) {
	secrets, err := delivery.NewSecrets(tokens...)
	if err != nil {
		return nil, err
	}
	return &bearer{name: header, tokens: secrets}, nil
}

type bearer struct {
	name   string
	tokens delivery.Secrets
}

func (b *bearer) header() string {
	if b.name == "" {
		return "Authorization"
	}
	return b.name
}

func (b *bearer) challenge() string {
	if b.name == "" {
		return `Bearer realm="pocketci"`
	}
	return ""
}

func (b *bearer) screen(header map[string][]string, _ time.Time) error {
	sent, err := delivery.Proof(header, b.header())
	switch {
	case err != nil:
		return err
	case sent == "":
		return delivery.Refuse(b.header() + " is missing")
	}
	if b.name == "" {
		var ok bool
		if sent, ok = credentials(sent, "Bearer"); !ok {
			return delivery.Refuse("Authorization does not begin with Bearer")
		}
	}
	if !b.tokens.Include(sent) {
		return delivery.Refuse(b.header() + " has another token")
	}
	return nil
}

func (b *bearer) prove(header map[string][]string, _ []byte, now time.Time) error {
	return b.screen(header, now)
}

// credentials are what stands behind the scheme in Authorization, which is written in
// either case.
func credentials(value, scheme string) (string, bool) {
	got, rest, ok := strings.Cut(value, " ")
	return strings.TrimSpace(rest), ok && strings.EqualFold(got, scheme)
}

// Basic takes what comes with the name and one of the passwords, as RFC 7617 has it.
func Basic(username string, passwords ...string) (Proof, error) {
	if username == "" || strings.ContainsRune(username, ':') {
		return nil, errors.New("the name for basic authentication is empty or has a colon")
	}
	secrets, err := delivery.NewSecrets(passwords...)
	if err != nil {
		return nil, err
	}
	return &basic{username: username, passwords: secrets}, nil
}

type basic struct {
	username  string
	passwords delivery.Secrets
}

func (*basic) header() string    { return "Authorization" }
func (*basic) challenge() string { return `Basic realm="pocketci", charset="UTF-8"` }

func (b *basic) screen(header map[string][]string, _ time.Time) error {
	sent, err := delivery.Proof(header, "Authorization")
	switch {
	case err != nil:
		return err
	case sent == "":
		return delivery.Refuse("Authorization is missing")
	}
	encoded, ok := credentials(sent, "Basic")
	if !ok {
		return delivery.Refuse("Authorization does not begin with Basic")
	}
	pair, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return delivery.Refuse("Authorization is not base64")
	}
	username, password, ok := strings.Cut(string(pair), ":")
	if !ok {
		return delivery.Refuse("Authorization has no name and password")
	}
	// Both are always compared, so that the time does not tell a right name.
	got, want := sha256.Sum256([]byte(username)), sha256.Sum256([]byte(b.username))
	named := subtle.ConstantTimeCompare(got[:], want[:]) == 1
	if known := b.passwords.Include(password); !named || !known {
		return delivery.Refuse("Authorization has another name or password")
	}
	return nil
}

func (b *basic) prove(header map[string][]string, _ []byte, now time.Time) error {
	return b.screen(header, now)
}
