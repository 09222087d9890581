// Package gittest serves real git repositories over real smart HTTP, for tests
// and for the demo: git http-backend behind an HTTP server, with basic
// authentication, a log of all requests, and failures on demand. [Repo] builds
// repositories commit by commit without a work tree, always with the same shas
// for the same calls.
package gittest

import (
	"bytes"
	"crypto/subtle"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// T is the part of [testing.TB] that this package needs, so that programs
// that are not tests can use it too.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
	TempDir() string
	Cleanup(func())
}

// Server is a smart-HTTP git server. Its methods may be called while it
// serves.
type Server struct {
	// URL is the address of the server without a trailing slash.
	URL string
	// Root is the folder that holds the repositories.
	Root string

	t    T
	http *httptest.Server
	done chan struct{}

	mu       sync.Mutex
	user     string
	password string
	protocol bool
	delay    time.Duration
	failures []int
	redirect string
	requests []Request
	mounts   map[string]http.Handler
}

// Request is one request that reached the server, refused ones included.
type Request struct {
	Method string
	// Path is the path of the request without the query.
	Path string
	// Service is git-upload-pack or git-receive-pack.
	Service string
	// Authorization is the header as it was sent.
	Authorization string
	// Protocol is the Git-Protocol header, such as version=2.
	Protocol string
	// Status is the status that was answered.
	Status int
}

// NewServer starts a server without repositories on a free loopback port. It
// ends with the test.
func NewServer(t T) *Server { return newServer(t, false) }

// NewTLSServer is NewServer with https. Clients must trust CAFile. Its certificate is
// for its address and for the names given.
func NewTLSServer(t T, names ...string) *Server { return newServer(t, true, names...) }

func newServer(t T, https bool, names ...string) *Server {
	t.Helper()
	backend, err := backendPath()
	if err != nil {
		t.Fatalf("find git http-backend: %v", err)
	}
	s := &Server{t: t, Root: t.TempDir(), protocol: true, done: make(chan struct{})}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serve(backend, w, r)
	}))
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	if https {
		if len(names) > 0 {
			certificate, err := certificateFor(names)
			if err != nil {
				t.Fatalf("make a certificate: %v", err)
			}
			s.http.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
		}
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	s.URL = s.http.URL
	t.Cleanup(func() {
		close(s.done)
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// backendPath finds the CGI program that comes with git.
func backendPath() (string, error) {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return "", err
	}
	path := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	_, err = os.Stat(path)
	return path, err
}

// Host is the host and port of the server, as a list of trusted hosts has it.
func (s *Server) Host() string {
	_, host, _ := strings.Cut(s.URL, "://")
	return host
}

// CloneURL is the address of the repository with the given full name. The
// repository need not exist.
func (s *Server) CloneURL(fullName string) string { return s.URL + "/" + fullName + ".git" }

// Auth demands basic authentication for every request from now on. An empty
// user opens the server again.
func (s *Server) Auth(user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user, s.password = user, password
}

// Fail answers the next n requests with the status.
func (s *Server) Fail(n, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.failures = append(s.failures, status)
	}
}

// Slow lets every request from now on wait before it is answered, until the
// client hangs up or the server ends.
func (s *Server) Slow(delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = delay
}

// RedirectTo answers every request from now on with a redirect to the same
// path below base, which has no trailing slash. Empty ends that.
func (s *Server) RedirectTo(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redirect = base
}

// Old makes the server speak version 0 of git's protocol only, as servers did
// that refuse every commit that is not the tip of a ref.
func (s *Server) Old() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.protocol = false
}

// Handle has h answer the requests whose paths begin with prefix, as a forge serves
// its API beside its repositories. They need no password, and are not among
// [Server.Requests].
func (s *Server) Handle(prefix string, h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mounts == nil {
		s.mounts = map[string]http.Handler{}
	}
	s.mounts[prefix] = h
}

// mounted returns the handler of a path, or nil.
func (s *Server) mounted(path string) http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	for prefix, h := range s.mounts {
		if strings.HasPrefix(path, prefix) {
			return h
		}
	}
	return nil
}

// Requests returns what reached the server since the last Reset, in the order
// of arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Fetches counts the answered requests that transferred objects to a client.
func (s *Server) Fetches() int {
	n := 0
	for _, r := range s.Requests() {
		if r.Method == http.MethodPost && r.Service == "git-upload-pack" && r.Status == http.StatusOK {
			n++
		}
	}
	return n
}

// Reset forgets all requests and failures that are still to come.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests, s.failures = nil, nil
}

func (s *Server) serve(backend string, w http.ResponseWriter, r *http.Request) {
	if h := s.mounted(r.URL.Path); h != nil {
		h.ServeHTTP(w, r)
		return
	}
	req := Request{
		Method: r.Method, Path: r.URL.Path, Service: r.URL.Query().Get("service"),
		Authorization: r.Header.Get("Authorization"), Protocol: r.Header.Get("Git-Protocol"),
		Status: http.StatusOK,
	}
	if req.Service == "" {
		req.Service = r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	}
	s.mu.Lock()
	user, password, delay, redirect := s.user, s.password, s.delay, s.redirect
	protocol := req.Protocol
	if !s.protocol {
		protocol = ""
	}
	gotUser, gotPassword, _ := r.BasicAuth()
	switch {
	case len(s.failures) > 0:
		req.Status, s.failures = s.failures[0], s.failures[1:]
	case redirect != "":
		req.Status = http.StatusFound
	case user != "" && !(same(gotUser, user) && same(gotPassword, password)):
		req.Status = http.StatusUnauthorized
	case !s.exists(r.URL.Path):
		req.Status = http.StatusNotFound
	}
	s.requests = append(s.requests, req)
	s.mu.Unlock()

	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		}
	}
	switch req.Status {
	case http.StatusOK:
	case http.StatusFound:
		http.Redirect(w, r, redirect+r.URL.RequestURI(), http.StatusFound)
		return
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="gittest"`)
		fallthrough
	default:
		http.Error(w, http.StatusText(req.Status), req.Status)
		return
	}
	if r.ContentLength < 0 {
		// CGI has no chunked bodies, which git sends when a push is big.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	}
	r.Header.Del("Git-Protocol")
	(&cgi.Handler{
		Path: backend,
		Env: []string{
			"GIT_PROJECT_ROOT=" + s.Root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=" + gotUser,
			"GIT_PROTOCOL=" + protocol, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		},
		Logger: log.New(io.Discard, "", 0),
		Stderr: io.Discard,
	}).ServeHTTP(w, r)
}

// exists reports whether the path is below a repository, as a forge answers
// 404 otherwise.
func (s *Server) exists(path string) bool {
	repo, _, ok := strings.Cut(path, ".git/")
	if !ok {
		return false
	}
	_, err := os.Stat(filepath.Join(s.Root, filepath.FromSlash(repo)+".git", "HEAD"))
	return err == nil
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
