package signed

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Signer is a private key. Whatever prints one prints its id alone; [Signer.Secret]
// gives its text.
type Signer struct {
	id  string
	key ed25519.PrivateKey
}

// NewSigner makes a new key. Without an id it gets one that follows from the key.
func NewSigner(id string) (Signer, error) {
	if id != "" && !keyID.MatchString(id) {
		return Signer{}, errors.New("an id of a key has letters, digits and ._@/+=- and begins with a letter or a digit")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Signer{}, fmt.Errorf("generate key: %w", err)
	}
	return Signer{id: newKey(public, id).ID, key: private}, nil
}

// ParseSigner reads a private key: what [Signer.Secret] returned, which is
// ed25519-private:BASE64:ID with the 32 bytes of the seed, Etcha's
// ed25519private:BASE64DER with or without :ID, or a PEM block PRIVATE KEY as openssl
// writes it, without a passphrase. The error repeats nothing of it.
func ParseSigner(text string) (Signer, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxKeyText {
		return Signer{}, errors.New("the text is too long for a private key")
	}
	if strings.HasPrefix(text, "-----") {
		if strings.Contains(text, "ENCRYPTED") {
			return Signer{}, errors.New("the private key has a passphrase; keep it without one in a file that only its user can read")
		}
		der, err := decodePEM([]byte(text), "PRIVATE KEY")
		if err != nil {
			return Signer{}, err
		}
		return signerDER(der, "")
	}
	prefix, encoded, id, err := divide(text)
	if err != nil {
		return Signer{}, err
	}
	switch prefix {
	case privatePrefix:
		if len(encoded) != ed25519.SeedSize {
			return Signer{}, fmt.Errorf("a private key has %d bytes, this one has not", ed25519.SeedSize)
		}
		return newSigner(ed25519.NewKeyFromSeed(encoded), id), nil
	case etchaPrivatePrefix:
		return signerDER(encoded, id)
	case publicPrefix, etchaPublicPrefix:
		return Signer{}, errors.New("this is a public key, which can only verify; signing takes the private key")
	}
	return Signer{}, errors.New("not a private key, as pocketci keygen writes it or in PEM")
}

func signerDER(der []byte, id string) (Signer, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return Signer{}, errors.New("not a private key in DER (PKCS#8)")
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return Signer{}, errors.New("a key for another algorithm than Ed25519, the only one that is accepted")
	}
	return newSigner(key, id), nil
}

func newSigner(key ed25519.PrivateKey, id string) Signer {
	return Signer{id: newKey(key.Public().(ed25519.PublicKey), id).ID, key: key}
}

// Public returns the public key.
func (s Signer) Public() Key {
	return Key{ID: s.id, key: s.key.Public().(ed25519.PublicKey)}
}

// Secret returns the key as [ParseSigner] reads it. It must be kept secret.
func (s Signer) Secret() string {
	return privatePrefix + ":" + base64.StdEncoding.EncodeToString(s.key.Seed()) + ":" + s.id
}

// String names the key without telling it, as do Format, LogValue and MarshalText.
func (s Signer) String() string { return "private key " + s.id }

// Format is [Signer.String] for every verb.
func (s Signer) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue is [Signer.String].
func (s Signer) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is [Signer.String].
func (s Signer) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
