package github_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/events/github/githubtest"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

const tokenRequest = "POST /app/installations/815/access_tokens"

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

func newClock(w *githubtest.World) *clock {
	c := &clock{at: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)}
	w.App.Now = c.now
	return c
}

func count(requests []string, want string) int {
	return len(slices.DeleteFunc(slices.Clone(requests), func(s string) bool { return s != want }))
}

// A token is made once, kept while it is good for ten more minutes, and then
// replaced.
func TestAppKeepsTokens(t *testing.T) {
	w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
	at := newClock(w)
	c := w.AppClient()
	var tokens []string
	for _, later := range []time.Duration{0, 40 * time.Minute, 9 * time.Minute, 2 * time.Minute, time.Hour} {
		at.add(later)
		user, token, err := c.Credentials(t.Context(), forgetest.Repository)
		if err != nil || user != "x-access-token" {
			t.Fatalf("after %s: %q, %v", later, user, err)
		}
		if left := w.App.Tokens[token].Sub(at.now()); left < 10*time.Minute {
			t.Errorf("after %s the token is valid for %s only", later, left)
		}
		tokens = append(tokens, token)
	}
	if tokens[0] != tokens[1] || tokens[1] != tokens[2] || tokens[2] == tokens[3] || tokens[3] == tokens[4] {
		t.Errorf("tokens %q", tokens)
	}
	if n := count(w.Since(0), "GET /repos/acme/shop/installation"); n != 1 {
		t.Errorf("the installation is looked up %d times", n)
	}
	if _, err := c.PullRequest(t.Context(), forgetest.Repository, 7); err != nil {
		t.Error(err)
	}
}

func TestAppRefreshesOnceForMany(t *testing.T) {
	w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
	at := newClock(w)
	c := w.AppClient()
	if _, err := c.PullRequest(t.Context(), forgetest.Repository, 7); err != nil {
		t.Fatal(err)
	}
	at.add(time.Hour)
	before := w.Requests()
	w.App.Hold = make(chan struct{})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := c.PullRequest(t.Context(), forgetest.Repository, 7); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	// One whose time is up does not take the token away from the others.
	short, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	if _, err := c.PullRequest(short, forgetest.Repository, 7); !errors.Is(err, gone) {
		t.Errorf("the one that is gone: %v", err)
	}
	close(w.App.Hold)
	wg.Wait()
	if n := count(w.Since(before), tokenRequest); n != 1 {
		t.Errorf("%d tokens are made", n)
	}
}

// While GitHub makes no new token the old one is used for as long as it is valid.
func TestAppUsesTheOldToken(t *testing.T) {
	w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
	at := newClock(w)
	c := w.AppClient()
	_, first, err := c.Credentials(t.Context(), forgetest.Repository)
	if err != nil {
		t.Fatal(err)
	}
	at.add(55 * time.Minute)
	w.Fail(4, http.StatusBadGateway, nil)
	if _, token, err := c.Credentials(t.Context(), forgetest.Repository); err != nil || token != first {
		t.Errorf("before it expires: %q, %v", token, err)
	}
	at.add(6 * time.Minute)
	w.Fail(4, http.StatusBadGateway, nil)
	if _, token, err := c.Credentials(t.Context(), forgetest.Repository); err == nil || strings.Contains(err.Error(), first) {
		t.Errorf("afterwards: %q, %v", token, err)
	}
	if _, token, err := c.Credentials(t.Context(), forgetest.Repository); err != nil || token == first {
		t.Errorf("when GitHub is back: %q, %v", token, err)
	}
}

// A token that GitHub does not take any more, though it should be valid, is
// replaced at once.
func TestAppReplacesARevokedToken(t *testing.T) {
	w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
	c := w.AppClient()
	if _, err := c.PullRequest(t.Context(), forgetest.Repository, 7); err != nil {
		t.Fatal(err)
	}
	w.Lock()
	clear(w.App.Tokens)
	w.Unlock()
	if _, err := c.PullRequest(t.Context(), forgetest.Repository, 7); err != nil {
		t.Error(err)
	}
	if n := count(w.Since(0), tokenRequest); n != 2 {
		t.Errorf("%d tokens are made", n)
	}
}

func TestAppThatIsNotInstalled(t *testing.T) {
	w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
	_, _, err := w.AppClient().Credentials(t.Context(), "acme/gone")
	if !errors.Is(err, forge.ErrNotFound) || !strings.Contains(err.Error(), "the App to be installed there") {
		t.Errorf("the error is %v", err)
	}
	if _, _, err := w.AppClient().Credentials(t.Context(), "acme"); err == nil {
		t.Error("an organisation is cloned")
	}
}

// An App that was installed anew has another installation.
func TestAppThatWasInstalledAnew(t *testing.T) {
	w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
	at := newClock(w)
	c := w.AppClient()
	if _, _, err := c.Credentials(t.Context(), forgetest.Repository); err != nil {
		t.Fatal(err)
	}
	at.add(time.Hour)
	w.Lock()
	w.Fails = []githubtest.Failing{{Status: http.StatusNotFound, Body: `{"message":"Not Found"}`}}
	w.Unlock()
	if _, _, err := c.Credentials(t.Context(), forgetest.Repository); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("the error is %v", err)
	}
	if _, _, err := c.Credentials(t.Context(), forgetest.Repository); err != nil {
		t.Error(err)
	}
	if n := count(w.Since(0), "GET /repos/acme/shop/installation"); n != 2 {
		t.Errorf("the installation is looked up %d times", n)
	}
}

func TestAppKnowsItsLimits(t *testing.T) {
	w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
	c := w.AppClient()
	if _, _, err := c.Credentials(t.Context(), forgetest.Repository); err != nil || c.Limited() != nil {
		t.Fatalf("%v, %v", err, c.Limited())
	}
	w.Fail(1, http.StatusTooManyRequests, http.Header{"Retry-After": {"60"}})
	_, err := c.PullRequest(t.Context(), forgetest.Repository, 7)
	if limit, ok := errors.AsType[*forge.LimitError](err); !ok || c.Limited() != limit {
		t.Errorf("%v, and known is %v", err, c.Limited())
	}
}

func TestNewClientRefuses(t *testing.T) {
	key := githubtest.PEM(githubtest.KeyOfTests())
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]github.ClientOptions{
		"nothing":           {},
		"both":              {Token: forgetest.TokenOfTests, AppID: githubtest.AppID, PrivateKey: key},
		"no id":             {PrivateKey: key},
		"no key":            {AppID: githubtest.AppID},
		"half a key":        {AppID: githubtest.AppID, PrivateKey: key[:len(key)/2]},
		"a key of 1024":     {AppID: githubtest.AppID, PrivateKey: githubtest.PEM(small)},
		"a key of a curve":  {AppID: githubtest.AppID, PrivateKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})},
		"no address":        {Token: forgetest.TokenOfTests, API: "ghe.example.com"},
		"credentials in it": {Token: forgetest.TokenOfTests, API: "https://u:s3cret@ghe.example.com"},
	} {
		c, err := github.NewClient(o)
		if err == nil || strings.Contains(err.Error(), forgetest.TokenOfTests) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "MII") {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(githubtest.KeyOfTests())
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]github.ClientOptions{
		"a token": {Token: forgetest.TokenOfTests}, "an App": {AppID: githubtest.AppID, PrivateKey: key},
		"PKCS #8":              {AppID: githubtest.AppID, PrivateKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})},
		"an Enterprise Server": {Token: forgetest.TokenOfTests, API: "https://ghe.example.com/api/v3"},
	} {
		c, err := github.NewClient(o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if text := fmt.Sprintf("%v %+v %#v %s", c, c, c, c); strings.Contains(text, forgetest.TokenOfTests) || bytes.Contains([]byte(text), []byte("BEGIN")) || len(text) > 200 {
			t.Errorf("%s is printed as %s", name, text)
		}
	}
}
