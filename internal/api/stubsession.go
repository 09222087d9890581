package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// Visitor is a stand-in until sessions are merged: the token is the key itself.
type Visitor struct {
	Session string
	Remote  string
	Public  func(repository string) bool
}

// SignIn is a stand-in.
func (a *API) SignIn(ctx context.Context, remote, secret string) (store.Session, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	if err != nil {
		return store.Session{}, "", err
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	r.RemoteAddr = remote
	c, err := a.service.identify(r, "read")
	if err != nil {
		return store.Session{}, "", err
	}
	return store.Session{Key: c.key, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}, secret, nil
}

// SignOut is a stand-in.
func (a *API) SignOut(context.Context, string, string) error { return nil }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// As is a stand-in.
func (a *API) As(v Visitor) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		if r.Body == nil {
			r.Body = http.NoBody
		}
		r.RemoteAddr = v.Remote
		if v.Session != "" {
			r.Header.Set("Authorization", "Bearer "+v.Session)
		}
		read, write := io.Pipe()
		w := &piped{header: http.Header{}, body: write, ready: make(chan struct{})}
		go func() {
			defer func() {
				_ = recover()
				_ = write.Close()
			}()
			a.ServeHTTP(w, r)
			w.WriteHeader(200)
		}()
		<-w.ready
		return &http.Response{StatusCode: w.status, Header: w.sent, Body: read, Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1}, nil
	})
}

type piped struct {
	header, sent http.Header
	body         *io.PipeWriter
	status       int
	ready        chan struct{}
}

func (p *piped) Header() http.Header { return p.header }
func (p *piped) WriteHeader(status int) {
	if p.status == 0 {
		p.status, p.sent = status, p.header.Clone()
		close(p.ready)
	}
}
func (p *piped) Write(b []byte) (int, error) { p.WriteHeader(200); return p.body.Write(b) }
func (p *piped) FlushError() error           { p.WriteHeader(200); return nil }
