package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/server"
)

func TestAcceptedDelivery(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/webhooks/github"} {
		in := start(t, nil)
		body := payload(t, "push")
		a := send(t, delivery(t, in.url+path, "push", body))
		if a.status != http.StatusAccepted {
			t.Fatalf("POST %s: %d %s", path, a.status, a.text)
		}
		got := in.sink.accepted()
		if len(got) != 1 {
			t.Fatalf("POST %s: %d events were accepted", path, len(got))
		}
		if diff := cmp.Diff(map[string]any{"id": got[0].ID, "run": 1.0}, a.body); diff != "" || got[0].ID == "" {
			t.Errorf("POST %s: body (-want +got):\n%s", path, diff)
		}
		want, err := github.Parse("push", body)
		if err != nil {
			t.Fatal(err)
		}
		want.ID = got[0].ID // when it was received is the sink's to say
		want.Delivery = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
		if diff := cmp.Diff(want, got[0]); diff != "" {
			t.Errorf("POST %s: event (-want +got):\n%s", path, diff)
		}
	}
}

func TestFormDelivery(t *testing.T) {
	t.Parallel()
	in := start(t, nil)
	body := payload(t, "push")
	form := []byte(url.Values{"payload": {string(body)}}.Encode())
	r := delivery(t, in.url+"/webhooks/github", "push", form)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := send(t, r); a.status != http.StatusAccepted {
		t.Fatalf("%d %s", a.status, a.text)
	}
	if diff := cmp.Diff(string(body), string(in.sink.accepted()[0].Payload)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	// The signature of the payload is not that of the form around it.
	r = delivery(t, in.url+"/webhooks/github", "push", form)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Hub-Signature-256", sign(secret, body))
	if a := send(t, r); a.status != http.StatusUnauthorized {
		t.Errorf("a form signed as JSON: %d %s", a.status, a.text)
	}
}

// TestFaults is every way in which a delivery can be wrong. Each case breaks
// one correct delivery.
func TestFaults(t *testing.T) {
	t.Parallel()
	push := payload(t, "push")
	other := payload(t, "push_forced")
	set := func(key, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(key, value) }
	}
	unset := func(keys ...string) func(*http.Request) {
		return func(r *http.Request) {
			for _, key := range keys {
				r.Header.Del(key)
			}
		}
	}
	right := sign(secret, push)
	const signature = "X-Hub-Signature-256"
	tests := []struct {
		name   string
		body   []byte
		change func(*http.Request)
		status int
		reason string
	}{
		{"none: correct", push, func(*http.Request) {}, 202, ""},
		{"none: charset", push, set("Content-Type", "application/json; charset=utf-8"), 202, ""},
		{"none: digits in upper case", push, set(signature, "sha256="+strings.ToUpper(right[7:])), 202, ""},
		{"none: no delivery id", push, unset("X-GitHub-Delivery"), 202, ""},
		{"none: wrong SHA-1 next to a right SHA-256", push, set("X-Hub-Signature", "sha1=00"), 202, ""},

		{"no signature", push, unset(signature, "X-Hub-Signature"), 401, "is missing"},
		{"empty signature", push, func(r *http.Request) { r.Header.Set(signature, ""); r.Header.Del("X-Hub-Signature") }, 401, "is missing"},
		{"SHA-1 only", push, unset(signature), 401, "SHA-1 only"},
		{"SHA-1 in the other header", push, set(signature, "sha1="+hex.EncodeToString(hmacSHA1(push))), 401, "does not start with sha256="},
		{"digits only", push, set(signature, right[7:]), 401, "does not start with sha256="},
		{"algorithm in upper case", push, set(signature, "SHA256="+right[7:]), 401, "does not start with sha256="},
		{"no digits", push, set(signature, "sha256="), 401, "not 64 hexadecimal digits"},
		{"not hexadecimal", push, set(signature, "sha256="+strings.Repeat("z", 64)), 401, "not 64 hexadecimal digits"},
		{"cut off", push, set(signature, right[:len(right)-2]), 401, "not 64 hexadecimal digits"},
		{"cut off by a digit", push, set(signature, right[:len(right)-1]), 401, "not 64 hexadecimal digits"},
		{"too long", push, set(signature, right+"00"), 401, "not 64 hexadecimal digits"},
		{"two in one header", push, set(signature, right+", "+right), 401, "not 64 hexadecimal digits"},
		{"two headers, first right", push, func(r *http.Request) { r.Header.Add(signature, sign("x", push)) }, 401, "more than once"},
		{"two headers, both right", push, func(r *http.Request) { r.Header.Add(signature, right) }, 401, "more than once"},
		{"last digit differs", push, set(signature, right[:len(right)-1]+flip(right[len(right)-1])), 401, "does not fit"},
		{"zeros", push, set(signature, "sha256="+strings.Repeat("0", 64)), 401, "does not fit"},
		{"of another body", push, set(signature, sign(secret, other)), 401, "does not fit"},
		{"of the empty body", push, set(signature, sign(secret, nil)), 401, "does not fit"},
		{"of the signature itself", push, set(signature, sign(secret, []byte(right))), 401, "does not fit"},
		{"of the header's name", push, set(signature, sign(secret, []byte(signature))), 401, "does not fit"},
		{"with another secret", push, set(signature, sign("wrong", push)), 401, "does not fit"},
		{"with no secret", push, set(signature, sign("", push)), 401, "does not fit"},
		{"plain hash of the body", push, func(r *http.Request) {
			sum := sha256.Sum256(push)
			r.Header.Set(signature, "sha256="+hex.EncodeToString(sum[:]))
		}, 401, "does not fit"},

		{"unsigned and malformed", []byte("{"), unset(signature, "X-Hub-Signature"), 401, "is missing"},
		{"unsigned without event", push, unset(signature, "X-Hub-Signature", "X-GitHub-Event"), 401, "is missing"},
		{"unsigned ping", payload(t, "ping"), func(r *http.Request) { r.Header.Del(signature); r.Header.Set("X-GitHub-Event", "ping") }, 401, ""},

		{"no content type", push, unset("Content-Type"), 415, "content type"},
		{"text", push, set("Content-Type", "text/plain"), 415, "content type"},
		{"multipart", push, set("Content-Type", "multipart/form-data; boundary=x"), 415, "content type"},
		{"absurd content type", push, set("Content-Type", ";;;"), 415, "content type"},
		{"two events", push, func(r *http.Request) { r.Header.Add("X-GitHub-Event", "push") }, 400, "given more than once"},
		{"no event", push, unset("X-GitHub-Event"), 400, "header X-GitHub-Event: is missing"},
		{"absurd event", push, set("X-GitHub-Event", "../push"), 400, "not the name of a GitHub event"},
		{"absurd delivery id", push, set("X-GitHub-Delivery", strings.Repeat("d", 300)), 400, "header X-GitHub-Delivery"},
		{"empty body", nil, func(*http.Request) {}, 400, "line 1, column 1: is empty"},
		{"not JSON", []byte("payload"), func(*http.Request) {}, 400, "line 1, column 1: invalid character 'p'"},
		{"form without payload", []byte("a=b"), set("Content-Type", "application/x-www-form-urlencoded"), 400, "form field payload: is missing"},
		{"form with two payloads", []byte("payload={}&payload={}"), set("Content-Type", "application/x-www-form-urlencoded"), 400, "more than once"},
		{"broken form", []byte("payload=%zz"), set("Content-Type", "application/x-www-form-urlencoded"), 400, "the form cannot be read"},
		{"no repository", []byte(`{"ref": "refs/heads/main"}`), func(*http.Request) {}, 400, "repository: is missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			in := start(t, nil)
			r := delivery(t, in.url+"/webhooks/github", "push", test.body)
			test.change(r)
			a := send(t, r)
			if a.status != test.status {
				t.Fatalf("status %d %s, want %d", a.status, a.text, test.status)
			}
			reason, _ := a.body["error"].(string)
			if !strings.Contains(reason, test.reason) || (reason == "") != (test.status == 202) {
				t.Errorf("error %q, want %q", reason, test.reason)
			}
			if accepted := len(in.sink.accepted()); (accepted == 1) != (test.status == 202) {
				t.Errorf("%d events were accepted", accepted)
			}
			noSecrets(t, a.text+in.log.String(), r)
		})
	}
}

// flip returns another hexadecimal digit.
func flip(digit byte) string {
	if digit == '0' {
		return "1"
	}
	return "0"
}

// noSecrets fails if text repeats the secret, a signature, or what is in the
// body.
func noSecrets(t *testing.T, text string, r *http.Request) {
	t.Helper()
	private := []string{secret, "Explain the greeting"}
	for _, name := range []string{"X-Hub-Signature", "X-Hub-Signature-256"} {
		for _, value := range r.Header.Values(name) {
			if _, digits, _ := strings.Cut(value, "="); len(digits) > 8 {
				private = append(private, digits[:8])
			}
		}
	}
	for _, p := range private {
		if strings.Contains(text, p) {
			t.Errorf("answer or log repeats %q:\n%s", p, text)
		}
	}
}

// The check that this one replaces signed the signature header and compared
// the result with a hash that had been made the same way: it took everything.
// A signature must stop to fit when one byte of the body changes.
func TestEveryByteIsSigned(t *testing.T) {
	t.Parallel()
	in := start(t, nil)
	body := []byte(`{"ref":"refs/heads/main"}`)
	signature := sign(secret, body)
	for i := range body {
		changed := bytes.Clone(body)
		changed[i] ^= 1
		r := delivery(t, in.url+"/", "push", changed)
		r.Header.Set("X-Hub-Signature-256", signature)
		if a := send(t, r); a.status != http.StatusUnauthorized {
			t.Errorf("byte %d changed: %d %s", i, a.status, a.text)
		}
	}
}

func TestSecretRotation(t *testing.T) {
	t.Parallel()
	source, err := github.New("new secret", secret)
	if err != nil {
		t.Fatal(err)
	}
	in := start(t, func(o *server.Options) { o.Hooks = []server.Hook{{Source: source}} })
	body := payload(t, "push")
	for key, want := range map[string]int{"new secret": 202, secret: 202, "new secret" + secret: 401, "older secret": 401} {
		r := delivery(t, in.url+"/", "push", body)
		r.Header.Set("X-Hub-Signature-256", sign(key, body))
		if a := send(t, r); a.status != want {
			t.Errorf("signed with %q: %d, want %d", key, a.status, want)
		}
	}
}

func TestInsecure(t *testing.T) {
	t.Parallel()
	in := start(t, func(o *server.Options) { o.Hooks = []server.Hook{{Source: github.NewInsecure()}} })
	r := delivery(t, in.url+"/", "push", payload(t, "push"))
	r.Header.Del("X-Hub-Signature-256")
	if a := send(t, r); a.status != http.StatusAccepted {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestNothingToPlan(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind, file string
		status     int
		reason     string
	}{
		{"ping", "ping", 200, "a ping only tries out the webhook"},
		{"push", "push_deleted", 202, "the push deletes refs/heads/feature/login-v2"},
		{"push", "push_tag_deleted", 202, "the push deletes refs/tags/v1.2.0"},
		{"installation", "installation_created", 202, "the event installation belongs to no repository"},
	}
	for _, test := range tests {
		in := start(t, nil)
		a := send(t, delivery(t, in.url+"/webhooks/github", test.kind, payload(t, test.file)))
		want := map[string]any{"reason": test.reason}
		if n := len(in.sink.accepted()); (n == 1) != (test.kind != "ping") {
			t.Errorf("%s: %d events were accepted", test.file, n)
		} else if n == 1 {
			want["id"], want["run"] = in.sink.accepted()[0].ID, 1.0
		}
		if diff := cmp.Diff(want, a.body); diff != "" || a.status != test.status {
			t.Errorf("%s: status %d, want %d, body (-want +got):\n%s", test.file, a.status, test.status, diff)
		}
	}
}

func TestSinkErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		err    error
		status int
		reason string
	}{
		{"full", fmt.Errorf("accept: %w", server.ErrFull), 503, "the queue is full"},
		{"stopping", server.ErrStopping, 503, "the agent is stopping"},
		{"no database", fmt.Errorf("accept: %w: disk full", server.ErrUnavailable), 503, "events cannot be stored at the moment"},
		{"slow", context.DeadlineExceeded, 503, "the event could not be taken over in time"},
		{"broken", errors.New("disk /var/lib/x: no space"), 500, "the event could not be taken over"},
	}
	for _, test := range tests {
		in := start(t, nil)
		in.sink.accept = func(context.Context) error { return test.err }
		a := send(t, delivery(t, in.url+"/", "push", payload(t, "push")))
		if a.status != test.status || a.body["error"] != test.reason {
			t.Errorf("%s: %d %s", test.name, a.status, a.text)
		}
		if retry := a.header.Get("Retry-After"); (retry != "") != (test.status == 503) {
			t.Errorf("%s: Retry-After %q", test.name, retry)
		}
	}
}

// The answer to a delivery says what became of it, under the id of the event
// that it carries.
func TestReceipts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		receipt server.Receipt
		status  int
		body    map[string]any
	}{
		"new":        {server.Receipt{Event: "e", Run: 7}, 202, map[string]any{"id": "e", "run": 7.0}},
		"again":      {server.Receipt{Event: "e", Run: 7, Duplicate: true, Reason: "r"}, 200, map[string]any{"id": "e", "run": 7.0, "reason": "r"}},
		"withheld":   {server.Receipt{Event: "e", Run: 7, Reason: "r"}, 202, map[string]any{"id": "e", "run": 7.0, "reason": "r"}},
		"tried anew": {server.Receipt{Event: "e", Run: 7, Reason: "attempt 2"}, 202, map[string]any{"id": "e", "run": 7.0, "reason": "attempt 2"}},
	} {
		in := start(t, nil)
		in.sink.receipt = func(events.Event) server.Receipt { return test.receipt }
		a := send(t, delivery(t, in.url+"/webhooks/github", "push", payload(t, "push")))
		if diff := cmp.Diff(test.body, a.body); diff != "" || a.status != test.status {
			t.Errorf("%s: status %d, want %d, body (-want +got):\n%s", name, a.status, test.status, diff)
		}
		if got := in.sink.deliveries; len(got) != 1 || got[0].Hook != "github" || got[0].Nothing != "" {
			t.Errorf("%s: it arrived as %+v", name, got)
		}
	}
}

// What else the agent serves stands beside the webhooks, and what it does not
// serve is not there.
func TestOtherHandlers(t *testing.T) {
	t.Parallel()
	say := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Errorf("%s cannot stream: %v", text, err)
			}
			fmt.Fprintf(w, `{"said":%q}`, text)
		})
	}
	var statuses []int
	with := start(t, func(o *server.Options) {
		o.API, o.Metrics = say("api"), say("metrics")
		o.Answered = func(_ string, status int) { statuses = append(statuses, status) }
	})
	without := start(t, nil)
	for path, want := range map[string]string{"/api/v1/events": "api", "/metrics": "metrics"} {
		get := func(url string) answer {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			return send(t, r)
		}
		if a := get(with.url); a.status != 200 || a.body["said"] != want {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
		if a := get(without.url); a.status != 404 {
			t.Errorf("%s without it: %d %s", path, a.status, a.text)
		}
	}
	send(t, delivery(t, with.url+"/", "push", payload(t, "push")))
	if fmt.Sprint(statuses) != "[202]" {
		t.Errorf("was told of %v", statuses)
	}
}

// A source whose errors are of no known kind is at fault itself.
func TestSourceError(t *testing.T) {
	t.Parallel()
	in := start(t, func(o *server.Options) { o.Hooks = []server.Hook{{Source: faulty{}}} })
	a := send(t, delivery(t, in.url+"/webhooks/faulty", "push", nil))
	if a.status != 500 || a.body["error"] != "the delivery could not be read" {
		t.Errorf("%d %s", a.status, a.text)
	}
	if !strings.Contains(in.log.String(), "disk on fire") {
		t.Errorf("the log does not say why:\n%s", in.log)
	}
}

type faulty struct{}

func (faulty) Vendor() string { return "faulty" }

func (faulty) Screen(map[string][]string) error { return nil }

func (faulty) Receive(map[string][]string, []byte) (events.Event, error) {
	return events.Event{}, errors.New("disk on fire")
}

// While events cannot be stored the cause is logged once, and not for each
// delivery that is refused.
func TestOutageIsLoggedOnce(t *testing.T) {
	t.Parallel()
	in := start(t, nil)
	var away atomic.Bool
	in.sink.accept = func(context.Context) error {
		if away.Load() {
			return fmt.Errorf("%w: disk on fire", server.ErrUnavailable)
		}
		return nil
	}
	for range 2 {
		away.Store(true)
		for range 20 {
			a := send(t, delivery(t, in.url+"/", "push", payload(t, "push")))
			if a.status != 503 || a.header.Get("Retry-After") == "" || a.body["error"] != server.ErrUnavailable.Error() {
				t.Errorf("%d, Retry-After %q: %s", a.status, a.header.Get("Retry-After"), a.text)
			}
		}
		away.Store(false)
		if a := send(t, delivery(t, in.url+"/", "push", payload(t, "push"))); a.status != 202 {
			t.Errorf("%d %s", a.status, a.text)
		}
	}
	said := in.log.String()
	for text, want := range map[string]int{"disk on fire": 2, `"level":"ERROR"`: 2, `"refused":20`: 2, `"status":503`: 40} {
		if got := strings.Count(said, text); got != want {
			t.Errorf("the log has %q %d times, want %d:\n%s", text, got, want, said)
		}
	}
}
