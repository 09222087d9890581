package signed_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/signed"
)

// seed is a private key that protects nothing.
var seed = []byte("0123456789abcdef0123456789abcdef")

func der(t testing.TB, key any, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var encoded []byte
	switch key := key.(type) {
	case ed25519.PublicKey, *ecdsa.PublicKey:
		encoded, err = x509.MarshalPKIXPublicKey(key)
	default:
		encoded, err = x509.MarshalPKCS8PrivateKey(key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func b64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func TestParseKey(t *testing.T) {
	private := ed25519.NewKeyFromSeed(seed)
	public := private.Public().(ed25519.PublicKey)
	pkix := der(t, public, nil)
	block := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix}))
	plain := "ed25519:" + b64(public)
	want, err := signed.ParseKey(plain)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ text, id string }{
		"with an id":           {plain + ":build", "build"},
		"without":              {plain, want.ID},
		"without padding":      {strings.TrimRight(plain, "="), want.ID},
		"as it is printed":     {want.String(), want.ID},
		"lines around it":      {"\n" + plain + ":a@b.c/d\n", "a@b.c/d"},
		"Etcha's":              {"ed25519public:" + b64(pkix) + ":x0", "x0"},
		"Etcha's, without id":  {"ed25519public:" + b64(pkix), want.ID},
		"PEM":                  {block, want.ID},
		"of its private key":   {mustSigner(t, "ed25519-private:"+b64(seed)+":q").Public().String(), "q"},
		"of Etcha's private":   {mustSigner(t, "ed25519private:"+b64(der(t, private, nil))+":q").Public().String(), "q"},
		"of a private in PEM":  {mustSigner(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der(t, private, nil)}))).Public().String(), want.ID},
		"of its text":          {mustSigner(t, mustSigner(t, "ed25519-private:"+b64(seed)).Secret()).Public().String(), want.ID},
		"of Etcha's, no id":    {mustSigner(t, "ed25519private:"+b64(der(t, private, nil))).Public().String(), want.ID},
		"of a private, padded": {mustSigner(t, "ed25519-private:"+strings.TrimRight(b64(seed), "=")).Public().String(), want.ID},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := signed.ParseKey(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if !key.Equal(want) || key.ID != test.id {
				t.Errorf("got %s with the id %s", key, key.ID)
			}
		})
	}
}

func mustSigner(t *testing.T, text string) signed.Signer {
	t.Helper()
	s, err := signed.ParseSigner(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBadKeys(t *testing.T) {
	private := ed25519.NewKeyFromSeed(seed)
	public := private.Public().(ed25519.PublicKey)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	otherDER, otherPublic := der(t, other, err), der(t, &other.PublicKey, nil)
	block := func(kind string, data []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
	}
	for name, text := range map[string]string{
		"empty":                  "",
		"a word":                 "secret-word",
		"another prefix":         "rsa2048public:" + b64(public),
		"not base64":             "ed25519:!!!!",
		"too short":              "ed25519:" + b64(public[:31]),
		"too long":               "ed25519:" + b64(append(public, 0)),
		"huge":                   "ed25519:" + strings.Repeat("A", 10000),
		"id with a space":        "ed25519:" + b64(public) + ":a b",
		"empty id":               "ed25519:" + b64(public) + ":",
		"a third colon":          "ed25519:" + b64(public) + ":a:b",
		"broken into lines":      "ed25519:" + b64(public)[:20] + "\n" + b64(public)[20:],
		"another spelling":       "ed25519:" + strings.TrimSuffix(b64(make([]byte, 32)), "A=") + "B=",
		"Etcha's, not DER":       "ed25519public:" + b64(public),
		"Etcha's, of another":    "ed25519public:" + b64(otherPublic),
		"PEM of another":         block("PUBLIC KEY", otherPublic),
		"PEM of a certificate":   block("CERTIFICATE", otherPublic),
		"PEM, not DER":           block("PUBLIC KEY", public),
		"PEM without an end":     "-----BEGIN PUBLIC KEY-----\n" + b64(otherPublic),
		"two in PEM":             block("PUBLIC KEY", der(t, public, nil)) + block("PUBLIC KEY", der(t, public, nil)),
		"private":                "ed25519-private:" + b64(seed),
		"private, short":         "ed25519-private:" + b64(seed[:20]),
		"Etcha's private, bad":   "ed25519private:" + b64(seed),
		"Etcha's private, ECDSA": "ed25519private:" + b64(otherDER),
		"private PEM, ECDSA":     block("PRIVATE KEY", otherDER),
		"private PEM, locked":    block("ENCRYPTED PRIVATE KEY", otherDER),
		"public, for a signer":   "ed25519:" + b64(public),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := signed.ParseKey(text)
			if name != "public, for a signer" {
				refused(t, text, err)
			}
			_, err = signed.ParseSigner(text)
			if name != "private" {
				refused(t, text, err)
			}
		})
	}
}

// refused checks that there is an error and that it tells nothing of the key.
func refused(t *testing.T, text string, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("it was taken for a key")
	}
	_, secret, _ := strings.Cut(text, ":")
	if len(secret) >= 8 && strings.Contains(err.Error(), secret[:8]) || text == "secret-word" && strings.Contains(err.Error(), text) {
		t.Errorf("it says %v", err)
	}
}

// For a point of small order a signature can be had without a private key, which is
// why such a key is refused. That Go's verification takes it shows that the list is
// right.
func TestWeakKeys(t *testing.T) {
	points := []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	}
	for _, point := range points {
		key, err := hex.DecodeString(point)
		if err != nil {
			t.Fatal(err)
		}
		forged := false
		for i := range 64 {
			for _, r := range points {
				for _, sign := range []byte{0, 0x80} {
					signature := make([]byte, ed25519.SignatureSize)
					if _, err := hex.Decode(signature, []byte(r)); err != nil {
						t.Fatal(err)
					}
					signature[31] |= sign
					forged = forged || ed25519.Verify(key, fmt.Append(nil, i), signature)
				}
			}
		}
		if !forged {
			t.Errorf("nothing could be forged for %s", point)
		}
		for _, sign := range []byte{0, 0x80} {
			key[31] |= sign
			if _, err := signed.ParseKey("ed25519:" + b64(key)); err == nil {
				t.Errorf("%x is taken for a key", key)
			}
			if encoded, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(key)); err != nil {
				t.Error(err)
			} else if _, err := signed.ParseKey("ed25519public:" + b64(encoded)); err == nil {
				t.Errorf("%x in DER is taken for a key", key)
			}
		}
	}
}

func TestSignerIsNotPrinted(t *testing.T) {
	s := mustSigner(t, "ed25519-private:"+b64(seed)+":build")
	type holder struct{ Key signed.Signer }
	encoded, err := json.Marshal(holder{s})
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "key", s, "holder", holder{s})
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%+v %#v %x %d %q", s, s, s, s, &s), fmt.Sprintf("%+v", holder{s}), string(encoded), logged.String()} {
		if !strings.Contains(text, "private key build") || strings.Contains(text, b64(seed)[:8]) || strings.Contains(text, hex.EncodeToString(seed)[:8]) || strings.Contains(text, "48 49 50") {
			t.Errorf("it is printed as %s", text)
		}
	}
}

// Keys that openssl makes are read as it writes them.
func TestKeysOfOpenSSL(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pem")
	openssl := func(arg ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "openssl", arg...).CombinedOutput()
		if err != nil {
			t.Fatalf("openssl %v: %v: %s", arg, err, out)
		}
		return string(out)
	}
	openssl("genpkey", "-algorithm", "ed25519", "-out", file)
	s := mustSigner(t, openssl("pkey", "-in", file))
	key, err := signed.ParseKey(openssl("pkey", "-in", file, "-pubout"))
	if err != nil {
		t.Fatal(err)
	}
	if !key.Equal(s.Public()) || key.ID != s.Public().ID {
		t.Errorf("the keys are %s and %s", key, s.Public())
	}
}
