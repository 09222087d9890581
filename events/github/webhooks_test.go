package github_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events/github"
)

var outage = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// attempt is a delivery as "List deliveries for a repository webhook" has it,
// minutes after the outage began.
func attempt(id int, guid string, minutes, code int) string {
	return fmt.Sprintf(`{"id":%d,"guid":%q,"delivered_at":%q,"redelivery":false,"duration":0.27,"status":"x","status_code":%d,"event":"push","action":null,"installation_id":null,"repository_id":1,"throttled_at":null}`,
		id, guid, outage.Add(time.Duration(minutes)*time.Minute).Format(time.RFC3339), code)
}

// hook is a webhook as "List repository webhooks" has it.
func hook(id int, address string) string {
	return fmt.Sprintf(`{"type":"Repository","id":%d,"name":"web","active":true,"events":["push"],"config":{"content_type":"json","insecure_ssl":"0","url":%q},"last_response":{"code":null,"status":"unused","message":null}}`, id, address)
}

func list(items ...string) string { return "[" + strings.Join(items, ",") + "]" }

const (
	hooksOfHello = "GET /api/v3/repos/octo/hello/hooks?per_page=100"
	deliveries7  = "GET /api/v3/repos/octo/hello/hooks/7/deliveries?per_page=100"
	here         = "https://ci.example.com/webhooks/github"
)

func redeliver(hook, id int) string {
	return fmt.Sprintf("POST /api/v3/repos/octo/hello/hooks/%d/deliveries/%d/attempts", hook, id)
}

func page(cursor string) string {
	return "GET /api/v3/repos/octo/hello/hooks/7/deliveries?cursor=" + cursor + "&per_page=100"
}

func newWebhooks(t *testing.T, api string) *github.Webhooks {
	t.Helper()
	w, err := github.NewWebhooks(github.WebhooksOptions{Token: hookToken, PublicURL: "https://ci.example.com", API: api + "/api/v3",
		Backoff: time.Millisecond, Pace: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWebhooksRedeliver(t *testing.T) {
	own := answer{body: list(hook(7, here))}
	accepted := answer{status: 202, body: "{}"}
	type result = github.Redelivery
	for name, c := range map[string]struct {
		answers map[string][]answer
		want    result
		posts   []string
	}{
		"no hooks": {map[string][]answer{hooksOfHello: {{body: "[]"}}}, result{}, nil},
		"other people's hooks": {map[string][]answer{hooksOfHello: {{body: list(
			hook(1, "https://elsewhere.example.com/webhooks/github"), hook(2, "https://ci.example.com/other"),
			hook(3, "https://ci.example.com.evil.example/"), hook(4, "https://ci.example.com:8443/"), hook(5, "://"),
			strings.Replace(hook(6, here), `"active":true`, `"active":false`, 1))}}}, result{}, nil},
		"both paths, http or https": {map[string][]answer{
			hooksOfHello: {{body: list(hook(7, "http://CI.example.com:80"), hook(8, "https://ci.example.com:443/webhooks/github/"))}},
			deliveries7:  {{body: list(attempt(1, "a", 1, 502))}},
			strings.Replace(deliveries7, "/7/", "/8/", 1): {{body: list(attempt(2, "b", 1, 502))}},
			redeliver(7, 1): {accepted}, redeliver(8, 2): {accepted}}, result{Webhooks: 2, Asked: 2}, []string{redeliver(7, 1), redeliver(8, 2)}},
		"several pages of hooks": {map[string][]answer{
			hooksOfHello: {{body: list(hook(1, "https://elsewhere.example.com")), next: "page=2&per_page=100"}},
			"GET /api/v3/repos/octo/hello/hooks?page=2&per_page=100": {own},
			deliveries7: {{body: "[]"}}}, result{Webhooks: 1}, nil},
		"nothing was missed": {map[string][]answer{hooksOfHello: {own}, deliveries7: {{body: list(attempt(1, "a", 1, 202))}}}, result{Webhooks: 1}, nil},
		"several pages, the oldest first, up to the time": {map[string][]answer{hooksOfHello: {own},
			deliveries7:     {{body: list(attempt(9, "c", 9, 503), attempt(8, "b", 8, 202)), next: "per_page=100&cursor=v1_2"}},
			page("v1_2"):    {{body: list(attempt(7, "a", 7, 0), attempt(6, "z", 0, 404)), next: "per_page=100&cursor=v1_3"}},
			page("v1_3"):    {{body: list(attempt(5, "old", -1, 503)), next: "per_page=100&cursor=v1_4"}},
			redeliver(7, 6): {accepted}, redeliver(7, 7): {accepted}, redeliver(7, 9): {accepted}},
			result{Webhooks: 1, Asked: 3}, []string{redeliver(7, 6), redeliver(7, 7), redeliver(7, 9)}},
		"failed and later succeeded": {map[string][]answer{hooksOfHello: {own},
			deliveries7: {{body: list(attempt(3, "a", 3, 200), attempt(2, "a", 2, 503))}}}, result{Webhooks: 1}, nil},
		"succeeded, then failed": {map[string][]answer{hooksOfHello: {own},
			deliveries7: {{body: list(attempt(3, "a", 3, 503), attempt(2, "a", 2, 202))}}}, result{Webhooks: 1}, nil},
		"failed twice over two pages": {map[string][]answer{hooksOfHello: {own},
			deliveries7: {{body: list(attempt(3, "a", 3, 502)), next: "per_page=100&cursor=x"}},
			page("x"):   {{body: list(attempt(2, "a", 2, 0))}}, redeliver(7, 3): {accepted}}, result{Webhooks: 1, Asked: 1}, []string{redeliver(7, 3)}},
		"one is too old": {map[string][]answer{hooksOfHello: {own},
			deliveries7:     {{body: list(attempt(3, "b", 3, 502), attempt(2, "a", 2, 502))}},
			redeliver(7, 2): {{status: 422, body: `{"message":"Validation Failed"}`}}, redeliver(7, 3): {accepted}},
			result{Webhooks: 1, Asked: 1, Refused: 1}, []string{redeliver(7, 2), redeliver(7, 3)}},
		"5xx, then fine": {map[string][]answer{
			hooksOfHello:    {{status: 502, body: "<html>"}, {status: 500}, own},
			deliveries7:     {{status: 503}, {body: list(attempt(1, "a", 1, 0))}},
			redeliver(7, 1): {{status: 502}, accepted}}, result{Webhooks: 1, Asked: 1}, []string{redeliver(7, 1), redeliver(7, 1)}},
		"cut off, then fine": {map[string][]answer{
			hooksOfHello: {{body: list(hook(7, here)), cut: true}, own}, deliveries7: {{body: "[]"}}}, result{Webhooks: 1}, nil},
		"null in lists": {map[string][]answer{hooksOfHello: {{body: list("null", "{}", `{"active":true,"config":null}`, hook(7, here))}},
			deliveries7: {{body: list("null", "{}", `{"guid":"q","delivered_at":null,"status_code":null}`, attempt(1, "a", 1, 0))}}, redeliver(7, 1): {accepted}},
			result{Webhooks: 1, Asked: 1}, []string{redeliver(7, 1)}},
		"a cursor that leads back": {map[string][]answer{hooksOfHello: {own},
			deliveries7: {{body: list(attempt(1, "a", 1, 202)), next: "per_page=100&cursor=x"}},
			page("x"):   {{body: list(attempt(1, "a", 1, 202)), next: "per_page=100&cursor=x"}}}, result{Webhooks: 1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForge(t, c.answers)
			got, err := newWebhooks(t, f.URL).Redeliver(t.Context(), "octo/hello", outage)
			if err != nil || got != c.want || !slices.Equal(f.posts(), c.posts) {
				t.Errorf("%+v (%v) by %v, want %+v by %v", got, err, f.posts(), c.want, c.posts)
			}
			f.allAsked()
		})
	}
}

func TestWebhooksRedeliverFails(t *testing.T) {
	own := answer{body: list(hook(7, here))}
	failed := answer{body: list(attempt(2, "b", 2, 500), attempt(1, "a", 1, 0))}
	soon := time.Now().Add(time.Hour).Truncate(time.Second)
	for name, c := range map[string]struct {
		answers map[string][]answer
		status  int  // of a PermissionError
		limited bool // by a RateError
		stops   bool
		text    string
	}{
		"403": {map[string][]answer{hooksOfHello: {{status: 403, body: `{"message":"Resource not accessible by personal access token"}`}}}, 403, false, false, "Webhooks (read)"},
		"404": {map[string][]answer{hooksOfHello: {{status: 404, body: `{"message":"Not Found"}`}}}, 404, false, false, "admin:repo_hook"},
		"401": {map[string][]answer{hooksOfHello: {{status: 401, body: `{"message":"Bad credentials"}`}}}, 401, false, true, "token"},
		"may read, not write": {map[string][]answer{hooksOfHello: {own}, deliveries7: {failed},
			redeliver(7, 1): {{status: 403, body: `{"message":"Resource not accessible by personal access token"}`}}}, 403, false, false, "Webhooks (write)"},
		"rate limit": {map[string][]answer{hooksOfHello: {{status: 403, body: `{"message":"API rate limit exceeded for user ID 1."}`,
			header: map[string]string{"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(soon.Unix())}}}},
			0, true, true, "rate limit is reached: no more requests until " + soon.UTC().Format(time.RFC3339)},
		"rate limit as 429": {map[string][]answer{hooksOfHello: {{status: 429, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(soon.Unix())}}}},
			0, true, true, soon.UTC().Format(time.RFC3339)},
		"secondary rate limit": {map[string][]answer{hooksOfHello: {own}, deliveries7: {{status: 403, header: map[string]string{"Retry-After": "60"},
			body: `{"message":"You have exceeded a secondary rate limit.","documentation_url":"https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`}}},
			0, true, true, "rate limit"},
		"429 without a word": {map[string][]answer{hooksOfHello: {{status: 429}}}, 0, true, true, "rate limit"},
		"a limit for ever":   {map[string][]answer{hooksOfHello: {{status: 429, header: map[string]string{"Retry-After": "4000000000"}}}}, 0, true, true, "rate limit"},
		"5xx for ever":       {map[string][]answer{hooksOfHello: {{status: 502}, {status: 502}, {status: 502}, {status: 502}}}, 0, false, false, "GitHub answers 502"},
		"HTML":               {map[string][]answer{hooksOfHello: {{body: "<html>\x1b[31m"}}}, 0, false, false, "documented form"},
		"an object":          {map[string][]answer{hooksOfHello: {{body: `{"id":7}`}}}, 0, false, false, "documented form"},
		"ids that are text":  {map[string][]answer{hooksOfHello: {own}, deliveries7: {{body: `[{"id":"../../x"}]`}}}, 0, false, false, "documented form"},
		"a date that is none": {map[string][]answer{hooksOfHello: {own}, deliveries7: {{body: `[{"delivered_at":"` + strings.Repeat("x", 4096) + `"}]`}}},
			0, false, false, "documented form"},
		"more than fits": {map[string][]answer{hooksOfHello: {{body: strings.Repeat(" ", 9<<20) + "[]"}}}, 0, false, false, "an answer of more than"},
		"another server": {map[string][]answer{hooksOfHello: {{status: 302, header: map[string]string{"Location": "http://127.0.0.1:1/steal"}}}}, 0, false, false, "another server"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForge(t, c.answers)
			w := newWebhooks(t, f.URL)
			_, err := w.Redeliver(t.Context(), "octo/hello", outage)
			if err == nil || !strings.Contains(err.Error(), c.text) || len(err.Error()) > 300 {
				t.Fatalf("the error is %v, want %q", err, c.text)
			}
			for _, secret := range []string{hookToken, "octo", f.URL, "\x1b"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q shows %q", err, secret)
				}
			}
			permission, _ := errors.AsType[*github.PermissionError](err)
			if (permission != nil) != (c.status != 0) || permission != nil && permission.Status != c.status {
				t.Errorf("%#v, want a status of %d", err, c.status)
			}
			limit, limited := errors.AsType[*github.RateError](err)
			if limited != c.limited || limited && limit.Until.After(time.Now().Add(25*time.Hour)) {
				t.Errorf("%#v, limited: %t", err, limited)
			}
			stopper, _ := errors.AsType[interface {
				error
				Stops() bool
			}](err)
			if stops := stopper != nil && stopper.Stops(); stops != c.stops {
				t.Errorf("stops: %t", stops)
			}
			f.allAsked()
			if limited { // it is honoured: the forge knows no answer to another request
				if _, again := w.Redeliver(t.Context(), "octo/world", outage); again == nil || again.Error() != err.Error() {
					t.Errorf("then the error is %v", again)
				}
			}
		})
	}
}

func TestWebhooksStopAfterManyPages(t *testing.T) {
	answers := map[string][]answer{hooksOfHello: {{body: list(hook(7, here))}}}
	for i := range 50 {
		key := deliveries7
		if i > 0 {
			key = page(fmt.Sprint("c", i))
		}
		answers[key] = []answer{{body: list(attempt(100-i, fmt.Sprint(i), 100-i, 202)), next: fmt.Sprint("per_page=100&cursor=c", i+1)}}
	}
	f := newForge(t, answers)
	got, err := newWebhooks(t, f.URL).Redeliver(t.Context(), "octo/hello", outage)
	if err != nil || !got.Truncated {
		t.Errorf("%+v (%v)", got, err)
	}
	f.allAsked()
}

func TestWebhooksRedeliverIsCancelled(t *testing.T) {
	stopped := errors.New("the agent stops")
	for name, c := range map[string]struct{ backoff, pace time.Duration }{
		"in a request":       {time.Hour, time.Hour},
		"between attempts":   {time.Hour, time.Millisecond},
		"between deliveries": {time.Millisecond, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				switch {
				case name == "in a request":
					cancel(stopped)
					<-r.Context().Done()
				case name == "between attempts":
					rw.WriteHeader(http.StatusBadGateway)
					cancel(stopped)
				case r.Method == http.MethodPost:
					rw.WriteHeader(http.StatusAccepted)
					_, _ = rw.Write([]byte("{}"))
					cancel(stopped)
				case strings.HasSuffix(r.URL.Path, "/hooks"):
					_, _ = rw.Write([]byte(list(hook(7, here))))
				default:
					_, _ = rw.Write([]byte(list(attempt(2, "b", 2, 0), attempt(1, "a", 1, 0))))
				}
			}))
			defer web.Close()
			w, err := github.NewWebhooks(github.WebhooksOptions{Token: hookToken, PublicURL: "https://ci.example.com", API: web.URL, Backoff: c.backoff, Pace: c.pace})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Redeliver(ctx, "octo/hello", outage); !errors.Is(err, stopped) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// What is wrong with a connection is said the same way each time: the reason is
// logged once.
func TestWebhooksWithoutServer(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	cuts := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.(*net.TCPConn).SetLinger(0) // so that the client is told of a reset
		_ = conn.Close()
	}))
	defer cuts.Close()
	for name, api := range map[string]string{
		"connection refused": gone.URL, "connection reset": cuts.URL, "look up ghe.invalid": "http://ghe.invalid",
	} {
		w := newWebhooks(t, api)
		var said []string
		for _, repository := range []string{"octo/hello", "octo/world"} {
			_, err := w.Redeliver(t.Context(), repository, outage)
			if _, isURL := errors.AsType[*url.Error](err); err == nil || isURL || strings.Contains(err.Error(), "octo") ||
				strings.Contains(err.Error(), "127.0.0.1") || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: the error is %v", name, err)
				continue
			}
			said = append(said, err.Error())
		}
		if len(slices.Compact(said)) != 1 {
			t.Errorf("%s is said as %q", name, said)
		}
	}
}

func TestWebhooksRefuseNames(t *testing.T) {
	f := newForge(t, nil)
	w := newWebhooks(t, f.URL)
	for _, name := range []string{"", "hello", "octo/", "/hello", "octo/..", "../user", "octo/hello/x", "octo/hello?x", "octo/he%2fllo"} {
		if _, err := w.Redeliver(t.Context(), name, outage); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestWebhooksHold(t *testing.T) {
	for name, c := range map[string]struct {
		api, clone string
		want       bool
	}{
		"GitHub's own":             {"", "https://github.com/octo/hello.git", true},
		"by ssh":                   {"", "ssh://git@GitHub.com/octo/hello.git", true},
		"another server":           {"", "https://ghe.example.com/octo/hello.git", false},
		"a name that begins alike": {"", "https://github.com.evil.example/octo/hello.git", false},
		"GitHub in a region":       {"https://api.octo.ghe.com", "https://octo.ghe.com/octo/hello.git", true},
		"an Enterprise Server":     {"https://ghe.example.com/api/v3", "https://ghe.example.com/octo/hello.git", true},
		"its port is no matter":    {"http://ghe.example.com:8080/api/v3/", "https://ghe.example.com/octo/hello.git", true},
		"its name begins with api": {"https://api.example.com/api/v3", "https://api.example.com/octo/hello.git", true},
		"not GitHub's own":         {"https://ghe.example.com/api/v3", "https://github.com/octo/hello.git", false},
		"no host":                  {"", "/srv/git/hello.git", false},
		"no address":               {"", "://", false},
		"nothing":                  {"", "", false},
	} {
		w, err := github.NewWebhooks(github.WebhooksOptions{Token: hookToken, PublicURL: "https://ci.example.com", API: c.api})
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Holds(c.clone); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestNewWebhooksRefuses(t *testing.T) {
	for name, o := range map[string]github.WebhooksOptions{
		"no token":          {PublicURL: "https://ci.example.com"},
		"no public address": {Token: hookToken},
		"no host":           {Token: hookToken, PublicURL: "ci.example.com"},
		"no web address":    {Token: hookToken, PublicURL: "ftp://ci.example.com"},
		"credentials in it": {Token: hookToken, PublicURL: "https://ci.example.com", API: "https://u:" + hookToken + "@ghe.example.com"},
		"a broken address":  {Token: hookToken, PublicURL: "https://ci.example.com", API: "https://" + hookToken + "%zz"},
	} {
		if _, err := github.NewWebhooks(o); err == nil || strings.Contains(err.Error(), hookToken) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	w, err := github.NewWebhooks(github.WebhooksOptions{Token: hookToken, PublicURL: "https://ci.example.com"})
	if err != nil || strings.Contains(fmt.Sprintf("%v %+v", w, w), hookToken) {
		t.Errorf("%v (%v)", w, err)
	}
}
