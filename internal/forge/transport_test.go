package forge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/franela/pocketci/internal/forge"
)

// next makes requests without a network.
type next func(*http.Request) (*http.Response, error)

func (n next) RoundTrip(r *http.Request) (*http.Response, error) { return n(r) }

// reply is an answer with headers in pairs.
func reply(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for pair := range slices.Chunk(header, 2) {
		h.Set(pair[0], pair[1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// answers gives one answer after the other, the last one for ever, and counts.
func answers(n *atomic.Int32, all ...*http.Response) next {
	return func(*http.Request) (*http.Response, error) {
		i := int(n.Add(1)) - 1
		r := *all[min(i, len(all)-1)]
		r.Body = io.NopCloser(strings.NewReader("answer"))
		return &r, nil
	}
}

func base(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func request(t *testing.T, ctx context.Context, method, address, body string) *http.Request {
	t.Helper()
	var sent io.Reader
	if body != "" {
		sent = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, address, sent)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const api = "https://forge.example.com/api"

func newTransport(t *testing.T, n http.RoundTripper) *forge.Transport {
	return &forge.Transport{Base: base(t, api), Backoff: time.Millisecond, Next: n, Authenticate: func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer t0ken")
		return nil
	}}
}

func TestTransportMakesAgain(t *testing.T) {
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for name, c := range map[string]struct {
		method string
		status int
		err    error
		want   int32
	}{
		"get, 200":                          {http.MethodGet, 200, nil, 1},
		"get, 404":                          {http.MethodGet, 404, nil, 1},
		"get, 502":                          {http.MethodGet, 502, nil, 4},
		"post, 503: it was refused":         {http.MethodPost, 503, nil, 4},
		"patch, 500":                        {http.MethodPatch, 500, nil, 4},
		"get, 501: the forge has no such":   {http.MethodGet, 501, nil, 1},
		"get, a broken connection":          {http.MethodGet, 0, reset, 4},
		"delete, a broken connection":       {http.MethodDelete, 0, reset, 4},
		"post, a broken connection":         {http.MethodPost, 0, reset, 1},
		"patch, a broken connection":        {http.MethodPatch, 0, reset, 1},
		"post, no connection at all":        {http.MethodPost, 0, refused, 4},
		"post, no connection but deep down": {http.MethodPost, 0, fmt.Errorf("proxy: %w", refused), 4},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int32
			tr := newTransport(t, next(func(r *http.Request) (*http.Response, error) {
				n.Add(1)
				sent, err := io.ReadAll(r.Body)
				if err != nil || string(sent) != "all of it" || r.ContentLength != int64(len(sent)) || r.Header.Get("Authorization") != "Bearer t0ken" {
					t.Errorf("attempt %d sends %q (%d bytes, %v) with %v", n.Load(), sent, r.ContentLength, err, r.Header)
				}
				if c.err != nil {
					return nil, c.err
				}
				return reply(c.status, "answer"), nil
			}))
			original := request(t, t.Context(), c.method, api+"/x", "all of it")
			response, err := tr.RoundTrip(original)
			if n.Load() != c.want {
				t.Errorf("%d attempts, want %d", n.Load(), c.want)
			}
			if c.err != nil {
				if !errors.Is(err, c.err) {
					t.Errorf("the error is %v", err)
				}
				return
			}
			if err != nil || response.StatusCode != c.status {
				t.Fatalf("%v, %v", response, err)
			}
			if body, err := io.ReadAll(response.Body); err != nil || string(body) != "answer" {
				t.Errorf("%q, %v", body, err)
			}
			if original.Header.Get("Authorization") != "" || response.Request.Header.Get("Authorization") != "" {
				t.Error("the caller's request has got the credentials")
			}
		})
	}
}

func TestTransportRecovers(t *testing.T) {
	var n atomic.Int32
	tr := newTransport(t, answers(&n, reply(502, ""), reply(503, "", "Retry-After", "0"), reply(200, "")))
	response, err := tr.RoundTrip(request(t, t.Context(), http.MethodPost, api, "x"))
	if err != nil || response.StatusCode != 200 || n.Load() != 3 {
		t.Errorf("%v, %v after %d", response, err, n.Load())
	}
}

// An answer that breaks off is a broken connection, not an answer.
func TestTransportReadsAnswersWhole(t *testing.T) {
	for method, want := range map[string]int32{http.MethodGet: 2, http.MethodPost: 1} {
		var n atomic.Int32
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if n.Add(1) == 1 {
				w.Header().Set("Content-Length", "100")
			}
			_, _ = io.WriteString(w, "half of it")
		}))
		defer web.Close()
		tr := &forge.Transport{Base: base(t, web.URL), Backoff: time.Millisecond}
		response, err := tr.RoundTrip(request(t, t.Context(), method, web.URL+"/x", ""))
		if n.Load() != want || (err == nil) != (method == http.MethodGet) {
			t.Errorf("%s: %v, %v after %d attempts", method, response, err, n.Load())
		}
	}
}

func TestTransportBoundsBodies(t *testing.T) {
	var n atomic.Int32
	tr := newTransport(t, next(func(*http.Request) (*http.Response, error) {
		n.Add(1)
		return reply(200, strings.Repeat("x", 8<<20+1)), nil
	}))
	if _, err := tr.RoundTrip(request(t, t.Context(), http.MethodGet, api, "")); err == nil || !strings.Contains(err.Error(), "an answer of more than") || n.Load() != 1 {
		t.Errorf("an answer: %v after %d", err, n.Load())
	}
	if _, err := tr.RoundTrip(request(t, t.Context(), http.MethodPost, api, strings.Repeat("x", 1<<20+1))); err == nil || n.Load() != 1 {
		t.Errorf("a request: %v after %d", err, n.Load())
	}
	fits := newTransport(t, next(func(*http.Request) (*http.Response, error) { return reply(200, strings.Repeat("x", 8<<20)), nil }))
	if _, err := fits.RoundTrip(request(t, t.Context(), http.MethodPost, api, strings.Repeat("x", 1<<20))); err != nil {
		t.Errorf("what fits: %v", err)
	}
}

// The credentials are for one server.
func TestTransportGoesNowhereElse(t *testing.T) {
	for name, c := range map[string]struct {
		address string
		goes    bool
	}{
		"the API":           {api + "/repos", true},
		"its host":          {"https://forge.example.com/x", true},
		"its usual port":    {"https://forge.example.com:443/x", true},
		"in capitals":       {"https://FORGE.example.com/x", true},
		"another host":      {"https://evil.example.com/api", false},
		"a host below":      {"https://x.forge.example.com/api", false},
		"another port":      {"https://forge.example.com:8443/api", false},
		"without TLS":       {"http://forge.example.com/api", false},
		"without, its port": {"http://forge.example.com:443/api", false},
	} {
		var n atomic.Int32
		_, err := newTransport(t, answers(&n, reply(200, ""))).RoundTrip(request(t, t.Context(), http.MethodGet, c.address, ""))
		if (err == nil) != c.goes || !c.goes && !errors.Is(err, forge.ErrElsewhere) || (n.Load() == 1) != c.goes {
			t.Errorf("%s: %v after %d requests", name, err, n.Load())
		}
	}
}

func TestTransportFollowsNoRedirectElsewhere(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other server is asked with %v", r.Header)
	}))
	defer elsewhere.Close()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer t0ken":
			t.Errorf("%s is asked with %v", r.URL, r.Header)
		case r.URL.Path == "/renamed":
			http.Redirect(w, r, "/new", http.StatusTemporaryRedirect)
		case r.URL.Path == "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		default:
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(body)
		}
	}))
	defer web.Close()
	tr := newTransport(t, nil)
	tr.Base = base(t, web.URL)
	client := &http.Client{Transport: tr}
	response, err := client.Do(request(t, t.Context(), http.MethodPost, web.URL+"/renamed", "hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "hello" {
		t.Errorf("at its new address it gets %q", body)
	}
	if _, err := client.Do(request(t, t.Context(), http.MethodGet, web.URL+"/away", "")); !errors.Is(err, forge.ErrElsewhere) {
		t.Errorf("away: %v", err)
	}
}

func TestTransportDoesNotAskTwiceForCredentials(t *testing.T) {
	none := errors.New("there are none")
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		n := 0
		tr := newTransport(t, next(func(*http.Request) (*http.Response, error) { t.Error("a request is made"); return nil, none }))
		tr.Authenticate = func(*http.Request) error { n++; return none }
		if _, err := tr.RoundTrip(request(t, t.Context(), method, api, "x")); !errors.Is(err, none) || n != 1 {
			t.Errorf("%s: %v after %d", method, err, n)
		}
	}
}

func TestTransportEndsWithTheContext(t *testing.T) {
	stopped := errors.New("the agent stops")
	t.Run("in a request", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		tr := newTransport(t, next(func(r *http.Request) (*http.Response, error) {
			cancel(stopped)
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		if _, err := tr.RoundTrip(request(t, ctx, http.MethodGet, api, "")); !errors.Is(err, stopped) {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("between attempts", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		tr := newTransport(t, next(func(*http.Request) (*http.Response, error) {
			go cancel(stopped)
			return reply(502, ""), nil
		}))
		tr.Backoff = time.Hour
		if _, err := tr.RoundTrip(request(t, ctx, http.MethodGet, api, "")); !errors.Is(err, stopped) {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("one attempt has an end of its own", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			tr := newTransport(t, next(func(r *http.Request) (*http.Response, error) {
				n++
				<-r.Context().Done()
				return nil, r.Context().Err()
			}))
			began := time.Now()
			_, err := tr.RoundTrip(request(t, t.Context(), http.MethodGet, api, ""))
			if err == nil || errors.Is(err, context.DeadlineExceeded) || n != 4 || time.Since(began) > 3*time.Minute {
				t.Errorf("%v after %d attempts and %s", err, n, time.Since(began))
			}
		})
	})
}
