package server_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/server"
)

// Whoever sends nothing that looks like a signature does not get to send a
// body: here it never comes.
func TestUnsignedBodyIsNotRead(t *testing.T) {
	in := start(t, nil)
	body, never := io.Pipe()
	defer never.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, in.url+"/webhooks/github", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "push")
	if a := send(t, r); a.status != http.StatusUnauthorized {
		t.Errorf("got %d, want 401", a.status)
	}
}

// Bodies that are announced and never come must not take the memory of the
// machine. Beyond a limit deliveries are refused until some are done.
func TestBodiesOfStallingSendersAreLimited(t *testing.T) {
	in := start(t, nil)
	address := strings.TrimPrefix(in.url, "http://")
	var stalled []net.Conn
	for range 11 { // of 25 MiB each, more than 256 MiB
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		stalled = append(stalled, conn)
		defer conn.Close()
		if _, err := io.WriteString(conn, "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 26214400\r\n"+
			"X-Hub-Signature-256: sha256="+strings.Repeat("ab", 32)+"\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
	}
	large := []byte(`{"padding": "` + strings.Repeat("x", server.MaxBody-100) + `"}`)
	deadline := time.Now().Add(10 * time.Second)
	for {
		a := send(t, delivery(t, in.url+"/webhooks/github", "push", large))
		if a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %d with 11 bodies stalled, want 503 with Retry-After", a.status)
		}
	}
	if a := send(t, delivery(t, in.url+"/webhooks/github", "ping", []byte(`{}`))); a.status != http.StatusOK {
		t.Errorf("a small delivery beside them gives %d, want 200", a.status)
	}
	for _, conn := range stalled {
		conn.Close()
	}
	for {
		if a := send(t, delivery(t, in.url+"/webhooks/github", "ping", []byte(`{}`+strings.Repeat(" ", server.MaxBody-100)))); a.status == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("large deliveries are still refused after the stalled ones have gone")
		}
	}
}
