package forge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// requestTimeout limits one attempt of a request.
	requestTimeout = 30 * time.Second
	// attempts is how often a request that may be made twice is made before its
	// failure counts.
	attempts = 4
	// maxAnswer bounds an answer in bytes.
	maxAnswer = 8 << 20
	// maxRequest bounds a body in bytes: it is kept to be sent again.
	maxRequest = 1 << 20
	// limitPause is the wait after a limit that does not say when it ends.
	limitPause = time.Minute
	// maxPause is the longest that a limit is believed in.
	maxPause = time.Hour
)

// ErrElsewhere says that a forge sends its client to another server, which the
// credentials are not meant for.
var ErrElsewhere = errors.New("the forge sends requests to another server, which the token is not meant for")

// Transport authenticates a client's requests to one forge and makes no others,
// so that a redirect does not carry the credentials away. It makes requests again
// whose failure may pass, and none while the forge wants none.
type Transport struct {
	// Base is the address of the forge's API. Requests go to its host alone.
	Base *url.URL
	// Authenticate puts the credentials into a request's header.
	Authenticate func(*http.Request) error
	// Backoff is the wait before the second attempt, one second if zero. It
	// doubles each time.
	Backoff time.Duration
	// Next makes the requests, [http.DefaultTransport] if nil.
	Next http.RoundTripper

	limited atomic.Pointer[LimitError]
}

// RoundTrip implements [http.RoundTripper]. Besides those of the connection, the
// errors are [ErrElsewhere], a [*LimitError] for an answer that is a limit, and
// that of the request's context.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if r.URL.Scheme != t.Base.Scheme || r.URL.Host != t.Base.Host {
		return nil, ErrElsewhere
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	wait := t.Backoff
	if wait == 0 {
		wait = time.Second
	}
	for attempt := 1; ; attempt++ {
		if limit := t.limited.Load(); limit != nil && time.Now().Before(limit.Until) {
			return nil, limit
		}
		response, err := t.once(r, body)
		if err == nil {
			if limit := limitOf(response); limit != nil {
				response.Body.Close()
				t.limited.Store(limit)
				return nil, limit
			}
		}
		if !passes(r, response, err) || attempt == attempts || r.Context().Err() != nil {
			return response, err
		}
		if response != nil {
			response.Body.Close()
		}
		if err := pause(r.Context(), wait+rand.N(wait)); err != nil {
			return nil, err
		}
		wait *= 2
	}
}

func (t *Transport) once(r *http.Request, body []byte) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	r = r.Clone(ctx)
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	if err := t.Authenticate(r); err != nil {
		cancel()
		return nil, err
	}
	next := t.Next
	if next == nil {
		next = http.DefaultTransport
	}
	response, err := next.RoundTrip(r)
	if err != nil {
		cancel()
		return nil, err
	}
	response.Body = &answerBody{http.MaxBytesReader(nil, response.Body, maxAnswer), cancel}
	return response, nil
}

// answerBody ends the request's context with its body.
type answerBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *answerBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxRequest {
		return nil, fmt.Errorf("a request of more than %d bytes", maxRequest)
	}
	return body, nil
}

// passes reports whether a failure may pass and the request may be made again.
// A POST that broke off may have been heard; one that was answered 5xx is taken
// for refused, since statuses, comments and webhooks bear a second time.
func passes(r *http.Request, response *http.Response, err error) bool {
	switch {
	case err == nil:
		return response.StatusCode >= http.StatusInternalServerError && response.StatusCode != http.StatusNotImplemented
	case errors.Is(err, ErrElsewhere):
		return false
	}
	return r.Method != http.MethodPost
}

// limitOf returns nil for answers that are no limits. Forges say so with 429, and
// GitHub also with 403.
func limitOf(response *http.Response) *LimitError {
	header := response.Header
	after, waits := retryAfter(header.Get("Retry-After"))
	spent := header.Get("X-RateLimit-Remaining") == "0" || header.Get("RateLimit-Remaining") == "0"
	switch {
	case response.StatusCode == http.StatusTooManyRequests:
	case response.StatusCode == http.StatusForbidden && (waits || spent):
	default:
		return nil
	}
	until := time.Now().Add(limitPause)
	switch {
	case waits:
		until = time.Now().Add(after)
	case spent:
		for _, name := range []string{"X-RateLimit-Reset", "RateLimit-Reset"} {
			if seconds, err := strconv.ParseInt(header.Get(name), 10, 64); err == nil {
				if reset := time.Unix(seconds, 0); reset.After(time.Now()) {
					until = reset
				}
			}
		}
	}
	if latest := time.Now().Add(maxPause); until.After(latest) {
		until = latest
	}
	return &LimitError{Until: until}
}

// retryAfter reads RFC 9110, 10.2.3: seconds, or a date.
func retryAfter(text string) (time.Duration, bool) {
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, int(maxPause/time.Second))) * time.Second, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0), true
	}
	return 0, false
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Limited returns the limit that holds now, or nil.
func (t *Transport) Limited() *LimitError {
	if limit := t.limited.Load(); limit != nil && time.Now().Before(limit.Until) {
		return limit
	}
	return nil
}
