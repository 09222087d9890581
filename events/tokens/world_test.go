package tokens_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/tokens"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/store/pgtest"
)

// shop is whose functions are called.
var shop = &events.Repository{FullName: "acme/shop", CloneURL: "https://git.example.com/acme/shop.git"}

func aim(_ context.Context, _ settings.Target, e *events.Event) error {
	e.Repository, e.Ref, e.Branch = shop, "refs/heads/main", "main"
	return nil
}

func newSigner(t testing.TB) signed.Signer {
	t.Helper()
	s, err := signed.NewSigner("build")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// conf is a source that trusts keys.
func conf(signers ...signed.Signer) settings.SignedSource {
	c := settings.SignedSource{Name: "web", Push: true, Calls: settings.Target{Repository: "acme/shop"}}
	for _, s := range signers {
		c.Keys = append(c.Keys, s.Public())
	}
	return c
}

// sign makes a token for the source web, which was signed some time from now and
// expires an hour later.
func sign(t testing.TB, s signed.Signer, id string, when time.Duration) string {
	t.Helper()
	at := time.Now().Add(when)
	return signAs(t, s, signed.Claims{
		ID: id, IssuedAt: at, Expires: at.Add(time.Hour),
		Content: signed.Content{Source: "web", Payload: json.RawMessage(fmt.Sprintf("%q", "payload of "+id))},
	})
}

func signAs(t testing.TB, s signed.Signer, c signed.Claims) string {
	t.Helper()
	text, err := signed.Sign(s, c)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func newSource(t testing.TB, c settings.SignedSource, o tokens.Options) *tokens.Source {
	t.Helper()
	if o.Aim == nil {
		o.Aim = aim
	}
	s, err := tokens.New(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var postgres = sync.OnceValues(pgtest.Start)

func TestMain(m *testing.M) {
	code := m.Run()
	if server, err := postgres(); err == nil {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// databases are those that everything has to hold on, each new.
func databases(t *testing.T) map[string]func(*testing.T) store.Options {
	kinds := map[string]func(*testing.T) store.Options{
		"SQLite": func(t *testing.T) store.Options { return store.Options{DataDir: t.TempDir()} },
	}
	server, err := postgres()
	if errors.Is(err, pgtest.ErrMissing) && os.Getenv("CI") == "" {
		t.Log(err)
		return kinds
	}
	if err != nil {
		t.Fatal(err)
	}
	kinds["PostgreSQL"] = func(t *testing.T) store.Options {
		dsn, err := server.Migrated(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return store.Options{DSN: dsn}
	}
	return kinds
}

// shelf is a server over https that has one text.
type shelf struct {
	*httptest.Server
	mu     sync.Mutex
	text   string
	status int
	// etags says that the server sends and honours them.
	etags       bool
	asked, full int
	headers     http.Header
}

func newShelf(t testing.TB) *shelf {
	s := &shelf{status: http.StatusOK, etags: true}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked++
		s.headers = r.Header.Clone()
		if s.status != http.StatusOK {
			w.WriteHeader(s.status)
			return
		}
		etag := strconv.Quote(signed.Hash(s.text))
		if s.etags {
			w.Header().Set("ETag", etag)
		}
		if s.etags && r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		s.full++
		_, _ = w.Write([]byte(s.text))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *shelf) put(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.status = text, http.StatusOK
}

func (s *shelf) answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *shelf) transport() http.RoundTripper { return s.Client().Transport }

// stored lists the events that are stored, the oldest first.
func stored(t testing.TB, s *store.Store) []string {
	t.Helper()
	all, err := s.Events(t.Context(), store.EventFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range all {
		list = append([]string{e.Name + " " + e.Filter + " " + e.Delivery}, list...)
	}
	return list
}

// guard is what a source remembers.
func guard(t testing.TB, s *store.Store) string {
	t.Helper()
	p, err := s.Position(t.Context(), tokens.Kind, "web")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(p.Version, string(p.Value))
}

// write puts a text into a file, as a whole.
func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// pulled is a configuration that pulls from paths.
func pulled(signer signed.Signer, paths ...string) settings.SignedSource {
	c := conf(signer)
	c.Push, c.Pull = false, &settings.SignedPull{Paths: paths, Every: time.Minute}
	return c
}

func poll1(t testing.TB, s *store.Store, source poll.Source) error {
	t.Helper()
	_, err := poll.Once(t.Context(), s, source, time.Now())
	return err
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "web.jwt") }

func contains(t testing.TB, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want %q in it", err, text)
	}
}
