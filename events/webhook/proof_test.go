package webhook_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/webhook"
)

const (
	first, second = "correct horse battery staple", "the one that comes next"
	sentAt        = "1764072000" // 2025-11-25 12:00:00 UTC
)

var noon = time.Date(2025, 11, 25, 12, 0, 0, 0, time.UTC)

func mac(of func() hash.Hash, secret string, parts ...string) []byte {
	m := hmac.New(of, []byte(secret))
	for _, part := range parts {
		m.Write([]byte(part))
	}
	return m.Sum(nil)
}

// made is a proof that can be made.
func made(p webhook.Proof, err error) webhook.Proof {
	if err != nil {
		panic(err)
	}
	return p
}

func of(algorithm, encoding, prefix string, stamp *webhook.Timestamp) webhook.Proof {
	return made(webhook.HMAC{Header: "X-Sig", Algorithm: algorithm, Encoding: encoding, Prefix: prefix, Secrets: []string{first, second}, Timestamp: stamp}.Proof())
}

func TestProofs(t *testing.T) {
	t.Parallel()
	const body = `{"a":1}`
	h := func(pairs ...string) http.Header {
		header := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			header.Add(pairs[i], pairs[i+1])
		}
		return header
	}
	basic := func(pair string) http.Header {
		return h("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	bearer, token := made(webhook.Bearer("", first, second)), made(webhook.Bearer("X-Token", first, second))
	password := made(webhook.Basic("ci", first, second))
	hexed := func(b []byte) string { return hex.EncodeToString(b) }
	plain, prefixed := of("sha256", "hex", "", nil), of("sha256", "hex", "sha256=", nil)
	sum := hexed(mac(sha256.New, first, body))
	slack := of("sha256", "hex", "v0=", &webhook.Timestamp{Header: "X-Time", Tolerance: 5 * time.Minute, Before: "v0:", After: ":"})
	stamped := func(at string) http.Header {
		return h("X-Sig", "v0="+hexed(mac(sha256.New, first, "v0:", at, ":", body)), "X-Time", at)
	}
	for name, c := range map[string]struct {
		proof  webhook.Proof
		header http.Header
		want   string // empty if it is proven
		early  bool   // whether the header alone shows it
	}{
		"none":                      {webhook.None(), h(), "", false},
		"hmac":                      {plain, h("X-Sig", sum), "", false},
		"hmac, second secret":       {plain, h("X-Sig", hexed(mac(sha256.New, second, body))), "", false},
		"hmac, capitals":            {plain, h("X-Sig", strings.ToUpper(sum)), "", false},
		"hmac, prefix":              {prefixed, h("X-Sig", "sha256="+sum), "", false},
		"hmac, sha1":                {of("sha1", "hex", "sha1=", nil), h("X-Sig", "sha1="+hexed(mac(sha1.New, first, body))), "", false},
		"hmac, sha512 in base64":    {of("sha512", "base64", "", nil), h("X-Sig", base64.StdEncoding.EncodeToString(mac(sha512.New, first, body))), "", false},
		"hmac missing":              {plain, h(), "X-Sig is missing", true},
		"hmac empty":                {plain, h("X-Sig", ""), "X-Sig is missing", true},
		"hmac: the prefix alone":    {prefixed, h("X-Sig", "sha256="), "X-Sig is missing", true},
		"hmac doubled":              {plain, h("X-Sig", sum, "X-Sig", sum), "X-Sig is given more than once", true},
		"hmac without the prefix":   {prefixed, h("X-Sig", sum), "X-Sig does not start with sha256=", true},
		"hmac with a prefix":        {plain, h("X-Sig", "sha256="+sum), "X-Sig is not a signature of sha256 in hex", true},
		"hmac too short":            {plain, h("X-Sig", sum[2:]), "X-Sig is not a signature", true},
		"hmac of another algorithm": {plain, h("X-Sig", hexed(mac(sha1.New, first, body))), "X-Sig is not a signature", true},
		"hmac in another encoding":  {of("sha256", "base64", "", nil), h("X-Sig", sum), "X-Sig is not a signature of sha256 in base64", true},
		"hmac of another body":      {plain, h("X-Sig", hexed(mac(sha256.New, first, body+" "))), "X-Sig does not fit", false},
		"hmac, another secret":      {plain, h("X-Sig", hexed(mac(sha256.New, "x", body))), "X-Sig does not fit", false},
		"hmac, both secrets":        {plain, h("X-Sig", hexed(mac(sha256.New, first+second, body))), "X-Sig does not fit", false},
		"timestamp":                 {slack, stamped(sentAt), "", false},
		"timestamp, just in time":   {slack, stamped("1764071700"), "", false},
		"timestamp too old":         {slack, stamped("1764071699"), "X-Time is more than 5m0s from now", true},
		"timestamp of the future":   {slack, stamped("1764072301"), "X-Time is more than 5m0s from now", true},
		"timestamp missing":         {slack, h("X-Sig", "v0="+sum), "X-Time is not a time", true},
		"timestamp doubled":         {slack, func() http.Header { s := stamped(sentAt); s.Add("X-Time", sentAt); return s }(), "X-Time is given more than once", true},
		"timestamp not a number":    {slack, stamped("noon"), "X-Time is not a time", true},
		"timestamp changed":         {slack, func() http.Header { s := stamped(sentAt); s.Set("X-Time", "1764072001"); return s }(), "X-Sig does not fit", false},
		"timestamp not signed":      {slack, h("X-Sig", "v0="+sum, "X-Time", sentAt), "X-Sig does not fit", false},
		"bearer":                    {bearer, h("Authorization", "Bearer "+first), "", false},
		"bearer, second, small":     {bearer, h("Authorization", "bearer  "+second), "", false},
		"bearer missing":            {bearer, h(), "Authorization is missing", true},
		"bearer doubled":            {bearer, h("Authorization", "Bearer "+first, "Authorization", "Bearer "+first), "Authorization is given more than once", true},
		"bearer: another scheme":    {bearer, h("Authorization", "Token "+first), "does not begin with Bearer", true},
		"bearer: no scheme":         {bearer, h("Authorization", first), "does not begin with Bearer", true},
		"bearer: another token":     {bearer, h("Authorization", "Bearer "+first+"x"), "Authorization has another token", true},
		"bearer: no token":          {bearer, h("Authorization", "Bearer "), "Authorization has another token", true},
		"token":                     {token, h("X-Token", second), "", false},
		"token missing":             {token, h("Authorization", "Bearer "+first), "X-Token is missing", true},
		"token with a scheme":       {token, h("X-Token", "Bearer "+first), "X-Token has another token", true},
		"basic":                     {password, basic("ci:" + first), "", false},
		"basic, second":             {password, basic("ci:" + second), "", false},
		"basic missing":             {password, h(), "Authorization is missing", true},
		"basic doubled":             {password, h("Authorization", "Basic x", "Authorization", "Basic x"), "Authorization is given more than once", true},
		"basic: another name":       {password, basic("ic:" + first), "another name or password", true},
		"basic: another password":   {password, basic("ci:" + first + ":"), "another name or password", true},
		"basic: no password":        {password, basic("ci"), "no name and password", true},
		"basic: another scheme":     {password, h("Authorization", "Bearer "+first), "does not begin with Basic", true},
		"basic: not base64":         {password, h("Authorization", "Basic ci:x"), "Authorization is not base64", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := webhook.New(webhook.Options{Name: "x", Proof: c.proof, Now: func() time.Time { return noon }})
			if err != nil {
				t.Fatal(err)
			}
			c.header.Set("Content-Type", "application/json")
			_, err = s.Receive(c.header, []byte(body))
			refusal, refused := errors.AsType[*events.UnauthenticatedError](err)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (!refused || !strings.Contains(refusal.Reason, c.want)):
				t.Errorf("%v, want %q", err, c.want)
			}
			if refused && (strings.Contains(refusal.Reason, first) || strings.Contains(refusal.Reason, sum[:8])) {
				t.Errorf("%q repeats what was sent", refusal.Reason)
			}
			if screened := s.Screen(c.header); (screened != nil) != c.early {
				t.Errorf("by its header alone it is refused: %v", screened)
			}
		})
	}
}

func TestProofsThatCannotBe(t *testing.T) {
	t.Parallel()
	secrets := []string{first}
	for name, make := range map[string]func() (webhook.Proof, error){
		"no secret":          webhook.HMAC{Header: "X", Algorithm: "sha256", Encoding: "hex"}.Proof,
		"a blank secret":     webhook.HMAC{Header: "X", Algorithm: "sha256", Encoding: "hex", Secrets: []string{" "}}.Proof,
		"no header":          webhook.HMAC{Algorithm: "sha256", Encoding: "hex", Secrets: secrets}.Proof,
		"no algorithm":       webhook.HMAC{Header: "X", Encoding: "hex", Secrets: secrets}.Proof,
		"a weak algorithm":   webhook.HMAC{Header: "X", Algorithm: "md5", Encoding: "hex", Secrets: secrets}.Proof,
		"no encoding":        webhook.HMAC{Header: "X", Algorithm: "sha256", Secrets: secrets}.Proof,
		"no tolerance":       webhook.HMAC{Header: "X", Algorithm: "sha256", Encoding: "hex", Secrets: secrets, Timestamp: &webhook.Timestamp{Header: "Y"}}.Proof,
		"no token":           func() (webhook.Proof, error) { return webhook.Bearer("") },
		"no password":        func() (webhook.Proof, error) { return webhook.Basic("ci") },
		"no name":            func() (webhook.Proof, error) { return webhook.Basic("", first) },
		"a name with colons": func() (webhook.Proof, error) { return webhook.Basic("a:b", first) },
	} {
		if p, err := make(); err == nil {
			t.Errorf("%s: %v", name, p)
		}
	}
	some := pointer(t, "/a")
	for name, o := range map[string]webhook.Options{
		"no name":              {Proof: webhook.None()},
		"no proof":             {Name: "x"},
		"two keys":             {Name: "x", Proof: webhook.None(), Key: webhook.Key{Pointer: some, Header: "X"}},
		"credentials are kept": {Name: "x", Proof: webhook.None(), Headers: []string{"authorization"}},
		"cookies are kept":     {Name: "x", Proof: webhook.None(), Headers: []string{"Cookie"}},
		"the token is kept":    {Name: "x", Proof: made(webhook.Bearer("X-Token", first)), Headers: []string{"x-token"}},
		"no header":            {Name: "x", Proof: webhook.None(), Headers: []string{""}},
		"a bad header":         {Name: "x", Proof: webhook.None(), Headers: []string{"X Y"}},
	} {
		if s, err := webhook.New(o); err == nil {
			t.Errorf("%s: %v", name, s)
		}
	}
}
