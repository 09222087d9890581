package tokens_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events/tokens"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/poll/polltest"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/store"
)

// Sources that pull do what all have to do that are asked, from a file and over
// https, on both databases. At first there is a token already.
func TestPullConformance(t *testing.T) {
	for name, database := range databases(t) {
		t.Run(name+", https", func(t *testing.T) {
			polltest.Run(t, database, func(t *testing.T) polltest.World {
				shelf, signer, number := newShelf(t), newSigner(t), 0
				put := func(t *testing.T) string {
					number++
					shelf.put(sign(t, signer, fmt.Sprint("t", number), 0))
					return "web"
				}
				put(t)
				return polltest.World{
					New: func(t *testing.T) poll.Source {
						return newSource(t, pulled(signer, shelf.URL+"/web.jwt"), tokens.Options{Transport: shelf.transport()})
					},
					Happen: put,
					Now:    time.Now,
					Break: func(*testing.T) func() {
						shelf.answer(http.StatusBadGateway)
						return func() { shelf.answer(http.StatusOK) }
					},
				}
			})
		})
		t.Run(name+", a file", func(t *testing.T) {
			polltest.Run(t, database, func(t *testing.T) polltest.World {
				name, signer, number, text := file(t), newSigner(t), 0, ""
				put := func(t *testing.T) string {
					number++
					text = sign(t, signer, fmt.Sprint("t", number), 0)
					write(t, name, text+"\n")
					return "web"
				}
				put(t)
				return polltest.World{
					New:    func(t *testing.T) poll.Source { return newSource(t, pulled(signer, name), tokens.Options{}) },
					Happen: put,
					Now:    time.Now,
					Break: func(t *testing.T) func() {
						write(t, name, sign(t, newSigner(t), "stranger's", 0))
						return func() { write(t, name, text) }
					},
				}
			})
		})
	}
}

// Whatever is wrong with a token, it is said, nothing is stored, and what was
// accepted stays.
func TestPullRefuses(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir()})
	signer, name := newSigner(t), file(t)
	source := newSource(t, pulled(signer, name), tokens.Options{})
	write(t, name, sign(t, signer, "first", 0))
	if err := poll1(t, s, source); err != nil {
		t.Fatal(err)
	}
	second := sign(t, signer, "second", time.Second)
	write(t, name, second)
	if err := poll1(t, s, source); err != nil {
		t.Fatal(err)
	}
	events, before := stored(t, s), guard(t, s)
	if diff := cmp.Diff([]string{"pull web first", "pull web second"}, events); diff != "" {
		t.Fatal(diff)
	}
	expired := time.Now().Add(-2 * time.Hour)
	for what, c := range map[string]struct {
		text string
		want error
		says string
	}{
		"wrong key":     {sign(t, newSigner(t), "third", 0), signed.ErrKey, "not signed by a trusted key"},
		"expired":       {signAs(t, signer, signed.Claims{IssuedAt: expired, Expires: expired.Add(time.Hour), Content: signed.Content{Source: "web"}}), signed.ErrExpired, "expired"},
		"not yet valid": {sign(t, signer, "third", time.Hour), signed.ErrNotYetValid, "not valid yet"},
		"older":         {sign(t, signer, "third", -time.Minute), signed.ErrOlder, "older"},
		"replayed":      {sign(t, signer, "first", time.Second), signed.ErrReplayed, "accepted before"},
		"other source":  {signAs(t, signer, signed.Claims{Expires: time.Now().Add(time.Hour), Content: signed.Content{Source: "other"}}), signed.ErrSource, `it names "other"`},
		"for ever":      {signAs(t, signer, signed.Claims{Content: signed.Content{Source: "web"}}), signed.ErrClaims, "exp is missing"},
		"garbage":       {"<html>", signed.ErrMalformed, "malformed"},
		"nothing":       {"", signed.ErrMalformed, "malformed"},
		"too large":     {strings.Repeat("x", signed.MaxToken+1), nil, "larger than"},
	} {
		t.Run(what, func(t *testing.T) {
			write(t, name, c.text)
			err := poll1(t, s, source)
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			contains(t, err, name+": ")
			contains(t, err, c.says)
			if asked, ok := errors.AsType[*poll.RetryAfterError](err); !ok || asked.After != time.Minute {
				t.Errorf("it does not wait for the interval: %#v", err)
			}
			if diff := cmp.Diff(events, stored(t, s)); diff != "" || guard(t, s) != before {
				t.Errorf("something changed, to %s: %s", guard(t, s), diff)
			}
		})
	}
	write(t, name, second)
	if err := poll1(t, s, source); err != nil {
		t.Errorf("the old token again: %v", err)
	}
}

// A token is said by the poller until it is mended.
func TestPullStates(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir()})
	signer, name := newSigner(t), file(t)
	write(t, name, "garbage")
	p := poll.New(poll.Config{Store: s, Log: quiet()})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	defer func() { cancel(); <-ended }()
	p.Set(tokens.Kind, []poll.Source{newSource(t, pulled(signer, name), tokens.Options{})})
	eventually(t, func() bool {
		states := p.States(tokens.Kind)
		return len(states) == 1 && states[0].Failures == 1 && strings.Contains(states[0].Error, "malformed token") && time.Until(states[0].Next) > 50*time.Second
	})
	write(t, name, sign(t, signer, "a", 0))
	p.Nudge(tokens.Kind, "web")
	eventually(t, func() bool {
		states := p.States(tokens.Kind)
		return len(states) == 1 && states[0].Failures == 0 && states[0].Error == ""
	})
	if diff := cmp.Diff([]string{"pull web a"}, stored(t, s)); diff != "" {
		t.Error(diff)
	}
}

// A server is asked whether its answer still holds, and its body is read once.
func TestPullETag(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir()})
	signer, shelf := newSigner(t), newShelf(t)
	source := newSource(t, pulled(signer, shelf.URL), tokens.Options{Transport: shelf.transport()})
	shelf.put(sign(t, signer, "a", 0))
	for range 3 {
		if err := poll1(t, s, source); err != nil {
			t.Fatal(err)
		}
	}
	shelf.put(sign(t, signer, "b", 0))
	for range 2 {
		if err := poll1(t, s, source); err != nil {
			t.Fatal(err)
		}
	}
	if shelf.asked != 5 || shelf.full != 2 {
		t.Errorf("asked %d times, and %d bodies were sent", shelf.asked, shelf.full)
	}
	// A token is judged by the time of each look, also if it was not sent again.
	shelf.put(signAs(t, signer, signed.Claims{
		ID: "c", IssuedAt: time.Now().Add(90 * time.Second), Expires: time.Now().Add(time.Hour), Content: signed.Content{Source: "web"},
	}))
	if err := poll1(t, s, source); !errors.Is(err, signed.ErrNotYetValid) {
		t.Errorf("got %v", err)
	}
	if _, err := poll.Once(t.Context(), s, source, time.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	if shelf.full != 3 {
		t.Errorf("%d bodies were sent", shelf.full)
	}
	if diff := cmp.Diff([]string{"pull web a", "pull web b", "pull web c"}, stored(t, s)); diff != "" {
		t.Error(diff)
	}
	shelf.etags = false
	shelf.put(sign(t, signer, "d", 2*time.Minute))
	for range 2 {
		if _, err := poll.Once(t.Context(), s, source, time.Now().Add(2*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if shelf.full != 5 {
		t.Errorf("%d bodies were sent", shelf.full)
	}
}

// Paths are tried in their order. What is wrong with one is said, unless another one
// has something new.
func TestPullPaths(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir()})
	signer, first, second := newSigner(t), file(t), file(t)
	source := newSource(t, pulled(signer, first, second), tokens.Options{})
	contains(t, poll1(t, s, source), first+": no such file or directory; "+second+": no such file")
	write(t, second, sign(t, signer, "a", 0))
	if err := poll1(t, s, source); err != nil {
		t.Error(err)
	}
	contains(t, poll1(t, s, source), first+": no such file or directory")
	write(t, first, sign(t, signer, "b", time.Second))
	for range 2 {
		if err := poll1(t, s, source); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"pull web a", "pull web b"}, stored(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestPullFiles(t *testing.T) {
	signer, dir := newSigner(t), t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link, dir} {
		s := open(t, store.Options{DataDir: t.TempDir()})
		contains(t, poll1(t, s, newSource(t, pulled(signer, path), tokens.Options{})), path+": it is not a regular file")
	}
}

// Servers may send elsewhere, but not into clear text, and other hosts do not get the
// headers. Queries are not told.
func TestPullRedirects(t *testing.T) {
	signer, shelf, hops := newSigner(t), newShelf(t), 0
	shelf.put(sign(t, signer, "a", 0))
	clear := httptest.NewServer(http.NotFoundHandler())
	defer clear.Close()
	front := httptest.NewTLSServer(nil)
	defer front.Close()
	front.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops++
		switch r.URL.Path {
		case "/other":
			if r.Header.Get("X-Key") != "hunter2" {
				t.Errorf("the headers are %v", r.Header)
			}
			http.Redirect(w, r, shelf.URL, http.StatusFound)
		case "/clear":
			http.Redirect(w, r, clear.URL, http.StatusFound)
		default:
			http.Redirect(w, r, "/loop", http.StatusFound)
		}
	})
	transport := front.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.RootCAs.AddCert(shelf.Certificate())
	look := func(path string) (*store.Store, error) {
		c := pulled(signer, front.URL+path+"?token=hunter3")
		c.Pull.Headers = map[string]settings.Secret{"X-Key": {Env: "KEY"}}
		source := newSource(t, c, tokens.Options{Transport: transport, Secret: func(settings.Secret) (string, error) { return "hunter2", nil }})
		s := open(t, store.Options{DataDir: t.TempDir()})
		err := poll1(t, s, source)
		if err != nil && (strings.Contains(err.Error(), "hunter") || !strings.Contains(err.Error(), front.URL+path+": ")) {
			t.Errorf("it says %v", err)
		}
		return s, err
	}
	s, err := look("/other")
	if err != nil || len(stored(t, s)) != 1 {
		t.Errorf("got %v", err)
	}
	if shelf.headers.Get("X-Key") != "" {
		t.Error("another host has the headers")
	}
	_, err = look("/clear")
	contains(t, err, "where it is not https")
	hops = 0
	_, err = look("/loop")
	contains(t, err, "more than 5 times")
	if hops > 7 {
		t.Errorf("it was sent elsewhere %d times", hops)
	}
}

// A secret without a value keeps a configuration from being put into force.
func TestPullHeaderWithoutValue(t *testing.T) {
	c := pulled(newSigner(t), "https://a.example.com")
	c.Pull.Headers = map[string]settings.Secret{"X-Key": {Env: "KEY"}}
	_, err := tokens.NewSet([]settings.SignedSource{c}, tokens.Options{Secret: func(settings.Secret) (string, error) { return "", errors.New("not set") }})
	contains(t, err, "the header X-Key of the source web of signed tokens: not set")
}
