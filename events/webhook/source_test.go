package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/sourcetest"
	"github.com/franela/pocketci/events/webhook"
	"github.com/franela/pocketci/internal/predicate"
)

// pointer is the JSON Pointer of a text.
func pointer(t testing.TB, text string) *predicate.Pointer {
	t.Helper()
	p, err := predicate.ParsePointer(text)
	if err != nil {
		t.Fatal(err)
	}
	return &p
}

// sign is the usual signature of a body.
func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func signed(secrets ...string) webhook.HMAC {
	return webhook.HMAC{Header: "X-Signature", Algorithm: "sha256", Encoding: "hex", Prefix: "sha256=", Secrets: secrets}
}

// Each way in which a delivery can be proven passes the suite of all sources.
func TestConformance(t *testing.T) {
	t.Parallel()
	deliveries := map[string]sourcetest.Delivery{}
	for name, c := range map[string]struct{ body, filter, key string }{
		"object":            {`{"action":"deployed","id":17,"more":{"list":[1,null]}}`, "deployed", "17"},
		"laid out":          {"{\n  \"id\": \"a-1\",\n  \"action\": true\n}\n", "true", "a-1"},
		"no filter":         {`{"id":"a"}`, "", "a"},
		"filter is a list":  {`{"id":"a","action":["deployed"]}`, "", "a"},
		"filter is null":    {`{"id":"a","action":null}`, "", "a"},
		"filter of letters": {`{"id":"a","action":"größer/v2"}`, "größer/v2", "a"},
	} {
		deliveries[name] = sourcetest.Delivery{
			Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(c.body),
			Want: events.Event{Vendor: "webhook", Name: "deploy", Kind: "deploy", Filter: c.filter, Delivery: c.key, Trusted: true},
		}
	}
	for name, f := range map[string]sourcetest.Forge{
		"hmac": {
			New: func(secrets ...string) (events.Source, error) { return source(t, signed(secrets...).Proof) },
			Prove: func(h http.Header, secret string, body []byte) {
				h.Set("X-Signature", sign(secret, body))
			},
			CoversBody: true,
		},
		"bearer": {
			New: func(secrets ...string) (events.Source, error) {
				return source(t, func() (webhook.Proof, error) { return webhook.Bearer("", secrets...) })
			},
			Prove: func(h http.Header, secret string, _ []byte) { h.Set("Authorization", "Bearer "+secret) },
		},
		"token in a header of its own": {
			New: func(secrets ...string) (events.Source, error) {
				return source(t, func() (webhook.Proof, error) { return webhook.Bearer("X-Token", secrets...) })
			},
			Prove: func(h http.Header, secret string, _ []byte) { h.Set("X-Token", secret) },
		},
		"basic": {
			New: func(secrets ...string) (events.Source, error) {
				return source(t, func() (webhook.Proof, error) { return webhook.Basic("ci", secrets...) })
			},
			Prove: func(h http.Header, secret string, _ []byte) {
				r := http.Request{Header: h}
				r.SetBasicAuth("ci", secret)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.Vendor, f.NoRepository, f.Deliveries = events.VendorWebhook, true, deliveries
			sourcetest.Run(t, f)
		})
	}
}

func source(t testing.TB, proof func() (webhook.Proof, error)) (events.Source, error) {
	p, err := proof()
	if err != nil {
		return nil, err
	}
	return webhook.New(webhook.Options{
		Name: "deploy", Proof: p, Filter: pointer(t, "/action"), Key: webhook.Key{Pointer: pointer(t, "/id")}, Trusted: true,
	})
}

// FuzzSignature is that one signature alone is taken.
func FuzzSignature(f *testing.F) {
	secrets := []string{"correct horse battery staple", "another"}
	proof, err := signed(secrets...).Proof()
	if err != nil {
		f.Fatal(err)
	}
	s, err := webhook.New(webhook.Options{Name: "deploy", Proof: proof})
	if err != nil {
		f.Fatal(err)
	}
	suite := sourcetest.Signed{Source: s, Header: "X-Signature", Sign: sign, Secrets: secrets, Least: 12}
	suite.Fuzz(f, []byte(`{"a":1}`))
}

func TestNothingIsPrinted(t *testing.T) {
	t.Parallel()
	proof, err := signed("correct horse").Proof()
	if err != nil {
		t.Fatal(err)
	}
	s, err := webhook.New(webhook.Options{Name: "deploy", Proof: proof})
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", s, s, s); text != "webhook deploy webhook deploy webhook deploy" {
		t.Errorf("it is printed as %s", text)
	}
}
