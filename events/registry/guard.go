package registry

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/poll"
)

// errPlain says that a registry would be asked in clear text.
var errPlain = errors.New("plain http is not used; write insecure: true if the registry has nothing else")

// longestPause is the longest that a registry is believed it wants to be left
// alone.
const longestPause = time.Hour

// guard lets no request out in clear text that may not be, and turns answers
// that ask for a pause into [poll.RetryAfterError], wherever in the exchange
// (greeting, token, request) they come.
type guard struct {
	inner    http.RoundTripper
	insecure bool
	now      func() time.Time
}

func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !g.insecure {
		return nil, errPlain
	}
	response, err := g.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	limited := response.StatusCode == http.StatusTooManyRequests
	after, given := pause(response.Header.Get("Retry-After"), g.now())
	if !limited && !(response.StatusCode == http.StatusServiceUnavailable && given) {
		return response, nil
	}
	_, _ = io.CopyN(io.Discard, response.Body, 1<<10)
	response.Body.Close()
	err = fmt.Errorf("the registry answers %s", strings.ToLower(http.StatusText(response.StatusCode)))
	if !given {
		return nil, err // backed off from like any other failure
	}
	return nil, &poll.RetryAfterError{After: after, Err: err}
}

// pause reads a Retry-After header (RFC 9110): seconds or a date.
func pause(header string, now time.Time) (time.Duration, bool) {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longestPause), true
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(0, at.Sub(now)), longestPause), true
	}
	return 0, false
}
