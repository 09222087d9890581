package forge

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

const (
	// limitPause is the wait after a limit that does not say when it ends.
	limitPause = time.Minute
	// minPause and maxPause are the shortest and the longest that a limit is
	// believed in.
	minPause = time.Second
	maxPause = time.Hour
)

// Limited returns the limit that holds now, or nil.
func (t *Transport) Limited() *LimitError {
	if limit := t.limited.Load(); limit != nil && time.Now().Before(limit.Until) {
		return limit
	}
	return nil
}

// limit remembers a limit and returns the one that holds: of several, the one
// that ends last.
func (t *Transport) limit(limit *LimitError) *LimitError {
	for {
		old := t.limited.Load()
		if old != nil && old.Until.After(limit.Until) {
			return old
		}
		if t.limited.CompareAndSwap(old, limit) {
			return limit
		}
	}
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
	now := time.Now()
	switch {
	case until.After(now.Add(maxPause)):
		until = now.Add(maxPause)
	case until.Before(now.Add(minPause)):
		until = now.Add(minPause)
	}
	return &LimitError{Until: until}
}

// retryAfter reads RFC 9110, 10.2.3: seconds, or a date.
func retryAfter(text string) (time.Duration, bool) {
	seconds, err := strconv.ParseUint(text, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) { // then it is the greatest number
		return time.Duration(min(seconds, uint64(maxPause/time.Second))) * time.Second, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0), true
	}
	return 0, false
}
