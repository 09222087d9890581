package gitlab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/franela/pocketci/internal/forge"
)

// attempt is one of a delivery as GitLab has it: "List all events for a project
// webhook", GitLab 17.3 and later. It is not in the library.
type attempt struct {
	ID             int64             `json:"id"`
	RequestHeaders map[string]string `json:"request_headers"`
	// ResponseHeaders are empty if nobody answered.
	ResponseHeaders map[string]any `json:"response_headers"`
	// ResponseStatus is a number in a string, or "internal error".
	ResponseStatus string `json:"response_status"`
}

// Redeliver implements [forge.Forge]. GitLab knows the deliveries of seven days
// and resends five a minute ("Resend a project webhook event"): after those the
// error is a [*forge.LimitError]. Its list has no times. What was answered, or
// signed, before since is left alone; what nobody answered is asked for again
// however old it is, as a delivery that arrived already is known by its id.
func (c *Client) Redeliver(ctx context.Context, owner, webhook string, since time.Time) (int, error) {
	h, err := c.hooksOf("redeliver what failed", owner)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseInt(webhook, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("%s: %.40q is no id of a webhook", h.doing, webhook)
	}
	failed, err := h.failed(ctx, id, since)
	if isNotFound(err) {
		if err := h.known(ctx, id); err != nil {
			return 0, h.failure(err)
		}
		return 0, fmt.Errorf("%s: before GitLab 17.3 it does not tell: %w", h.doing, forge.ErrUnsupported)
	}
	if err != nil {
		return 0, h.failure(err)
	}
	for asked, event := range failed {
		path := fmt.Sprintf("%s/events/%d/resend", h.path(id), event)
		if _, err := h.do(ctx, http.MethodPost, path, nil, nil); err != nil {
			return asked, h.failure(err)
		}
	}
	return len(failed), nil
}

// failed returns the latest attempt of each delivery that has not succeeded, the
// oldest first.
func (h *hooks) failed(ctx context.Context, webhook int64, since time.Time) ([]int64, error) {
	var attempts []attempt
	err := all(func(page gitlab.ListOptions) (*gitlab.Response, error) {
		var list []attempt
		response, err := h.do(ctx, http.MethodGet, h.path(webhook)+"/events", page, &list)
		attempts = append(attempts, list...)
		return response, err
	})
	if err != nil {
		return nil, err
	}
	// Ids rise with time.
	slices.SortFunc(attempts, func(a, b attempt) int { return int(b.ID - a.ID) })
	seen := map[string]bool{}
	var ids []int64
	for _, a := range attempts {
		key := headerOf(a.RequestHeaders, headerIdempotency)
		if key != "" && seen[key] {
			continue
		}
		seen[key] = true
		code, err := strconv.Atoi(strings.TrimSpace(a.ResponseStatus))
		lost := err != nil || code >= http.StatusInternalServerError
		if at, known := a.at(); lost && (!known || !at.Before(since)) {
			ids = append(ids, a.ID)
		}
	}
	slices.Reverse(ids)
	return ids, nil
}

// at is when the attempt was signed or answered, if either is known.
func (a *attempt) at() (time.Time, bool) {
	if seconds, err := strconv.ParseInt(headerOf(a.RequestHeaders, headerSignedAt), 10, 64); err == nil {
		return time.Unix(seconds, 0), true
	}
	for name, value := range a.ResponseHeaders {
		if text, ok := value.(string); ok && textproto.CanonicalMIMEHeaderKey(name) == "Date" {
			at, err := http.ParseTime(text)
			return at, err == nil
		}
	}
	return time.Time{}, false
}

func headerOf(header map[string]string, name string) string {
	for key, value := range header {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// do makes a request that the library has no method for.
func (h *hooks) do(ctx context.Context, method, path string, query, answer any) (*gitlab.Response, error) {
	request, err := h.api.NewRequest(method, path, query, []gitlab.RequestOptionFunc{gitlab.WithContext(ctx)})
	if err != nil {
		return nil, errAnswer
	}
	if answer == nil {
		answer = new(json.RawMessage)
	}
	return h.api.Do(request, answer)
}
