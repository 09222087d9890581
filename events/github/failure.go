package github

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/go-github/v60/github"
)

// limitPause is how long no request is made after a limit that does not say when
// it ends: "at least one minute" ("Troubleshooting the REST API").
const limitPause = time.Minute

// PermissionError says that the token may not do what was asked. The text says
// which permission is missing and does not name the repository.
type PermissionError struct {
	// Status is GitHub's answer: 403, 404, which also hides what one may not see, or 401
	// for a token that GitHub does not know.
	Status int
	asking asking
}

func (e *PermissionError) Error() string {
	if e.Status == http.StatusUnauthorized {
		return "GitHub does not accept the token: it is wrong, expired or revoked"
	}
	also := ""
	if e.Status == http.StatusNotFound {
		also = ", and to see the repository"
	}
	return fmt.Sprintf("%s: GitHub answers %d: a classic token needs the scope admin:repo_hook, a fine-grained one the repository permission Webhooks (%s)%s",
		e.asking.what, e.Status, e.asking.needs, also)
}

// Stops reports whether it would be the same with every repository.
func (e *PermissionError) Stops() bool { return e.Status == http.StatusUnauthorized }

// RateError says that GitHub wants no more requests for a while. Until then its
// [Webhooks] make none.
type RateError struct {
	// Until is when requests are welcome again.
	Until time.Time
	// Secondary says that requests came too fast, not that there were too many.
	Secondary bool
}

func (e *RateError) Error() string {
	limit := "rate limit"
	if e.Secondary {
		limit = "secondary rate limit"
	}
	return fmt.Sprintf("GitHub's %s is reached: no more requests until %s", limit, e.Until.UTC().Format(time.RFC3339))
}

// Stops reports true: it is the same with every repository.
func (e *RateError) Stops() bool { return true }

// rateError returns nil for errors that are no limits. GitHub's library knows
// limits with status 403 only; "Rate limits for the REST API" has 429 as well.
func rateError(err error) *RateError {
	if limit, ok := errors.AsType[*github.RateLimitError](err); ok {
		return &RateError{Until: limitEnd(limit.Rate.Reset.Time)}
	}
	if limit, ok := errors.AsType[*github.AbuseRateLimitError](err); ok {
		return &RateError{Until: limitEnd(time.Now().Add(limit.GetRetryAfter())), Secondary: true}
	}
	answer, ok := errors.AsType[*github.ErrorResponse](err)
	if !ok || answer.Response == nil {
		return nil
	}
	header := answer.Response.Header
	after, _ := strconv.Atoi(header.Get("Retry-After"))
	switch code := answer.Response.StatusCode; {
	case code == http.StatusTooManyRequests && header.Get("X-RateLimit-Remaining") == "0":
		reset, _ := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64)
		return &RateError{Until: limitEnd(time.Unix(reset, 0))}
	case code == http.StatusTooManyRequests, code == http.StatusForbidden && after > 0:
		return &RateError{Until: limitEnd(time.Now().Add(time.Duration(min(after, 86400)) * time.Second)), Secondary: true}
	}
	return nil
}

// limitEnd returns the end of a limit that GitHub names, if it lies ahead.
func limitEnd(named time.Time) time.Time {
	if now := time.Now(); !named.After(now) {
		return now.Add(limitPause)
	}
	return named
}
