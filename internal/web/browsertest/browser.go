// Package browsertest has tests look at pages with Debian's Chromium.
//
// All tests of a program share one process, and each has a window with cookies of its
// own. A test fails by itself if a page asks another host for something, breaks its
// Content-Security-Policy, throws, or writes an error to the console. How pages are
// judged beyond that is in [Browser.Axe] and [Browser.NoOverlap].
//
// Every wait has a limit of [Browser.Patience], which is long: no test waits for it to
// pass.
package browsertest

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Browser is a window of a test's own. It is for one goroutine at a time.
type Browser struct {
	// Patience is how long a test waits for any one thing; 2 min by default.
	Patience time.Duration

	ctx   context.Context
	watch *watch
	size  Size
	base  string
}

// observe counts what moves, in every page from its beginning.
//
//go:embed observe.js
var observe string

// Start opens a window, 1280 pixels wide and light, that is closed with the test.
func Start(t testing.TB) *Browser {
	t.Helper()
	p, err := running()
	if err != nil {
		t.Fatal(err)
	}
	b := &Browser{Patience: 2 * time.Minute, watch: newWatch()}
	ctx, cancel := chromedp.NewContext(p.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.watch.hear))
	b.ctx, b.watch.ctx = ctx, ctx
	t.Cleanup(func() {
		_, _ = try[bool](b, "true") // what the page has done comes before the answer
		b.watch.report(t)
		cancel()
	})
	err = chromedp.Do(ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: observe})
		return chromedp.Void{}, err
	})
	if err != nil {
		t.Fatalf("open a window: %v", err)
	}
	b.Size(t, Wide)
	b.Dark(t, false)
	return b
}

// Open shows an address: a whole one, or a path of the site that was opened before.
// That site is the only one that pages may ask for something from then on.
func (b *Browser) Open(t testing.TB, address string) {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.base + address
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("open a page: %v", err)
	}
	b.base = u.Scheme + "://" + u.Host
	b.watch.allow(u.Host)
	b.do(t, "open "+address, chromedp.Navigate(address))
	b.watch.report(t)
}

// SignIn signs in at a site with an API key and waits until it has let in.
func (b *Browser) SignIn(t testing.TB, site, secret string) {
	t.Helper()
	b.Open(t, site+"/sign-in")
	b.Fill(t, "API key", secret)
	b.Follow(t, "main button", "Sign in")
	if path := b.Path(t); strings.HasPrefix(path, "/sign-in") {
		t.Fatalf("signing in leads to %s: %s", path, b.Text(t))
	}
}

// Path is the path of the page that is shown, with its query and fragment.
func (b *Browser) Path(t testing.TB) string {
	t.Helper()
	return evaluate[string](t, b, "location.pathname + location.search + location.hash")
}

// Text is what the page shows, with single spaces.
func (b *Browser) Text(t testing.TB) string {
	t.Helper()
	return evaluate[string](t, b, visibleText)
}

const visibleText = `(document.body ? document.body.innerText : "").replace(/\s+/g, " ").trim()`

// AllowErrors has errors of the console that hold a text not fail the test, for pages
// whose server is stopped on purpose.
func (b *Browser) AllowErrors(text string) { b.watch.allowError(text) }

// do runs steps within the browser's patience.
func (b *Browser) do(t testing.TB, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, b.Patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.watch.report(t)
		t.Fatalf("%s: %v", what, err)
	}
}

// evaluate returns what an expression gives in the page. Promises are awaited.
func evaluate[T any](t testing.TB, b *Browser, expression string) T {
	t.Helper()
	v, err := try[T](b, expression)
	if err != nil {
		b.watch.report(t)
		t.Fatalf("ask the page: %v", err)
	}
	return v
}

func try[T any](b *Browser, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, b.Patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// call is an expression that calls a function of JavaScript with arguments.
func call(function string, arguments ...any) string {
	var list []string
	for _, a := range arguments {
		data, err := json.Marshal(a)
		if err != nil {
			panic(err) // they are strings and numbers
		}
		list = append(list, string(data))
	}
	return fmt.Sprintf("(%s)(%s)", function, strings.Join(list, ", "))
}
