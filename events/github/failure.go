package github

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/franela/pocketci/internal/forge"
)

// limitPause is how long no request is made after a limit that does not say when
// it ends: "at least one minute" ("Troubleshooting the REST API").
const limitPause = time.Minute

// PermissionError says that the token may not do what was asked, and which
// permission is missing. Its text does not name the repository.
type PermissionError = forge.PermissionError

// RateError says that GitHub wants no more requests for a while.
type RateError = forge.LimitError

// ErrTooManyStatuses says that a commit has as many statuses of one context as
// GitHub takes, which is a thousand.
var ErrTooManyStatuses = errors.New("the commit has a thousand statuses of this context, and GitHub takes no more")

var errAnswer = errors.New("the answer is not of the documented form")

// asking is what is asked of GitHub, and the permission for it.
type asking struct{ what, needs string }

// missingError says that GitHub does not know what was asked for, or hides it
// from this token.
type missingError struct{ asking }

func (e *missingError) Error() string {
	return fmt.Sprintf("%s: %v: it needs %s", e.what, forge.ErrNotFound, e.needs)
}

func (e *missingError) Unwrap() error { return forge.ErrNotFound }

// failure says what went wrong, without the addresses that GitHub's library puts
// into its errors.
func failure(ctx context.Context, a asking, err error) error {
	if limit := limitOf(err); limit != nil {
		return limit
	}
	if permission, ok := errors.AsType[*forge.PermissionError](err); ok {
		return permission // for a token to ask with
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", a.what, context.Cause(ctx))
	}
	switch code := statusOf(err); code {
	case 0:
	case http.StatusUnauthorized, http.StatusForbidden:
		return &forge.PermissionError{Status: code, Doing: a.what, Needs: a.needs}
	case http.StatusNotFound, http.StatusGone:
		return &missingError{a}
	case http.StatusUnprocessableEntity:
		return fmt.Errorf("%s: %w", a.what, invalid(err))
	default:
		return fmt.Errorf("%s: GitHub answers %d", a.what, code)
	}
	if broken, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%s: %w", a.what, withoutAddresses(broken.Err))
	}
	return fmt.Errorf("%s: %w", a.what, errAnswer)
}

// invalid says what GitHub finds wrong with a request.
func invalid(err error) error {
	answer, _ := errors.AsType[*github.ErrorResponse](err)
	reasons := []string{answer.Message}
	for _, e := range answer.Errors {
		reasons = append(reasons, strings.TrimSpace(e.Field+" "+e.Code+" "+e.Message))
	}
	reason := strings.Join(reasons, "; ")
	if strings.Contains(reason, "maximum number of statuses") {
		return ErrTooManyStatuses
	}
	return fmt.Errorf("GitHub answers 422: %.200q", reason)
}

// withoutAddresses takes out of a failed connection's error what differs from one
// connection to the next, so that the same reason has the same text.
func withoutAddresses(err error) error {
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		if lookup.IsNotFound {
			return fmt.Errorf("look up %s: no such host", lookup.Name)
		}
		return fmt.Errorf("look up %s: no answer", lookup.Name)
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", operation.Op, operation.Err)
	}
	return err
}

// statusOf returns the status of an answer that is an error, or zero.
func statusOf(err error) int {
	if answer, ok := errors.AsType[*github.ErrorResponse](err); ok && answer.Response != nil {
		return answer.Response.StatusCode
	}
	return 0
}

// limitOf returns nil for errors that are no limits. Besides those of the
// transport, GitHub's library keeps to what successful answers say is left.
func limitOf(err error) *forge.LimitError {
	if limit, ok := errors.AsType[*forge.LimitError](err); ok {
		return limit
	}
	if limit, ok := errors.AsType[*github.RateLimitError](err); ok {
		return &forge.LimitError{Until: limit.Rate.Reset.Time}
	}
	if limit, ok := errors.AsType[*github.AbuseRateLimitError](err); ok {
		return &forge.LimitError{Until: time.Now().Add(max(limit.GetRetryAfter(), limitPause))}
	}
	return nil
}
