package signed_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/signed"
)

// noon is the present time of these tests.
var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

const commit = "9e107d9d372bb6826bd81d3542a419d6e277c9b1"

func signer(t testing.TB, id string) signed.Signer {
	t.Helper()
	s, err := signed.NewSigner(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// handmade is a token with any header and claims.
func handmade(key ed25519.PrivateKey, header, claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

func TestSignAndVerify(t *testing.T) {
	key := signer(t, "build")
	claims := signed.Claims{
		Issuer: "ci", Subject: "web", Audience: []string{"web", "other"}, ID: "one",
		IssuedAt: noon, NotBefore: noon.Add(-time.Minute), Expires: noon.Add(time.Hour),
		Content: signed.Content{
			Source: "web", Module: "github.com/acme/ci@" + commit,
			Pattern: json.RawMessage(`[{"id":"a"}]`), Payload: json.RawMessage(`{"version":"1.2.3"}`),
		},
	}
	text, err := signed.Sign(key, claims)
	if err != nil {
		t.Fatal(err)
	}
	got, err := signed.Verify("\n "+text+"\n", signed.Rules{Source: "web", Keys: []signed.Key{signer(t, "").Public(), key.Public()}, Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(claims, got.Claims); diff != "" {
		t.Error(diff)
	}
	if !got.Key.Equal(key.Public()) || got.Key.ID != "build" || len(got.Hash) != 64 {
		t.Errorf("signed by %s, hash %s", got.Key, got.Hash)
	}
	var raw map[string]any
	if err := json.Unmarshal(got.Raw, &raw); err != nil || raw["jti"] != "one" {
		t.Errorf("the claims are %s: %v", got.Raw, err)
	}
}

// What is not given is made up, so that the token is one that can be accepted.
func TestSignCompletes(t *testing.T) {
	key := signer(t, "")
	text, err := signed.Sign(key, signed.Claims{Content: signed.Content{Source: "web"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := signed.Verify(text, signed.Rules{Source: "web", Keys: []signed.Key{key.Public()}, AllowNoExpiry: true, Now: time.Now()})
	if err != nil || got.ID == "" || time.Since(got.IssuedAt).Abs() > time.Minute {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSignRefuses(t *testing.T) {
	for name, c := range map[string]signed.Claims{
		"no source":       {},
		"moving module":   {Content: signed.Content{Source: "web", Module: "github.com/acme/ci@main"}},
		"no module":       {Content: signed.Content{Source: "web", Module: "./ci"}},
		"bad payload":     {Content: signed.Content{Source: "web", Payload: json.RawMessage(`{`)}},
		"duplicate key":   {Content: signed.Content{Source: "web", Payload: json.RawMessage(`{"a":1,"a":2}`)}},
		"too large":       {Content: signed.Content{Source: "web", Payload: json.RawMessage(`"` + strings.Repeat("x", signed.MaxToken) + `"`)}},
		"before it began": {IssuedAt: noon, Expires: noon.Add(-time.Hour), Content: signed.Content{Source: "web"}},
	} {
		t.Run(name, func(t *testing.T) {
			if text, err := signed.Sign(signer(t, ""), c); err == nil {
				t.Errorf("signed %.100s", text)
			}
		})
	}
	if _, err := signed.Sign(signed.Signer{}, signed.Claims{Content: signed.Content{Source: "web"}}); err == nil {
		t.Error("signed without a key")
	}
}

func TestVerifyRefuses(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := "ed25519:" + base64.StdEncoding.EncodeToString(public)
	key, err := signed.ParseKey(text + ":build")
	if err != nil {
		t.Fatal(err)
	}
	const header = `{"alg":"EdDSA","typ":"JWT"}`
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	// claims are good ones with something after them.
	claims := func(more string) string {
		return fmt.Sprintf(`{"jti":"one","iat":%d,"exp":%d,"pocketci":{"source":"web"}%s}`, at(0), at(time.Hour), more)
	}
	with := func(own string) string {
		return fmt.Sprintf(`{"jti":"one","iat":%d,"exp":%d,"pocketci":%s}`, at(0), at(time.Hour), own)
	}
	good := handmade(private, header, claims(""))
	if _, err := signed.Verify(good, signed.Rules{Source: "web", Keys: []signed.Key{key}, Now: noon}); err != nil {
		t.Fatal(err)
	}
	unsigned, _, _ := strings.Cut(good[strings.IndexByte(good, '.')+1:], ".")
	// As one who knows the public key alone would sign it, were that a password.
	hs := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + unsigned
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(hs))
	hs += "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))

	type test struct {
		token string
		want  error
	}
	tests := map[string]test{
		"empty":                  {"", signed.ErrMalformed},
		"one part":               {"abc", signed.ErrMalformed},
		"two parts":              {"abc.def", signed.ErrMalformed},
		"four parts":             {good + ".abc", signed.ErrMalformed},
		"not base64":             {"{}.{}.{}", signed.ErrMalformed},
		"broken into lines":      {good[:40] + "\n" + good[40:], signed.ErrMalformed},
		"padding":                {good + "==", signed.ErrMalformed},
		"another spelling":       {good[:len(good)-1] + string(next(good[len(good)-1])), signed.ErrMalformed},
		"too large":              {good + strings.Repeat(" ", signed.MaxToken), signed.ErrTooLarge},
		"huge header":            {strings.Repeat("a", 5000) + good, signed.ErrMalformed},
		"header without claims":  {handmade(private, header, ""), signed.ErrMalformed},
		"claims are not JSON":    {handmade(private, header, `{`), signed.ErrMalformed},
		"claims are null":        {handmade(private, header, `null`), signed.ErrClaims},
		"claims are a list":      {handmade(private, header, `[]`), signed.ErrClaims},
		"claims are not UTF-8":   {handmade(private, header, "{\"jti\":\"\xff\"}"), signed.ErrClaims},
		"none":                   {strings.Replace(handmade(private, `{"alg":"none"}`, claims("")), ".", ".", 1), signed.ErrAlgorithm},
		"none, unsigned":         {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + unsigned + ".", signed.ErrAlgorithm},
		"HS256 by public key":    {hs, signed.ErrAlgorithm},
		"another case":           {handmade(private, `{"alg":"eddsa"}`, claims("")), signed.ErrAlgorithm},
		"no algorithm":           {handmade(private, `{}`, claims("")), signed.ErrAlgorithm},
		"algorithm in capitals":  {handmade(private, `{"ALG":"EdDSA"}`, claims("")), signed.ErrAlgorithm},
		"algorithm is no text":   {handmade(private, `{"alg":["EdDSA"]}`, claims("")), signed.ErrMalformed},
		"two algorithms":         {handmade(private, `{"alg":"none","alg":"EdDSA"}`, claims("")), signed.ErrMalformed},
		"crit":                   {handmade(private, `{"alg":"EdDSA","crit":["exp"]}`, claims("")), signed.ErrMalformed},
		"empty crit":             {handmade(private, `{"alg":"EdDSA","crit":[]}`, claims("")), signed.ErrMalformed},
		"another type":           {handmade(private, `{"alg":"EdDSA","typ":"at+jwt"}`, claims("")), signed.ErrMalformed},
		"kid is no text":         {handmade(private, `{"alg":"EdDSA","kid":1}`, claims("")), signed.ErrMalformed},
		"kid of another key":     {handmade(private, `{"alg":"EdDSA","kid":"other"}`, claims("")), signed.ErrKey},
		"no signature":           {good[:strings.LastIndexByte(good, '.')+1], signed.ErrKey},
		"another's claims":       {strings.Replace(good, unsigned, base64.RawURLEncoding.EncodeToString([]byte(claims(`,"a":1`))), 1), signed.ErrKey},
		"its own key":            {handmade(stranger(t), `{"alg":"EdDSA","jwk":{"kty":"OKP"}}`, claims("")), signed.ErrKey},
		"duplicate claim":        {handmade(private, header, claims(`,"jti":"two"`)), signed.ErrClaims},
		"duplicate, escaped":     {handmade(private, header, claims(`,"jt\u0069":"two"`)), signed.ErrClaims},
		"duplicate further down": {handmade(private, header, claims(`,"a":[{"b":1,"b":2}]`)), signed.ErrClaims},
		"nested too deep":        {handmade(private, header, claims(`,"a":`+strings.Repeat("[", 80)+strings.Repeat("]", 80))), signed.ErrClaims},
		"no jti":                 {handmade(private, header, strings.Replace(claims(""), `"jti"`, `"JTI"`, 1)), signed.ErrClaims},
		"long jti":               {handmade(private, header, strings.Replace(claims(""), "one", strings.Repeat("o", 300), 1)), signed.ErrClaims},
		"jti with a line":        {handmade(private, header, strings.Replace(claims(""), "one", `o\nne`, 1)), signed.ErrClaims},
		"no iat":                 {handmade(private, header, strings.Replace(claims(""), `"iat"`, `"Iat"`, 1)), signed.ErrClaims},
		"no exp":                 {handmade(private, header, strings.Replace(claims(""), `"exp"`, `"EXP"`, 1)), signed.ErrClaims},
		"exp is a text":          {handmade(private, header, strings.Replace(claims(""), `"exp":`, `"exp":"1", "x":`, 1)), signed.ErrClaims},
		"exp is null":            {handmade(private, header, strings.Replace(claims(""), `"exp":`, `"exp":null, "x":`, 1)), signed.ErrClaims},
		"exp is never":           {handmade(private, header, strings.Replace(claims(""), `"exp":`, `"exp":1e300, "x":`, 1)), signed.ErrClaims},
		"iat is negative":        {handmade(private, header, strings.Replace(claims(""), `"iat":`, `"iat":-1, "x":`, 1)), signed.ErrClaims},
		"iss is a number":        {handmade(private, header, claims(`,"iss":1`)), signed.ErrClaims},
		"sub too long":           {handmade(private, header, claims(`,"sub":"`+strings.Repeat("x", 2000)+`"`)), signed.ErrClaims},
		"aud is a number":        {handmade(private, header, claims(`,"aud":1`)), signed.ErrClaims},
		"aud has null":           {handmade(private, header, claims(`,"aud":["web",null]`)), signed.ErrClaims},
		"aud is empty":           {handmade(private, header, claims(`,"aud":[]`)), signed.ErrClaims},
		"aud is another":         {handmade(private, header, claims(`,"aud":["other"]`)), signed.ErrSource},
		"another source":         {handmade(private, header, with(`{"source":"other"}`)), signed.ErrSource},
		"no source":              {handmade(private, header, with(`{}`)), signed.ErrClaims},
		"source is no name":      {handmade(private, header, with(`{"source":"a/b"}`)), signed.ErrClaims},
		"own claim is a list":    {handmade(private, header, with(`[]`)), signed.ErrClaims},
		"own claim misspelt":     {handmade(private, header, with(`{"source":"web","modul":"x"}`)), signed.ErrClaims},
		"module of no commit":    {handmade(private, header, with(`{"source":"web","module":"github.com/acme/ci@v1"}`)), signed.ErrClaims},
		"module is no text":      {handmade(private, header, with(`{"source":"web","module":1}`)), signed.ErrClaims},
		"files without entry":    {handmade(private, header, with(`{"source":"web","pattern":{"files":{"a":"b"}}}`)), signed.ErrClaims},
		"files leave":            {handmade(private, header, with(`{"source":"web","pattern":{"entrypoint":"../a","files":{"../a":"b"}}}`)), signed.ErrClaims},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := signed.Verify(test.token, signed.Rules{Source: "web", Keys: []signed.Key{key, signer(t, "other").Public()}, Now: noon})
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if proven := test.want == signed.ErrClaims || test.want == signed.ErrSource; signed.Proven(err) != proven {
				t.Errorf("proven is %t", !proven)
			}
			if len(err.Error()) > 400 || len(test.token) > 40 && strings.Contains(err.Error(), test.token[:40]) {
				t.Errorf("it says %.500s", err)
			}
		})
	}
}

// next is the character after another in base64 for URLs, which differs in its last
// bit alone.
func next(c byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, c)^1]
}

func stranger(t *testing.T) ed25519.PrivateKey {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func TestVerifyTimes(t *testing.T) {
	key := signer(t, "")
	tests := map[string]struct {
		issued, before, expires time.Duration // from noon; zero is none, but for issued
		allow                   bool
		want                    error
	}{
		"fresh":                      {0, 0, time.Hour, false, nil},
		"expired within the leeway":  {-time.Hour, 0, -59 * time.Second, false, nil},
		"expired":                    {-time.Hour, 0, -60 * time.Second, false, signed.ErrExpired},
		"clock ahead":                {60 * time.Second, 0, time.Hour, false, nil},
		"clock too far ahead":        {61 * time.Second, 0, time.Hour, false, signed.ErrNotYetValid},
		"valid in a minute":          {0, 60 * time.Second, time.Hour, false, nil},
		"valid later":                {0, 61 * time.Second, time.Hour, false, signed.ErrNotYetValid},
		"for ever":                   {0, 0, 0, false, signed.ErrClaims},
		"for ever, which is allowed": {0, 0, 0, true, nil},
		"expired, for ever allowed":  {-time.Hour, 0, -60 * time.Second, true, signed.ErrExpired},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := signed.Claims{IssuedAt: noon.Add(test.issued), Content: signed.Content{Source: "web"}}
			if test.before != 0 {
				c.NotBefore = noon.Add(test.before)
			}
			if test.expires != 0 {
				c.Expires = noon.Add(test.expires)
			}
			text, err := signed.Sign(key, c)
			if err != nil {
				t.Fatal(err)
			}
			_, err = signed.Verify(text, signed.Rules{Source: "web", Keys: []signed.Key{key.Public()}, AllowNoExpiry: test.allow, Now: noon})
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// Keys are rotated by trusting both for a while, whatever their ids.
func TestVerifyRotatedKeys(t *testing.T) {
	first, second, gone := signer(t, "build"), signer(t, "build"), signer(t, "")
	trusted := []signed.Key{first.Public(), second.Public()}
	for name, test := range map[string]struct {
		by   signed.Signer
		want error
	}{"the first": {first, nil}, "the second": {second, nil}, "one that is not trusted any more": {gone, signed.ErrKey}} {
		t.Run(name, func(t *testing.T) {
			text, err := signed.Sign(test.by, signed.Claims{IssuedAt: noon, Expires: noon.Add(time.Hour), Content: signed.Content{Source: "web"}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = signed.Verify(text, signed.Rules{Source: "web", Keys: trusted, Now: noon}); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if _, err = signed.Verify(text, signed.Rules{Source: "web", Now: noon}); !errors.Is(err, signed.ErrKey) {
				t.Errorf("without keys got %v", err)
			}
		})
	}
}
