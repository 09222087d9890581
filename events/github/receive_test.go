package github_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
)

const secret = "correct horse battery staple"

func sign(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func newSource(t testing.TB, secrets ...string) *github.Source {
	t.Helper()
	s, err := github.New(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The example in GitHub's documentation, "Validating webhook deliveries".
func TestSignatureOfTheDocumentation(t *testing.T) {
	t.Parallel()
	s := newSource(t, "It's a Secret to Everybody")
	_, err := s.Receive(map[string][]string{
		"X-Hub-Signature-256": {"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
	}, []byte("Hello, World!"))
	var unauthenticated *events.UnauthenticatedError
	var malformed *events.MalformedError
	if errors.As(err, &unauthenticated) || !errors.As(err, &malformed) {
		t.Errorf("error %v, want only that the event's name is missing", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][]string{
		"none": nil, "empty": {""}, "blank": {" \n"}, "one of two": {secret, ""},
	} {
		s, err := github.New(secrets...)
		if err == nil {
			t.Errorf("%s: made %v", name, s)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error repeats a secret: %v", name, err)
		}
	}
}

func TestSourceDoesNotPrintSecrets(t *testing.T) {
	t.Parallel()
	s := newSource(t, secret)
	if text := fmt.Sprintf("%v %+v %s", s, s, s); text != "source github source github source github" {
		t.Errorf("prints %q", text)
	}
}

func TestReceive(t *testing.T) {
	t.Parallel()
	s := newSource(t, secret)
	body := read(t, "pull_request_fork")
	want, err := github.Parse("pull_request", body)
	if err != nil {
		t.Fatal(err)
	}
	want.Delivery = "d1"
	form := []byte(url.Values{"payload": {string(body)}}.Encode())
	for name, delivery := range map[string]struct {
		header map[string][]string
		body   []byte
	}{
		"canonical keys": {map[string][]string{
			"X-Github-Event": {"pull_request"}, "X-Github-Delivery": {"d1"},
			"X-Hub-Signature-256": {sign(secret, body)}, "Content-Type": {"application/json"},
		}, body},
		"keys as HTTP/2 has them": {map[string][]string{
			"x-github-event": {"pull_request"}, "x-github-delivery": {"d1"},
			"x-hub-signature-256": {sign(secret, body)}, "content-type": {"application/json"},
		}, body},
		"form": {map[string][]string{
			"X-GitHub-Event": {"pull_request"}, "X-GitHub-Delivery": {"d1"},
			"X-Hub-Signature-256": {sign(secret, form)}, "Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"},
		}, form},
	} {
		got, err := s.Receive(delivery.header, delivery.body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: event (-want +got):\n%s", name, diff)
		}
	}
}

// What is known of a delivery that plans nothing is there for the log.
func TestReceiveNothing(t *testing.T) {
	t.Parallel()
	e, err := github.NewInsecure().Receive(map[string][]string{
		"X-GitHub-Event": {"push"}, "X-GitHub-Delivery": {"d1"},
	}, read(t, "push_deleted"))
	var nothing *events.NothingError
	if !errors.As(err, &nothing) || e.Delivery != "d1" || e.Name != "push" || e.Repository == nil || e.Trusted {
		t.Errorf("event %+v, error %v", e, err)
	}
}

// Two spellings of one key are two values.
func TestReceiveTwoSignatures(t *testing.T) {
	t.Parallel()
	body := read(t, "push")
	_, err := newSource(t, secret).Receive(map[string][]string{
		"X-GitHub-Event": {"push"}, "X-Hub-Signature-256": {sign(secret, body)}, "x-hub-signature-256": {sign("x", body)},
	}, body)
	var unauthenticated *events.UnauthenticatedError
	if !errors.As(err, &unauthenticated) {
		t.Errorf("error %v", err)
	}
}
