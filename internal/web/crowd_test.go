package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/web"
	"github.com/franela/pocketci/internal/web/webtest"
)

func TestCrowd(t *testing.T) {
	t.Parallel()
	enter := web.Entering(2, 3)
	ann, _ := enter("ann")
	if _, room := enter("ann"); !room {
		t.Fatal("there is no room for a second one")
	}
	if _, room := enter("ann"); room {
		t.Error("one may do more than each may")
	}
	if _, room := enter("bob"); !room {
		t.Error("one takes the room of others")
	}
	if _, room := enter("eve"); room {
		t.Error("all do more than all may")
	}
	ann()
	if _, room := enter("eve"); !room {
		t.Error("what has ended takes up room")
	}
}

// opened asks for a page that is kept up to date, from an address. The page stays open
// until the context ends.
func opened(ctx context.Context, t *testing.T, b *webtest.Browser, url, address string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Address", address)
	res, err := b.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
	}
	return res.StatusCode
}

// Strangers who leave their pages open keep neither each other nor those from working
// who have signed in.
func TestStrangersLeaveRoom(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	site, err := web.New(web.Options{
		API: w.API, Public: func(name string) bool { return name == "acme/shop" },
		Remote: func(r *http.Request) string { return r.Header.Get("X-Address") },
	})
	if err != nil {
		t.Fatal(err)
	}
	host := httptest.NewServer(site)
	t.Cleanup(host.Close)
	w.Planned("acme/shop", "test")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stranger := w.Stranger()
	for n := range web.LiveByAddress {
		// The second half of an address of IPv6 is the client's to choose.
		if status := opened(ctx, t, stranger, host.URL+"/runs/home", "2001:db8::"+string(rune('a'+n%6))); status != http.StatusOK {
			t.Fatalf("page %d gives %d", n, status)
		}
	}
	if status := opened(ctx, t, stranger, host.URL+"/runs/1/live", "2001:db8::1"); status != http.StatusServiceUnavailable {
		t.Errorf("one page too many gives %d", status)
	}
	if status := opened(ctx, t, stranger, host.URL+"/runs/1", "2001:db8::1"); status != http.StatusOK {
		t.Errorf("a page that is not kept up to date gives %d", status)
	}
	if status := opened(ctx, t, stranger, host.URL+"/runs/1/live", "192.0.2.1"); status != http.StatusOK {
		t.Errorf("somebody else's page gives %d", status)
	}
	if status := opened(ctx, t, w.SignInAt(host.URL, v1.ScopeRead), host.URL+"/runs/1/live", "2001:db8::1"); status != http.StatusOK {
		t.Errorf("the page of who has signed in gives %d", status)
	}
	cancel()
	for {
		again, done := context.WithCancel(t.Context())
		status := opened(again, t, stranger, host.URL+"/runs/1/live", "2001:db8::1")
		done()
		if status == http.StatusOK {
			break // their connections have ended
		}
	}
}

// What is not public any more is not kept up to date any more.
func TestLiveEndsWithBeingPublic(t *testing.T) {
	t.Parallel()
	var public atomic.Bool
	public.Store(true)
	w := webtest.New(t, webtest.Options{
		API: func(o *api.Options) { o.KeepAlive = 10 * time.Millisecond },
		Site: func(o *web.Options) {
			o.KeepAlive, o.Public = 10*time.Millisecond, func(string) bool { return public.Load() }
		},
	})
	c := w.Claim(w.Planned("acme/shop", "test"))
	w.Log(c, stepLine("started", "1", "", "test", ""))
	stranger := w.Stranger()
	ended := make(chan string, 2)
	for _, path := range []string{"/runs/1/live", "/runs/1/calls/test/live?view=order"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := stranger.Client.Do(r)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(res, err)
		}
		go func() {
			defer res.Body.Close()
			var b strings.Builder
			buffer := make([]byte, 4096)
			for n, err := 0, error(nil); err == nil; {
				n, err = res.Body.Read(buffer)
				b.Write(buffer[:n])
			}
			ended <- b.String()
		}()
	}
	public.Store(false)
	for range 2 {
		select {
		case text := <-ended:
			if strings.Contains(text, "event: end") {
				t.Errorf("it ends as if all were there: %s", text)
			}
		case <-time.After(time.Minute):
			t.Fatal("a page is still kept up to date")
		}
	}
}

// A request for the headers of a page that is kept up to date does not wait for its end.
func TestHeadersOfLive(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	for _, path := range []string{"/runs/home", "/events/live"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, w.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a := w.SignIn(v1.ScopeRead).Do(r); a.Status != http.StatusOK || a.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%s gives %d, %s", path, a.Status, a.Header.Get("Content-Type"))
		}
	}
}
