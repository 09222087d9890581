// Package client talks to the HTTP API of an agent, in the types of package v1.
//
// Every method takes a context and ends with it. What cannot be reached is a
// [*ConnectionError], what the agent refuses an [*Error]. The API key is sent to
// the given server alone and stands in no error.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// Bounds of one request.
const (
	connectTimeout = 10 * time.Second
	// headerTimeout is how long the agent may think before it answers.
	headerTimeout = 30 * time.Second
	// planTimeout is the same for planning, which may load modules.
	planTimeout = 10 * time.Minute
	// answerTimeout bounds a whole answer that is no stream and no file.
	answerTimeout = 2 * time.Minute
	// answerLimit is the largest such answer in bytes.
	answerLimit = 64 << 20
	// fileLimit is the largest payload or event file, far above what an agent
	// takes.
	fileLimit = 256 << 20
)

// Options say how to reach an agent.
type Options struct {
	// Server is the address of the agent, https://HOST, with the path in front
	// of /api/v1 if there is one.
	Server string
	// Key is the API key.
	Key string
	// CAFile is a file of certificates in PEM that are trusted besides those
	// of the system; empty for none.
	CAFile string
	// InsecureHTTP allows to send the key over plain HTTP to other hosts than
	// this one.
	InsecureHTTP bool
	// Transport sends the requests; nil is over the network.
	Transport http.RoundTripper
	// UserAgent is the name and version of the program.
	UserAgent string
}

// Client sends requests to one agent. Its methods may be called from several
// goroutines.
type Client struct {
	base      *url.URL
	key       string
	userAgent string
	// They differ in how long they wait for headers: a stream without news may
	// have none yet.
	quick, slow, endless *http.Client
}

// ParseServer checks the address of an agent and brings it into its one form,
// without a slash at the end. Plain HTTP is refused unless the host is this one
// or insecure is set.
func ParseServer(address string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		// The error of net/url repeats the address, which may hold a password.
		return nil, errors.New("the server's address is no URL")
	}
	switch {
	case u.User != nil:
		return nil, errors.New("the server's address has a user or password in it; the key is given apart")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, fmt.Errorf("server %q: write the address as https://HOST", address)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("server %q: an address has no ? and no #", address)
	case u.Scheme == "http" && !insecure && !loopback(u.Hostname()):
		return nil, fmt.Errorf("server %s: without TLS everybody on the way can read the key; use https, or accept that with --insecure-http", u)
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// New checks the options. It sends nothing yet.
func New(o Options) (*Client, error) {
	base, err := ParseServer(o.Server, o.InsecureHTTP)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(o.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the API key has characters that no key has")
	}
	if o.Transport != nil {
		own := &http.Client{Transport: o.Transport, CheckRedirect: stay}
		return &Client{base: base, key: o.Key, userAgent: o.UserAgent, quick: own, slow: own, endless: own}, nil
	}
	// The system's defaults know proxies and HTTP/2.
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext
	transport.TLSHandshakeTimeout = connectTimeout
	if o.CAFile != "" {
		roots, err := withRoots(o.CAFile)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	waiting := func(limit time.Duration) *http.Client {
		t := transport.Clone()
		t.ResponseHeaderTimeout = limit
		return &http.Client{Transport: t, CheckRedirect: stay}
	}
	return &Client{
		base: base, key: o.Key, userAgent: o.UserAgent,
		quick: waiting(headerTimeout), slow: waiting(planTimeout), endless: waiting(0),
	}, nil
}

// withRoots returns the system's certificates and those of a file.
func withRoots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificates: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read certificates: %s has none in PEM", file)
	}
	return roots, nil
}

// stay follows no redirect away from the server, which would be given the key,
// and none that turns a change into a question.
func stay(next *http.Request, via []*http.Request) error {
	first := via[0]
	if next.URL.Scheme != first.URL.Scheme || next.URL.Host != first.URL.Host || next.Method != first.Method || len(via) > 5 {
		return http.ErrUseLastResponse
	}
	return nil
}

// Close closes the connections that nothing uses.
func (c *Client) Close() {
	for _, each := range []*http.Client{c.quick, c.slow, c.endless} {
		each.CloseIdleConnections()
	}
}

// Server is the address that the client talks to.
func (c *Client) Server() string { return c.base.String() }

// request is one question to the agent.
type request struct {
	method string
	// path is below the prefix, by its segments as they are before escaping.
	path  []string
	query url.Values
	body  any
	// accept is the type of the answer, JSON if it is empty.
	accept string
	// slow is for planning.
	slow bool
}

// eventStream is the type of server-sent events.
const eventStream = "text/event-stream"

func get(path ...string) request  { return request{method: http.MethodGet, path: path} }
func post(path ...string) request { return request{method: http.MethodPost, path: path} }

// send returns an answer that is no error. Its body is the caller's to close.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	u := *c.base
	u.Path += v1.Prefix
	u.RawPath = u.EscapedPath()
	for _, segment := range r.path {
		u.Path += "/" + segment
		u.RawPath += "/" + url.PathEscape(segment)
	}
	u.RawQuery = r.query.Encode()
	var body io.Reader
	if r.body != nil {
		data, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("write request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.accept == "" {
		r.accept = "application/json"
	}
	req.Header.Set("Accept", r.accept+", application/problem+json")
	req.Header.Set("User-Agent", c.userAgent)
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	client := c.quick
	switch {
	case r.slow:
		client = c.slow
	case r.accept == eventStream:
		client = c.endless
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		defer res.Body.Close()
		return nil, c.refused(res)
	}
	return res, nil
}

// do sends a request and reads the answer into out, unless that is nil.
func (c *Client) do(ctx context.Context, r request, out any) error {
	limit := answerTimeout
	if r.slow {
		limit = planTimeout
	}
	bounded, cancel := context.WithTimeoutCause(ctx, limit, stallError(fmt.Sprintf("no answer within %s", limit)))
	defer cancel()
	res, err := c.send(bounded, r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, answerLimit+1))
	if err != nil {
		return c.broken(bounded, err)
	}
	if len(data) > answerLimit {
		return c.strange(fmt.Errorf("it is larger than %d MiB", answerLimit>>20))
	}
	if err := json.Unmarshal(data, out); err != nil {
		return c.strange(err)
	}
	return nil
}

// download copies an answer to w.
func (c *Client) download(ctx context.Context, r request, w io.Writer) error {
	res, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	n, err := io.Copy(w, &bodyReader{c: c, ctx: ctx, r: io.LimitReader(res.Body, fileLimit+1)})
	if err != nil {
		return err
	}
	if n > fileLimit {
		return c.strange(fmt.Errorf("it is larger than %d MiB", fileLimit>>20))
	}
	return nil
}

// bodyReader tells the errors of reading an answer from those of writing it
// down.
type bodyReader struct {
	c   *Client
	ctx context.Context
	r   io.Reader
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.c.broken(b.ctx, err)
	}
	return n, err
}
