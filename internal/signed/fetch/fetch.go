// Package fetch reads signed tokens where they lie: in files and at addresses. What it
// reads is proven by nobody yet.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"github.com/franela/pocketci/internal/signed"
)

const (
	// fetchTimeout is how long one path may take.
	fetchTimeout = 30 * time.Second
	// maxRedirects is how often a server may send elsewhere.
	maxRedirects = 5
	// accept is what is asked for: the media type of RFC 7519, or any text.
	accept = "application/jwt, text/plain;q=0.9, */*;q=0.5"
)

// Fetcher reads tokens from files and addresses. It may be used from several
// goroutines.
type Fetcher struct {
	client  *http.Client
	headers http.Header

	mu sync.Mutex
	// known are answers that a server can be asked whether they still hold.
	known map[string]answer
}

// answer is the body of an address with what its server tells it from others by.
type answer struct{ etag, modified, body string }

// New returns a fetcher whose requests have the headers. The transport makes them; nil
// is that of the standard library.
func New(transport http.RoundTripper, headers http.Header) *Fetcher {
	f := &Fetcher{headers: headers, known: map[string]answer{}}
	f.client = &http.Client{Transport: transport, Timeout: fetchTimeout, CheckRedirect: f.redirect}
	return f
}

// redirect follows a server to https, or to where it is itself, and keeps the headers
// from other hosts.
func (f *Fetcher) redirect(r *http.Request, via []*http.Request) error {
	switch {
	case r.URL.Scheme != "https" && (r.URL.Scheme != via[0].URL.Scheme || r.URL.Host != via[0].URL.Host):
		return errors.New("the server sends elsewhere, where it is not https")
	case len(via) > maxRedirects:
		return fmt.Errorf("the server sends elsewhere more than %d times", maxRedirects)
	case r.URL.Host != via[0].URL.Host:
		for name := range f.headers {
			r.Header.Del(name)
		}
	}
	return nil
}

// Read returns what is at a path: an absolute one of a regular file, or an address,
// which is asked for what is new. It is at most [signed.MaxToken] long. No error
// repeats the path, or its query.
func (f *Fetcher) Read(ctx context.Context, at string) (string, error) {
	if path.IsAbs(at) {
		return readFile(at)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return "", errors.New("not an address")
	}
	for name, values := range f.headers {
		r.Header[name] = values
	}
	r.Header.Set("Accept", accept)
	f.mu.Lock()
	known, ok := f.known[at]
	f.mu.Unlock()
	if ok && known.etag != "" {
		r.Header.Set("If-None-Match", known.etag)
	}
	if ok && known.modified != "" {
		r.Header.Set("If-Modified-Since", known.modified)
	}
	response, err := f.client.Do(r)
	if err != nil {
		// What it wraps does not have the address, which may hold a secret.
		if bad, ok := errors.AsType[*url.Error](err); ok {
			err = bad.Err
		}
		return "", fmt.Errorf("ask the server: %w", err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified && ok:
		return known.body, nil
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("the server answers %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	}
	body, err := bounded(response.Body)
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.known, at)
	if a := (answer{response.Header.Get("ETag"), response.Header.Get("Last-Modified"), body}); a.etag != "" || a.modified != "" {
		f.known[at] = a
	}
	return body, nil
}

// errNoRegular is why what is at a path is not read.
var errNoRegular = errors.New("it is not a regular file")

// readFile reads a regular file, whatever may stand in its place.
func readFile(name string) (string, error) {
	// Opening a pipe would wait for who writes into it.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		// Its path is said already.
		if bad, ok := errors.AsType[*fs.PathError](err); ok {
			err = bad.Err
		}
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errNoRegular
	}
	return bounded(f)
}

// bounded reads a token, and of what is larger only enough to see that it is.
func bounded(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, signed.MaxToken+1))
	if err == nil && len(data) > signed.MaxToken {
		err = fmt.Errorf("it is larger than %d bytes", signed.MaxToken)
	}
	return string(data), err
}

// Shown is a path as it may be told: without what stands behind a question mark, and
// without a login.
func Shown(at string) string {
	if path.IsAbs(at) {
		return at
	}
	u, err := url.Parse(at)
	if err != nil {
		return "an address"
	}
	u.RawQuery, u.User = "", nil
	return u.String()
}
