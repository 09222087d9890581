package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

func TestProblems(t *testing.T) {
	f := newFixture(t)
	receipt := f.planned("a/b", "x")
	large := `{"reason":"` + strings.Repeat("x", 1<<20) + `"}`
	for name, tc := range map[string]struct {
		method, path string
		body         any
		status       int
		text         string
	}{
		"a path that there is not":     {"GET", "/nothing", nil, 404, "there is nothing at /api/v1/nothing"},
		"the prefix itself":            {"GET", "/", nil, 404, "openapi.json"},
		"a method that there is not":   {"PUT", "/runs", nil, 405, "GET"},
		"the method of another path":   {"GET", "/disable", nil, 405, "POST"},
		"a body that is too large":     {"POST", "/runs/" + receipt.Run + "/abort", large, 413, "too large"},
		"a body that is not JSON":      {"POST", "/disable", "{", 400, "body"},
		"no body":                      {"POST", "/disable", nil, 400, "required"},
		"a field that there is not":    {"POST", "/disable", `{"repository":"a/b","modul":"ci"}`, 422, "modul"},
		"a field of another type":      {"POST", "/disable", `{"repository":7}`, 422, "body.repository"},
		"a function of no module":      {"POST", "/disable", `{"repository":"a/b","function":"x"}`, 422, "body.module"},
		"a filter that there is not":   {"GET", "/runs?colour=red", nil, 422, "query.colour"},
		"a limit that is too high":     {"GET", "/runs?limit=501", nil, 422, "query.limit"},
		"a limit that is too low":      {"GET", "/events?limit=0", nil, 422, "query.limit"},
		"a parameter with a NUL":       {"GET", "/disabled?repository=%00", nil, 422, "query.repository"},
		"a parameter that is no text":  {"GET", "/events?ref=%ff", nil, 422, "query.ref"},
		"a limit that is no number":    {"GET", "/calls?limit=many", nil, 422, "query.limit"},
		"a state that there is not":    {"GET", "/runs?state=done", nil, 422, "query.state"},
		"a time that is none":          {"GET", "/runs?since=yesterday", nil, 422, "query.since"},
		"a cursor that is none":        {"GET", "/runs?cursor=!", nil, 422, "query.cursor"},
		"a cursor of another list":     {"GET", "/runs?cursor=ZXZlbnQgMQ", nil, 422, "query.cursor"},
		"a cursor below zero":          {"GET", "/runs?cursor=cnVuIC0x", nil, 422, "query.cursor"},
		"a run that there is not":      {"GET", "/runs/4711", nil, 404, "4711"},
		"calls of such a run":          {"GET", "/calls?run=4711", nil, 404, "4711"},
		"an event that there is not":   {"GET", "/events/x", nil, 404, "not found"},
		"a call that there is not":     {"GET", "/calls/x/log", nil, 404, "not found"},
		"a call to follow":             {"GET", "/calls/x/log/stream", nil, 404, "not found"},
		"what is not disabled":         {"POST", "/enable", `{"repository":"a/b"}`, 404, "/api/v1/disabled"},
		"a repository of no events":    {"POST", "/call", `{"repository":"no/body"}`, 404, "webhook"},
		"a ref that git does not take": {"POST", "/call", `{"repository":"a/b","ref":"a..b"}`, 422, "body.ref"},
		"an event with a NUL":          {"POST", "/plan", `{"event":"\u0000"}`, 422, "body.event"},
		"arguments of no function":     {"POST", "/call", `{"repository":"a/b","args":{"a":"b"}}`, 422, "body.function"},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.send(f.request(f.keys[v1.ScopeAdmin], tc.method, tc.path, tc.body))
			p := a.problem(t)
			if a.status != tc.status || p.Title == "" || !strings.Contains(string(a.body), tc.text) {
				t.Errorf("gives %d %.500s, want %d with %q", a.status, a.body, tc.status, tc.text)
			}
			if tc.status == 405 && a.header.Get("Allow") == "" {
				t.Error("it does not say what is allowed")
			}
			if strings.Contains(string(a.body), "xxxx") || strings.Contains(string(a.body), `"value"`) {
				t.Error("it repeats what was sent")
			}
		})
	}
	r := f.request(f.keys[v1.ScopeAdmin], http.MethodPost, "/disable", `repository=a/b`)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := f.send(r); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("a form gives %d: %s", a.status, a.body)
	}
}

// Whatever stands in the place of an id is one that there is not.
func TestHostileIDs(t *testing.T) {
	f := newFixture(t)
	f.ended()
	for _, id := range []string{
		"%00", "..%2f..%2fetc", "%2e%2e", "%ff%fe", "%F0%9F%9A%80", "'%20OR%201=1--", strings.Repeat("9", 19), strings.Repeat("9", 99),
		"-1", "0", "1e3", strings.Repeat("x", 5000), "%0d%0aX:%20y", "%7Bid%7D", "*", "1%2Frestart",
	} {
		for _, path := range []string{"/runs/%s", "/events/%s", "/events/%s/file", "/calls/%s", "/calls/%s/log", "/runs?event=%s", "/calls?run=%s", "/events?cursor=%s"} {
			a := f.send(f.request(f.keys[v1.ScopeAdmin], http.MethodGet, strings.ReplaceAll(path, "%s", id), nil))
			if strings.Contains(path, "?") && a.status == http.StatusOK {
				continue // an id that no run has
			}
			if a.status != http.StatusNotFound && a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s with %.50q gives %d: %.300s", path, id, a.status, a.body)
				continue
			}
			a.problem(t)
		}
		for _, path := range []string{"/runs/%s/abort", "/calls/%s/abort", "/events/%s/replay"} {
			a := f.send(f.request(f.keys[v1.ScopeAdmin], http.MethodPost, strings.ReplaceAll(path, "%s", id), nil))
			if a.status != http.StatusNotFound && a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s with %.50q gives %d: %.300s", path, id, a.status, a.body)
			}
		}
	}
	// Filters are texts of others.
	for _, filter := range []string{"%00", "%ff", "'", "größe", strings.Repeat("x", 255)} {
		for _, path := range []string{"/events?vendor=", "/events?event=", "/events?filter=", "/events?repository=", "/events?ref=", "/runs?function=", "/calls?module=", "/functions?repository=", "/disabled?repository="} {
			a := f.send(f.request(f.keys[v1.ScopeRead], http.MethodGet, path+filter, nil))
			if a.status != http.StatusOK && a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s%.20s gives %d: %s", path, filter, a.status, a.body)
			}
		}
	}
}

func TestPanicsAreTold(t *testing.T) {
	f := newFixture(t, func(o *api.Options, _ *http.Server) {
		o.Planner = planner(func(context.Context, events.Event) (*dispatcher.View, error) { panic("the secret plan") })
	})
	r := f.planned("a/b", "x")
	a := f.send(f.request(f.keys[v1.ScopeRun], http.MethodPost, "/plan", v1.PlanRequest{Event: r.Event}))
	if p := a.problem(t); a.status != http.StatusInternalServerError || strings.Contains(p.Detail, "secret") {
		t.Errorf("gives %d: %s", a.status, a.body)
	}
	if !strings.Contains(f.log.String(), "the secret plan") {
		t.Errorf("the log says %s", f.log)
	}
}

// What may succeed later says when.
func TestQueueThatIsFull(t *testing.T) {
	f := newFixture(t)
	r := f.accept(push("a/b"))
	var a *answered
	for range 60 {
		if a = f.send(f.request(f.keys[v1.ScopeRun], http.MethodPost, "/events/"+r.Event+"/replay", nil)); a.status != http.StatusAccepted {
			break
		}
	}
	if p := a.problem(t); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" || p.Detail != "the queue is full" {
		t.Errorf("gives %d, Retry-After %q: %s", a.status, a.header.Get("Retry-After"), a.body)
	}
}

func TestErrorsBecomeProblems(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for name, tc := range map[string]struct {
		ctx    context.Context
		err    error
		status int
		detail string
	}{
		"not found":       {err: fmt.Errorf("read run 7: %w", store.ErrNotFound), status: 404, detail: "read run 7: not found"},
		"wrong state":     {err: fmt.Errorf("abort: %w", &store.StateError{Doing: "abort", ID: "7", State: store.StateFailed}), status: 409, detail: "abort 7: it is failed"},
		"nothing to do":   {err: store.ErrNothingToRestart, status: 409, detail: "there is nothing to restart"},
		"log is gone":     {err: fmt.Errorf("read log: %w", store.ErrLogGone), status: 410, detail: "the log is no longer kept"},
		"unavailable":     {err: fmt.Errorf("SQL: %w", store.ErrUnavailable), status: 503, detail: "the database is not available at the moment"},
		"too slow":        {err: fmt.Errorf("SQL: %w", context.DeadlineExceeded), status: 503, detail: "the database is not available at the moment"},
		"full":            {err: fmt.Errorf("accept: %w", store.ErrFull), status: 503, detail: "the queue is full"},
		"closed":          {err: fmt.Errorf("accept: %w", store.ErrClosed), status: 503, detail: "the agent is stopping"},
		"client has gone": {ctx: ended, err: context.Canceled, status: 503, detail: "the request was ended"},
		"malformed":       {err: &events.MalformedError{Path: "ref", Reason: "is missing"}, status: 422, detail: "ref: is missing"},
		"nothing to plan": {err: &events.NothingError{Reason: "a ping"}, status: 422, detail: "nothing to plan: a ping"},
		"anything else":   {err: errors.New("password=hunter2"), status: 500, detail: "internal error; the agent's log has more"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.ctx == nil {
				tc.ctx = t.Context()
			}
			status, header, detail := api.ProblemOf(tc.ctx, tc.err)
			if status != tc.status || detail != tc.detail || (header.Get("Retry-After") != "") != (status == 503) {
				t.Errorf("becomes %d %q with %v, want %d %q", status, detail, header, tc.status, tc.detail)
			}
		})
	}
}
