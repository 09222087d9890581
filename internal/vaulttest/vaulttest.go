// Package vaulttest stands in for HashiCorp Vault's key/value store, version 2,
// for clients that only read
// (https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2).
package vaulttest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Server is a Vault with one store, mounted at secret, and one token. A request
// that Vault's own client would not send fails the test.
type Server struct {
	// URL is what VAULT_ADDR is set to.
	URL string
	// Token is the one that is let in.
	Token string

	t      testing.TB
	mu     sync.Mutex
	stored map[string]map[string]string
	paths  []string
}

// Start starts a server that ends with the test.
func Start(t testing.TB, token string) *Server {
	t.Helper()
	s := &Server{t: t, Token: token, stored: map[string]map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Put stores the fields of a secret in place of those that it had.
func (s *Server) Put(path string, fields map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored[path] = fields
}

// Asked returns the paths of all requests so far.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.paths...)
}

// ServeHTTP answers as Vault does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = append(s.paths, r.URL.Path)
	body, err := io.ReadAll(r.Body)
	path, ok := strings.CutPrefix(r.URL.Path, "/v1/secret/data/")
	switch {
	case err != nil || len(body) > 0 || r.Method != http.MethodGet || !ok || r.URL.RawQuery != "" || r.Header.Get("X-Vault-Request") != "true":
		s.t.Errorf("no request of Vault's client: %s %s with %d bytes and X-Vault-Request %q", r.Method, r.URL, len(body), r.Header.Get("X-Vault-Request"))
		s.answer(w, http.StatusMethodNotAllowed, map[string]any{"errors": []string{"unsupported operation"}})
	case r.Header.Get("X-Vault-Token") != s.Token:
		s.answer(w, http.StatusForbidden, map[string]any{"errors": []string{"permission denied"}})
	case s.stored[path] == nil:
		s.answer(w, http.StatusNotFound, map[string]any{"errors": []string{}})
	default:
		s.answer(w, http.StatusOK, map[string]any{
			"request_id": "00000000-0000-0000-0000-000000000000", "lease_id": "", "renewable": false, "lease_duration": 0,
			"data": map[string]any{
				"data": s.stored[path],
				"metadata": map[string]any{
					"created_time": "2026-01-02T03:04:05.678901234Z", "custom_metadata": nil, "deletion_time": "", "destroyed": false, "version": 1,
				},
			},
			"wrap_info": nil, "warnings": nil, "auth": nil, "mount_type": "kv",
		})
	}
}

func (s *Server) answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		s.t.Errorf("answer: %v", err)
	}
}
