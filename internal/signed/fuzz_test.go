package signed_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/signed"
)

// Whatever is sent, nothing but a token of the key is accepted, and every refusal
// has one of the reasons.
func FuzzVerify(f *testing.F) {
	private := ed25519.NewKeyFromSeed(seed)
	key, err := signed.ParseKey("ed25519:" + b64(private.Public().(ed25519.PublicKey)))
	if err != nil {
		f.Fatal(err)
	}
	const claims = `{"jti":"one","iat":1777896000,"exp":1777899600,"pocketci":{"source":"web"}}`
	good := handmade(private, `{"alg":"EdDSA"}`, claims)
	for _, seed := range []string{good, "", "..", "a.b.c", good[:50], "e30.e30.", strings.ToUpper(good)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, err := signed.Verify(text, signed.Rules{Source: "web", Keys: []signed.Key{key}, Now: noon})
		if err == nil {
			if strings.TrimSpace(text) != good {
				t.Errorf("%q was accepted", text)
			}
			return
		}
		if token != nil || signed.Proven(err) {
			t.Errorf("%q was proven", text)
		}
	})
}

// Whatever is signed, it is read or refused for one of the reasons, and what is read
// says the same when it is signed again.
func FuzzClaims(f *testing.F) {
	private := ed25519.NewKeyFromSeed(seed)
	s, err := signed.ParseSigner("ed25519-private:" + b64(seed))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`{"jti":"one","iat":1777896000,"exp":1777899600,"pocketci":{"source":"web"}}`,
		`{"jti":"one","iat":1777896000.5,"aud":"web","iss":"a","sub":"b","nbf":1}`,
		`{"jti":"one","iat":1.7e9,"aud":["web","x"],"pocketci":{"module":"github.com/acme/ci@` + commit + `","payload":[1,{"a":null}]}}`,
		`{"jti":"one","iat":1,"pocketci":{"source":"web","pattern":{"entrypoint":"a","files":{"a":"b"}}}}`,
		`{"a":{"b":[]},"a":1}`, `null`, `[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, claims []byte) {
		if len(claims) > 100_000 {
			return
		}
		rules := signed.Rules{Source: "web", Keys: []signed.Key{s.Public()}, AllowNoExpiry: true, Now: noon}
		token, err := signed.Verify(handmade(private, `{"alg":"EdDSA"}`, string(claims)), rules)
		if err != nil {
			if !signed.Proven(err) && !errors.Is(err, signed.ErrMalformed) {
				t.Errorf("refused without a reason: %v", err)
			}
			return
		}
		if !json.Valid(token.Raw) {
			t.Errorf("the claims are %q", token.Raw)
		}
		text, err := signed.Sign(s, token.Claims)
		if err != nil {
			t.Fatalf("%+v cannot be signed: %v", token.Claims, err)
		}
		again, err := signed.Verify(text, rules)
		if err != nil {
			t.Fatal(err)
		}
		a, b := token.Claims, again.Claims
		a.Pattern, b.Pattern, a.Payload, b.Payload = nil, nil, nil, nil
		first, _ := json.Marshal(a)
		second, _ := json.Marshal(b)
		if !bytes.Equal(first, second) {
			t.Errorf("got %s, then %s", first, second)
		}
	})
}

func FuzzKeys(f *testing.F) {
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	for _, seed := range []string{"ed25519:" + b64(public) + ":a", "ed25519-private:" + b64(seed), "ed25519public:AAAA", "ed25519private:AAAA:x", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", ":::"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if key, err := signed.ParseKey(text); err == nil {
			again, err := signed.ParseKey(key.String())
			if err != nil || !again.Equal(key) || again.ID != key.ID {
				t.Errorf("%s is read as %s (%v)", key, again, err)
			}
		}
		if s, err := signed.ParseSigner(text); err == nil {
			again, err := signed.ParseSigner(s.Secret())
			if err != nil || !again.Public().Equal(s.Public()) || again.Public().ID != s.Public().ID {
				t.Errorf("%s is read as %s (%v)", s, again, err)
			}
		}
	})
}

// Whatever a guard remembers, it accepts nothing twice.
func FuzzGuard(f *testing.F) {
	f.Add([]byte(nil), "a", int64(0))
	f.Add([]byte(`{"last":"x","newest":1777896000,"floor":5,"seen":[{"id":"a","iat":1}]}`), "b", int64(-5))
	f.Fuzz(func(t *testing.T, kept []byte, id string, issued int64) {
		g, err := signed.ReadGuard(kept)
		if err != nil {
			return
		}
		one := token(id, time.Duration(issued%1e6)*time.Second)
		for _, allowOlder := range []bool{false, true} {
			next, err := g.Admit(one, allowOlder, noon)
			if err != nil {
				continue
			}
			if _, err := next.Admit(one, true, noon); err == nil {
				t.Errorf("accepted twice: %+v", next)
			}
		}
	})
}
