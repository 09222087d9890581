package forge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// requestTimeout limits one attempt of a request, its answer included.
	requestTimeout = 30 * time.Second
	// attempts is how often a request that may be made twice is made before its
	// failure counts.
	attempts = 4
	// maxAnswer bounds an answer in bytes.
	maxAnswer = 8 << 20
	// maxRequest bounds a body in bytes: it is kept to be sent again.
	maxRequest = 1 << 20
	// maxWait is the longest wait before another attempt that a forge which is
	// not available may ask for; with a longer one its answer counts.
	maxWait = 10 * time.Second
)

// ErrElsewhere says that a forge sends its client to another server, which the
// credentials are not meant for.
var ErrElsewhere = errors.New("the forge sends requests to another server, which the token is not meant for")

// errSlow ends an attempt. It is not [context.DeadlineExceeded], which would look
// as if the caller's time were up.
var errSlow = fmt.Errorf("the forge did not answer within %s", requestTimeout)

// Transport authenticates a client's requests to one forge and makes no others,
// so that a redirect does not carry the credentials away. It makes requests again
// whose failure may pass, and none while the forge wants none. Answers are read
// before they are returned.
type Transport struct {
	// Base is the address of the forge's API. Requests go to its host alone.
	Base *url.URL
	// Authenticate puts the credentials into a request's header, before each
	// attempt. Its error is the request's, without another attempt.
	Authenticate func(*http.Request) error
	// Backoff is the wait before the second attempt, one second if it is not
	// above zero. It doubles each time.
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
	if !sameServer(r.URL, t.Base) {
		return nil, ErrElsewhere
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	wait := t.Backoff
	if wait <= 0 {
		wait = time.Second
	}
	for attempt := 1; ; attempt++ {
		if limit := t.Limited(); limit != nil {
			return nil, limit
		}
		response, again, err := t.once(r, body)
		if (err != nil || again) && r.Context().Err() != nil {
			return nil, context.Cause(r.Context())
		}
		if err == nil {
			if limit := limitOf(response); limit != nil {
				return nil, t.limit(limit)
			}
		}
		if !again || attempt == attempts {
			return response, err
		}
		pauseFor := wait + rand.N(wait)
		if err == nil {
			after, _ := retryAfter(response.Header.Get("Retry-After"))
			if after > maxWait {
				return response, nil
			}
			pauseFor = max(pauseFor, after)
		}
		if err := pause(r.Context(), pauseFor); err != nil {
			return nil, err
		}
		wait *= 2
	}
}

// once makes one attempt, reads its answer, and reports whether another attempt
// may be made if that has failed.
func (t *Transport) once(r *http.Request, body []byte) (_ *http.Response, again bool, _ error) {
	ctx, cancel := context.WithTimeoutCause(r.Context(), requestTimeout, errSlow)
	defer cancel()
	attempt := r.Clone(ctx)
	attempt.Body, attempt.ContentLength, attempt.GetBody = http.NoBody, 0, nil
	if len(body) > 0 {
		attempt.Body, attempt.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	if t.Authenticate != nil {
		if err := t.Authenticate(attempt); err != nil {
			return nil, false, err
		}
	}
	next := t.Next
	if next == nil {
		next = http.DefaultTransport
	}
	response, err := next.RoundTrip(attempt)
	if err == nil {
		if response.Body, err = readAnswer(response); err == nil {
			response.Request = r // the attempt's holds the credentials
			return response, mayPass(response), nil
		}
	}
	if context.Cause(ctx) == errSlow {
		err = errSlow
	}
	return nil, !errors.Is(err, errTooLong) && (repeatable(r.Method) || unheard(err)), err
}

// errTooLong says that an answer has more than maxAnswer bytes.
var errTooLong = fmt.Errorf("an answer of more than %d bytes", maxAnswer)

// readAnswer reads a whole answer, so that a connection that breaks in the middle
// of it is an attempt that failed.
func readAnswer(response *http.Response) (io.ReadCloser, error) {
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(answer) > maxAnswer {
		return nil, errTooLong
	}
	return io.NopCloser(bytes.NewReader(answer)), nil
}

// sameServer compares what a URL is sent to: scheme, host, and port.
func sameServer(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
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

// mayPass reports whether an answer is a failure that may pass. Whatever the
// method, it is taken for a refusal: statuses, comments and webhooks bear a second
// time.
func mayPass(response *http.Response) bool {
	return response.StatusCode >= http.StatusInternalServerError && response.StatusCode != http.StatusNotImplemented
}

// repeatable reports whether a request that broke off, and so may have been heard,
// may be made again: RFC 9110, 9.2.2.
func repeatable(method string) bool {
	switch method {
	case http.MethodPost, http.MethodPatch:
		return false
	}
	return true
}

// unheard reports whether there was not even a connection.
func unheard(err error) bool {
	operation, ok := errors.AsType[*net.OpError](err)
	return ok && operation.Op == "dial"
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
