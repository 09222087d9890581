package web_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/web"
	"github.com/franela/pocketci/internal/web/webtest"
)

// follow reads a live page's messages until one of them has an event's name.
func follow(t *testing.T, b *webtest.Browser, url, until string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := b.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("%s gives %d, %s", url, res.StatusCode, got)
	}
	var lines []string
	for scan := bufio.NewScanner(res.Body); scan.Scan(); {
		lines = append(lines, scan.Text())
		if scan.Text() == until {
			return lines
		}
	}
	t.Fatalf("%s ended before %q: %q", url, until, lines)
	return nil
}

func TestLive(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	hostile := "<script>alert(1)</script>\r\nevent: end\n\nmore"
	site := web.LiveOf(t, web.Options{API: w.API}, func(ctx context.Context, send web.Push) error {
		for _, text := range []string{"one", "one", hostile} {
			if err := send("fault", "", text); err != nil {
				return err
			}
		}
		return nil
	})
	host := httptest.NewServer(site)
	t.Cleanup(host.Close)
	lines := follow(t, w.Stranger(), host.URL+"/live", "event: end")
	text := strings.Join(lines, "\n")
	if n := strings.Count(text, "event: patch"); n != 2 {
		t.Errorf("%d patches, want two, since the second one says nothing new:\n%s", n, text)
	}
	if strings.Contains(text, "<script>") || strings.Count(text, "event: end") != 2 {
		t.Errorf("what is shown got out of its message:\n%s", text)
	}
	for _, line := range lines {
		if line != "" && line != ":" && !strings.HasPrefix(line, "data: ") && !strings.HasPrefix(line, "event: ") {
			t.Errorf("a line of no message: %q", line)
		}
	}
}

// Whoever may look no more is cut off, although nothing happens.
func TestLiveEndsWithTheKey(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	waiting := make(chan struct{})
	site := web.LiveOf(t, web.Options{API: w.API, KeepAlive: 10 * time.Millisecond}, func(ctx context.Context, _ web.Push) error {
		close(waiting)
		<-ctx.Done()
		return ctx.Err()
	})
	host := httptest.NewServer(site)
	t.Cleanup(host.Close)
	b := w.SignInAt(host.URL, v1.ScopeRun)
	ended := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host.URL+"/live", nil)
		if err == nil {
			var res *http.Response
			if res, err = b.Client.Do(r); err == nil {
				for scan := bufio.NewScanner(res.Body); scan.Scan(); {
				}
				_ = res.Body.Close()
			}
		}
		ended <- err
	}()
	<-waiting
	keys, err := w.Store.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if err := w.Store.DeleteKey(t.Context(), k.ID, w.Actor); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the page is still kept up to date")
	}
}
