package github

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"
)

const (
	// askAttempts is how often a request is made before its failure counts.
	askAttempts = 4
	// maxAnswer bounds an answer in bytes. A hundred deliveries are 50 kB.
	maxAnswer = 8 << 20
)

var (
	errElsewhere = errors.New("the API sends requests to another server, which the token is not meant for")
	errAnswer    = errors.New("the answer is not of the documented form")
	errCutOff    = errors.New("the answer ended early")
)

// apiTransport authenticates requests to the API and makes no others, so that a
// redirect does not carry the token away.
type apiTransport struct {
	api   *url.URL
	token string
}

func (t *apiTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != t.api.Scheme || r.URL.Host != t.api.Host {
		return nil, errElsewhere
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+t.token)
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, maxAnswer)
	}
	return response, err
}

// asking is what is asked of GitHub, and the permission for it.
type asking struct{ what, needs string }

// ask makes a request, again if the failure may pass, and not while GitHub wants
// no requests.
func (w *Webhooks) ask(ctx context.Context, a asking, request func() error) error {
	wait := w.backoff
	for attempt := 1; ; attempt++ {
		if limit := w.limited.Load(); limit != nil && time.Now().Before(limit.Until) {
			return limit
		}
		err := request()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", a.what, context.Cause(ctx))
		}
		if limit := rateError(err); limit != nil {
			w.limited.Store(limit)
			return limit
		}
		err, passes := failure(a, err)
		if !passes || attempt == askAttempts {
			return err
		}
		if pause(ctx, wait+rand.N(wait)) != nil {
			return fmt.Errorf("%s: %w", a.what, context.Cause(ctx))
		}
		wait *= 2
	}
}

// failure says what went wrong, without the addresses and the foreign text that
// GitHub's library puts into its errors, and whether it may pass by itself.
func failure(a asking, err error) (_ error, passes bool) {
	switch code := statusOf(err); {
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusNotFound:
		return &PermissionError{Status: code, asking: a}, false
	case code != 0:
		return fmt.Errorf("%s: GitHub answers %d", a.what, code), code >= http.StatusInternalServerError
	}
	if errors.Is(err, errElsewhere) {
		return fmt.Errorf("%s: %w", a.what, errElsewhere), false
	}
	if broken, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%s: %w", a.what, broken.Err), true
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: %w", a.what, errCutOff), true
	}
	return fmt.Errorf("%s: %w", a.what, errAnswer), false
}

// statusOf returns the status of an answer that is an error, or zero.
func statusOf(err error) int {
	if answer, ok := errors.AsType[*github.ErrorResponse](err); ok && answer.Response != nil {
		return answer.Response.StatusCode
	}
	return 0
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
	return pause(ctx, time.Until(at))
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
