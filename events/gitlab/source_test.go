package gitlab_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/gitlab"
	"github.com/franela/pocketci/events/sourcetest"
)

const (
	token        = "correct horse battery staple"
	signingToken = "whsec_Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ=="
)

func newSource(t testing.TB, secrets ...string) *gitlab.Source {
	t.Helper()
	s, err := gitlab.New(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// deliveries are these samples as GitLab sends them.
func deliveries(t *testing.T, files ...string) map[string]sourcetest.Delivery {
	all := map[string]sourcetest.Delivery{}
	for _, s := range samples {
		if !slices.Contains(files, s.file) {
			continue
		}
		want := s.whole()
		want.Delivery = "d-" + s.file
		all[s.file] = sourcetest.Delivery{
			Header: http.Header{
				"Content-Type": {"application/json"}, "User-Agent": {"GitLab/19.1.0"}, "X-Gitlab-Event": {s.kind},
				"X-Gitlab-Instance": {"https://gitlab.example.com"}, "X-Gitlab-Webhook-Uuid": {"w-" + s.file},
				"X-Gitlab-Event-Uuid": {"e"}, "Idempotency-Key": {"d-" + s.file},
			},
			Body: read(t, s.file), Want: want, Nothing: s.nothing,
		}
	}
	return all
}

func prove(h http.Header, secret string, body []byte) {
	for name, value := range gitlab.Prove(secret, h.Get("Idempotency-Key"), time.Now(), body) {
		h.Set(name, value)
	}
}

func TestSourceWithToken(t *testing.T) {
	sourcetest.Run(t, sourcetest.Forge{
		Vendor: events.VendorGitlab,
		New:    func(secrets ...string) (events.Source, error) { return gitlab.New(secrets...) },
		Prove:  prove,
		// The suite spoils every value of each: one for every way to be read.
		Deliveries: deliveries(t, "push", "push_nested_group", "tag_push", "tag_push_deleted", "merge_request_fork", "merge_request_labeled",
			"note_merge_request", "note_own", "release_created", "pipeline_fork", "job", "deployment", "emoji_fork", "member_added"),
	})
}

// The suite's secrets become signing tokens.
func TestSourceWithSignature(t *testing.T) {
	signing := func(secret string) string {
		if strings.TrimSpace(secret) == "" {
			return secret
		}
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(secret))
	}
	sourcetest.Run(t, sourcetest.Forge{
		Vendor: events.VendorGitlab,
		New: func(secrets ...string) (events.Source, error) {
			for i := range secrets {
				secrets[i] = signing(secrets[i])
			}
			return gitlab.New(secrets...)
		},
		Prove:      func(h http.Header, secret string, body []byte) { prove(h, signing(secret), body) },
		CoversBody: true,
		// How a payload is read does not depend on its proof.
		Deliveries: deliveries(t, "push", "tag_push_deleted", "note_commit", "release_deleted", "member_added"),
	})
}

// The example of the Standard Webhooks specification, which GitLab signs by.
func TestSignatureOfTheSpecification(t *testing.T) {
	t.Parallel()
	const at = 1614265330
	for name, test := range map[string]struct {
		signature string
		now       int64
		valid     bool
	}{
		"as published":           {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", at, true},
		"five minutes later":     {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", at + 300, true},
		"later than that":        {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", at + 301, false},
		"from the future":        {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", at - 301, false},
		"among others":           {"v1a,abc v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", at, true},
		"of another version":     {"v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", at, false},
		"without a version":      {"g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", at, false},
		"one bit away":           {"v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", at, false},
		"cut short":              {"v1,g0hM9SsE", at, false},
		"not in base64":          {"v1,*", at, false},
		"nothing":                {"", at, false},
		"in hexadecimal, as yet": {"v1,8348", at, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// The clock of the bubble goes to the example's time at once.
				time.Sleep(time.Until(time.Unix(test.now, 0)))
				s := newSource(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
				_, err := s.Receive(map[string][]string{
					"webhook-id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "webhook-timestamp": {strconv.Itoa(at)},
					"webhook-signature": {test.signature},
				}, []byte(`{"test": 2432232314}`))
				_, refused := errors.AsType[*events.UnauthenticatedError](err)
				bad, _ := errors.AsType[*events.MalformedError](err)
				if refused == test.valid || test.valid && (bad == nil || bad.Path != "header X-Gitlab-Event") {
					t.Errorf("error %v, want it accepted: %v", err, test.valid)
				}
			})
		})
	}
}

// What is signed is more than the body.
func TestSignatureCoversIDAndTime(t *testing.T) {
	t.Parallel()
	body, now := read(t, "push"), time.Now()
	s := newSource(t, signingToken)
	for name, change := range map[string]func(http.Header){
		"id":            func(h http.Header) { h.Set("Webhook-Id", "d2") },
		"time":          func(h http.Header) { h.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix()-1, 10)) },
		"no id":         func(h http.Header) { h.Del("Webhook-Id") },
		"no time":       func(h http.Header) { h.Del("Webhook-Timestamp") },
		"time in words": func(h http.Header) { h.Set("Webhook-Timestamp", "now") },
		"no signature":  func(h http.Header) { h.Del("Webhook-Signature") },
		"the token in the place of a signature": func(h http.Header) {
			h.Del("Webhook-Signature")
			h.Set("X-Gitlab-Token", signingToken)
		},
	} {
		h := http.Header{"X-Gitlab-Event": {"Push Hook"}, "Idempotency-Key": {"d1"}}
		prove(h, signingToken, body)
		if e, err := s.Receive(h, body); err != nil || e.Delivery != "d1" {
			t.Fatalf("delivery %q: %v", e.Delivery, err)
		}
		change(h)
		_, err := s.Receive(h, body)
		if _, ok := errors.AsType[*events.UnauthenticatedError](err); !ok {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
}

// While a signing token takes the place of a secret token both are taken, but a
// signature that is there has to fit.
func TestSecretsOfBothKinds(t *testing.T) {
	t.Parallel()
	body := read(t, "push")
	s := newSource(t, token, signingToken)
	for name, test := range map[string]struct {
		secrets []string
		forged  bool
		valid   bool
	}{
		"token":                          {[]string{token}, false, true},
		"signature":                      {[]string{signingToken}, false, true},
		"both":                           {[]string{token, signingToken}, false, true},
		"neither":                        {nil, false, false},
		"token with a forged signature":  {[]string{token, signingToken}, true, false},
		"signature with a foreign token": {[]string{"another", signingToken}, false, true},
	} {
		h := http.Header{"X-Gitlab-Event": {"Push Hook"}, "Idempotency-Key": {"d1"}}
		for _, secret := range test.secrets {
			prove(h, secret, body)
		}
		if test.forged {
			h.Set("Webhook-Id", "d2")
		}
		if _, err := s.Receive(h, body); (err == nil) != test.valid {
			t.Errorf("%s: %v, want it accepted: %v", name, err, test.valid)
		}
	}
	// A secret token alone has nothing to check a signature with.
	h := http.Header{"X-Gitlab-Event": {"Push Hook"}, "Webhook-Signature": {"v1,x"}, "X-Gitlab-Token": {token}}
	if _, err := newSource(t, token).Receive(h, body); err != nil {
		t.Errorf("with a signature of a token that is not known here: %v", err)
	}
}

func TestNewRefusesSigningTokens(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{
		"empty": "whsec_", "short": "whsec_c2hvcnQ=", "no base64": "whsec_correct horse battery staple of clouds",
		"long": "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)),
	} {
		if s, err := gitlab.New(token, secret); err == nil || len(secret) > 10 && strings.Contains(err.Error(), secret[6:]) {
			t.Errorf("%s: made %v, %v", name, s, err)
		}
	}
}

func TestPrintsNoSecret(t *testing.T) {
	t.Parallel()
	s := newSource(t, token, signingToken)
	if text := fmt.Sprintf("%v %+v %s %#v", s, s, s, s); text != "source gitlab source gitlab source gitlab source gitlab" {
		t.Errorf("prints %q", text)
	}
}

// The id of a delivery is the one that a resend keeps.
func TestDelivery(t *testing.T) {
	t.Parallel()
	body := read(t, "push")
	for name, test := range map[string]struct {
		header http.Header
		want   string
	}{
		"GitLab 17.4": {http.Header{"Idempotency-Key": {"k"}, "X-Gitlab-Webhook-Uuid": {"w"}, "X-Gitlab-Event-Uuid": {"e"}}, "k"},
		"GitLab 16.2": {http.Header{"X-Gitlab-Webhook-Uuid": {"w"}, "X-Gitlab-Event-Uuid": {"e"}}, "w"},
		// One request to GitLab, such as a push, may set off several events.
		"before": {http.Header{"X-Gitlab-Event-Uuid": {"e"}}, ""},
	} {
		test.header.Set("X-Gitlab-Event", "Push Hook")
		if e, err := gitlab.NewInsecure().Receive(test.header, body); err != nil || e.Delivery != test.want {
			t.Errorf("%s: delivery %q, want %q: %v", name, e.Delivery, test.want, err)
		}
	}
	for name, header := range map[string]http.Header{
		"header X-Gitlab-Event":        {},
		"header Idempotency-Key":       {"X-Gitlab-Event": {"Push Hook"}, "Idempotency-Key": {"a\x00"}},
		"header X-Gitlab-Webhook-UUID": {"X-Gitlab-Event": {"Push Hook"}, "X-Gitlab-Webhook-Uuid": {"a", "b"}},
	} {
		_, err := gitlab.NewInsecure().Receive(header, body)
		if bad, ok := errors.AsType[*events.MalformedError](err); !ok || bad.Path != name {
			t.Errorf("%v: %v, want a fault in the %s", header, err, name)
		}
	}
}
