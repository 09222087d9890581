package server_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/server"
)

const secret = "correct horse battery staple"

// sink keeps what it accepts, or fails.
type sink struct {
	mu     sync.Mutex
	events []events.Event
	// deliveries are what the events came with.
	deliveries []server.Delivery
	accept     func(ctx context.Context) error
	// receipt makes the receipt of an event other than a plain one.
	receipt func(events.Event) server.Receipt
}

func (s *sink) Accept(ctx context.Context, d server.Delivery) (server.Receipt, error) {
	if s.accept != nil {
		if err := s.accept(ctx); err != nil {
			return server.Receipt{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events, s.deliveries = append(s.events, d.Event), append(s.deliveries, d)
	if s.receipt != nil {
		return s.receipt(d.Event), nil
	}
	return server.Receipt{Event: d.Event.ID, Run: int64(len(s.events)), Reason: d.Nothing}, nil
}

func (s *sink) accepted() []events.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events
}

// intake is a server on a real connection.
type intake struct {
	url    string
	sink   *sink
	log    *syncBuffer
	server *server.Server
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func start(t testing.TB, change func(*server.Options)) *intake {
	t.Helper()
	source, err := github.New(secret)
	if err != nil {
		t.Fatal(err)
	}
	in := &intake{sink: &sink{}, log: &syncBuffer{}}
	log := slog.New(slog.NewJSONHandler(in.log, nil))
	options := server.Options{Hooks: []server.Hook{{Source: source}}, Sink: in.sink, Log: log}
	if change != nil {
		change(&options)
	}
	handler, err := server.New(options)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(nil)
	web.Config = server.NewHTTPServer(handler, log)
	web.Start()
	t.Cleanup(web.Close)
	in.url, in.server = web.URL, handler
	return in
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

func send(t testing.TB, r *http.Request) answer {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, text: string(data)}
	if r.Method == http.MethodHead {
		return a
	}
	if err := json.Unmarshal(data, &a.body); err != nil || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s: the answer is not JSON: %s %q", r.Method, r.URL.Path, a.header.Get("Content-Type"), data)
	}
	return a
}

// delivery is a correct delivery of a body; tests then break it.
func delivery(t testing.TB, to, kind string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", kind)
	r.Header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	r.Header.Set("X-Hub-Signature", "sha1="+hex.EncodeToString(hmacSHA1(body)))
	r.Header.Set("X-Hub-Signature-256", sign(secret, body))
	return r
}

func sign(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func hmacSHA1(body []byte) []byte {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(body)
	return mac.Sum(nil)
}

func payload(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../testdata/payloads/github", file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
