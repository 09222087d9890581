package signed

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The words that texts of keys begin with. Those of Etcha have the key in DER, as
// its documentation of cryptographic keys says; the others have the key alone, and
// a private key's seed.
const (
	publicPrefix       = "ed25519"
	privatePrefix      = "ed25519-private"
	etchaPublicPrefix  = "ed25519public"
	etchaPrivatePrefix = "ed25519private"
)

// maxKeyText is the greatest length of a key's text.
const maxKeyText = 4 << 10

// keyID is what an id of a key may be: it stands after a colon, in logs and in the
// head of tokens.
var keyID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@/+=-]{0,127}$`)

// Key is a public key: one that is trusted to sign tokens.
type Key struct {
	// ID tells the key from others, in the head of tokens as kid.
	ID  string
	key ed25519.PublicKey
}

// ParseKey reads a public key: ed25519:BASE64 or ed25519:BASE64:ID with the 32 bytes
// of the key, Etcha's ed25519public:BASE64DER or ed25519public:BASE64DER:ID, or a PEM
// block PUBLIC KEY as openssl writes it. A key without an id gets one that follows
// from the key.
//
// The error does not repeat the text, which may be a private key by mistake.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxKeyText {
		return Key{}, errors.New("the text is too long for a public key")
	}
	if strings.HasPrefix(text, "-----") {
		der, err := decodePEM([]byte(text), "PUBLIC KEY")
		if err != nil {
			return Key{}, err
		}
		key, err := publicDER(der)
		return newKey(key, ""), err
	}
	prefix, encoded, id, err := divide(text)
	if err != nil {
		return Key{}, err
	}
	var key ed25519.PublicKey
	switch prefix {
	case publicPrefix:
		if len(encoded) != ed25519.PublicKeySize {
			return Key{}, fmt.Errorf("a public key has %d bytes, this one %d", ed25519.PublicKeySize, len(encoded))
		}
		key = encoded
	case etchaPublicPrefix:
		if key, err = publicDER(encoded); err != nil {
			return Key{}, err
		}
	case privatePrefix, etchaPrivatePrefix:
		return Key{}, errors.New("this is a private key, which belongs to who signs; write its public key")
	default:
		return Key{}, errors.New("not a public key; write ed25519:BASE64 or ed25519:BASE64:ID, as pocketci keygen prints it")
	}
	if weak(key) {
		return Key{}, errors.New("not a public key: anybody can sign for it")
	}
	return newKey(key, id), nil
}

func newKey(key ed25519.PublicKey, id string) Key {
	if id == "" && key != nil {
		sum := sha256.Sum256(key)
		id = base64.RawURLEncoding.EncodeToString(sum[:9])
		// An id begins with a letter or a digit.
		id = strings.NewReplacer("-", "a", "_", "b").Replace(id)
	}
	return Key{ID: id, key: key}
}

// String returns the key as [ParseKey] reads it, with its id. It is no secret.
func (k Key) String() string {
	return publicPrefix + ":" + base64.StdEncoding.EncodeToString(k.key) + ":" + k.ID
}

// Equal reports whether two keys are the same key, whatever their ids.
func (k Key) Equal(other Key) bool { return k.key.Equal(other.key) }

// divide takes the text of a key apart.
func divide(text string) (prefix string, encoded []byte, id string, err error) {
	prefix, rest, found := strings.Cut(text, ":")
	if !found {
		return "", nil, "", errors.New("not a key; write ed25519:BASE64 or ed25519:BASE64:ID, as pocketci keygen prints it")
	}
	data, id, named := strings.Cut(rest, ":")
	if named && !keyID.MatchString(id) {
		return "", nil, "", errors.New("the id of the key, after its second colon, has other characters than letters, digits and ._@/+=-, or too many")
	}
	if strings.ContainsAny(data, "\r\n") {
		return "", nil, "", errors.New("the key is not in base64")
	}
	encoding := base64.StdEncoding.Strict()
	if !strings.HasSuffix(data, "=") && len(data)%4 != 0 {
		encoding = base64.RawStdEncoding.Strict()
	}
	if encoded, err = encoding.DecodeString(data); err != nil {
		// Where it fails says something of a private key.
		return "", nil, "", errors.New("the key is not in base64")
	}
	return prefix, encoded, id, nil
}

// decodePEM returns the content of the one block that a text has.
func decodePEM(text []byte, kind string) ([]byte, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, errors.New("not a key in PEM")
	case block.Type != kind:
		return nil, fmt.Errorf("not the PEM block %s that a key for Ed25519 is in", kind)
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("more than one key in PEM; keep each in a file of its own")
	}
	return block.Bytes, nil
}

func publicDER(der []byte) (ed25519.PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("not a public key in DER (PKIX)")
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("a key for another algorithm than Ed25519, the only one that is accepted")
	}
	if weak(key) {
		return nil, errors.New("not a public key: anybody can sign for it")
	}
	return key, nil
}

// weak reports whether a key is a point of small order, for which one signature
// holds for every eighth text or more. Nobody has the private key of such a one.
func weak(key ed25519.PublicKey) bool {
	// The seven encodings of them, canonical or not, without the sign in the last
	// bit (Taming the Many EdDSAs, Chalkias et al., 2020, table 1).
	y := bytes.Clone(key)
	y[31] &= 0x7f
	return smallOrder[[32]byte(y)]
}
