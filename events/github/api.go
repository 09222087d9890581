package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/franela/pocketci/internal/forge"
)

// publicAPI is the API of github.com.
const publicAPI = "https://api.github.com"

// api is GitHub's API with one set of credentials, and so with one rate limit.
type api struct {
	client    *github.Client
	transport *forge.Transport
	// renew forgets credentials that GitHub accepts no more and reports whether
	// there may be others. It is nil if there are none.
	renew func() bool
}

// newAPI returns the API at an address that ends with a slash.
func newAPI(base *url.URL, backoff time.Duration, authenticate func(*http.Request) error) *api {
	transport := &forge.Transport{
		Base: base, Backoff: backoff, Next: secondaryLimits{http.DefaultTransport},
		Authenticate: func(r *http.Request) error {
			// GitHub's library asks for previews of what has long been released.
			r.Header.Set("Accept", "application/vnd.github+json")
			return authenticate(r)
		},
	}
	client := github.NewClient(&http.Client{Transport: transport})
	client.BaseURL, client.UserAgent = base, "pocketci"
	return &api{client: client, transport: transport}
}

// bearer authenticates with a token.
func bearer(token string) func(*http.Request) error {
	return func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
}

// call makes a request and says what went wrong.
func (a *api) call(ctx context.Context, what asking, request func(*github.Client) error) error {
	err := request(a.client)
	if statusOf(err) == http.StatusUnauthorized && a.renew != nil && a.renew() {
		err = request(a.client)
	}
	if err == nil {
		return nil
	}
	return failure(ctx, what, err)
}

// secondaryLimits has answers to requests that came too fast say how long to wait
// if they do not: "at least one minute" ("Rate limits for the REST API"). Nothing
// but their text tells them from a refusal for good.
type secondaryLimits struct{ next http.RoundTripper }

// maxRefusal bounds what is read of a refusal in bytes.
const maxRefusal = 64 << 10

func (l secondaryLimits) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusForbidden || response.Header.Get("Retry-After") != "" {
		return response, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	var refusal struct {
		Message       string `json:"message"`
		Documentation string `json:"documentation_url"`
	}
	if json.Unmarshal(body, &refusal) == nil && (strings.Contains(refusal.Message, "secondary rate limit") ||
		strings.HasSuffix(refusal.Documentation, "secondary-rate-limits") || strings.HasSuffix(refusal.Documentation, "#abuse-rate-limits")) {
		response.Header.Set("Retry-After", strconv.Itoa(int(limitPause/time.Second)))
	}
	return response, nil
}

// webAddress parses an http or https address without credentials.
func webAddress(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("it is not of the form https://HOST")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("it has more than a host and a path")
	}
	return u, nil
}

// apiAddress parses the address of an API; empty is GitHub's own.
func apiAddress(text string) (*url.URL, error) {
	if text == "" {
		text = publicAPI
	}
	base, err := webAddress(text)
	if err != nil {
		return nil, err
	}
	base.Path = strings.TrimSuffix(base.Path, "/") + "/"
	return base, nil
}

// pace keeps requests apart.
type pace struct {
	every time.Duration
	mu    sync.Mutex
	next  time.Time
}

// wait returns when the next request is due, or with the context's error.
func (p *pace) wait(ctx context.Context) error {
	p.mu.Lock()
	at := time.Now()
	if p.next.After(at) {
		at = p.next
	}
	p.next = at.Add(p.every)
	p.mu.Unlock()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
