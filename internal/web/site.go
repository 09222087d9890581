// Package web serves the pages that people look at, from the agent's own API.
//
// It knows nothing but that API: every page asks it with the key that somebody
// signed in with, so that scopes, the audit log and errors are those of the API.
// Pages are HTML that works without a script; a small one keeps them up to date.
// Nothing comes from another host.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/api"
	"github.com/franela/pocketci/internal/store"
)

// API is what the pages are made from; it is an [api.API].
type API interface {
	// As returns a transport into the API for a visitor.
	As(v api.Visitor) http.RoundTripper
	// SignIn makes a session of a key's secret. Its errors are those of
	// requests with such a key.
	SignIn(ctx context.Context, remote, secret string) (store.Session, string, error)
	// SignOut ends a session.
	SignOut(ctx context.Context, token, remote string) error
}

// Options are what a site is made of. API is needed.
type Options struct {
	API API
	// Public reports whether everybody may read a repository's runs. Nil is for
	// none that are.
	Public func(repository string) bool
	// PublicURL is where people reach the agent. If it is https, cookies are sent
	// over TLS only.
	PublicURL string
	// Remote returns the address of a request's client; nil takes that of the
	// connection.
	Remote func(*http.Request) string
	// KeepAlive is how often a page that is kept up to date gets a sign of life
	// without news; 15 s by default.
	KeepAlive time.Duration
	// Stall is how long a browser may take nothing of such a page before it is
	// given up; 30 s by default.
	Stall time.Duration
	// Log is nil for slog's default.
	Log *slog.Logger
}

// Site is the pages as an [http.Handler]. It keeps no goroutines; what follows
// something ends with its request.
type Site struct {
	Options
	mux     *http.ServeMux
	added   []route
	handler http.Handler
	pages   map[string]*page
	assets  *assets
	// compress wraps what answers with a whole page or file.
	compress func(http.Handler) http.HandlerFunc
	news     news
	// logs are the logs that are followed.
	logs feeds
	// strangers are who has not signed in and is answered, watching are strangers whose
	// pages are kept up to date, and working are others whose pages are.
	strangers, watching, working *crowd
}

// New returns a site. It fails if there is no API.
func New(o Options) (*Site, error) {
	if o.API == nil {
		return nil, errors.New("the pages have no API")
	}
	if o.Public == nil {
		o.Public = func(string) bool { return false }
	}
	if o.Remote == nil {
		o.Remote = connection
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = 15 * time.Second
	}
	if o.Stall == 0 {
		o.Stall = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Site{
		Options: o, mux: http.NewServeMux(),
		strangers: newCrowd(busyByAddress, busyStrangers), watching: newCrowd(liveByAddress, liveStrangers), working: newCrowd(liveByKey, liveByAll),
	}
	var err error
	if s.compress, err = newCompressor(); err != nil {
		return nil, err
	}
	if s.assets, err = newAssets(); err != nil {
		return nil, err
	}
	if s.pages, err = newPages(s.assets); err != nil {
		return nil, err
	}
	s.routes()
	// It refuses what other sites have a browser send.
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(s.denied))
	s.handler = guard.Handler(s.mux)
	return s, nil
}

// Serves reports whether a path is one of the site's.
func (s *Site) Serves(path string) bool {
	if path == "/" {
		return true
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return sections[first]
}

// ServeHTTP implements [http.Handler].
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	s.handler.ServeHTTP(w, r)
}

// policy lets a page have what this host serves, and nothing that stands in the
// page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secure sets the headers that every answer has.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// connection is the address that a request came from, without the port.
func connection(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
