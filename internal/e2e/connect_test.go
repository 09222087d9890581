package e2e_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// newProxy starts a proxy for HTTPS that connects to one server, whatever it is
// asked for, and returns its address.
func newProxy(t *testing.T, target string) string {
	t.Helper()
	var passing sync.WaitGroup
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "CONNECT alone", http.StatusMethodNotAllowed)
			return
		}
		server, err := net.Dial("tcp", target)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		client, rest, err := w.(http.Hijacker).Hijack()
		if err != nil {
			server.Close()
			return
		}
		if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			client.Close()
			server.Close()
			return
		}
		passing.Go(func() {
			_, _ = io.Copy(server, rest) // ends when either side does
			server.Close()
		})
		passing.Go(func() {
			_, _ = io.Copy(client, server)
			client.Close()
		})
	}))
	t.Cleanup(func() {
		proxy.Close()
		passing.Wait()
	})
	return proxy.URL
}
