package browsertest

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// watch notes what no page may do.
type watch struct {
	ctx context.Context

	mu        sync.Mutex
	hosts     map[string]bool
	documents map[network.RequestID]bool
	allowed   []string
	problems  []string
}

func newWatch() *watch {
	return &watch{hosts: map[string]bool{}, documents: map[network.RequestID]bool{}}
}

// allow adds a host that pages may ask.
func (w *watch) allow(host string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[host] = true
}

// allowError has errors that hold a text be none.
func (w *watch) allowError(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allowed = append(w.allowed, text)
}

// report fails the test for all that was found since the last time.
func (w *watch) report(t testing.TB) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.problems {
		t.Error(p)
	}
	w.problems = nil
}

// add notes a problem. w is locked.
func (w *watch) add(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.ContainsFunc(w.allowed, func(a string) bool { return strings.Contains(text, a) }) {
		w.problems = append(w.problems, text)
	}
}

// hear takes an event of the browser. It must not wait for the browser.
func (w *watch) hear(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Type == network.ResourceTypeDocument {
			w.documents[e.RequestID] = true
		}
		w.request(e.DocumentURL, e.Request.URL)
	case *network.EventWebSocketCreated:
		w.request("a page", e.URL)
	case *network.EventLoadingFailed:
		if e.BlockedReason != "" {
			w.add("a request was blocked: %s (%s)", e.BlockedReason, e.ErrorText)
		}
	case *log.EventEntryAdded:
		w.entry(e.Entry)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			var parts []string
			for _, a := range e.Args {
				parts = append(parts, object(a))
			}
			w.add("console.%s: %s", e.Type, strings.Join(parts, " "))
		}
	case *runtime.EventExceptionThrown:
		d := e.ExceptionDetails
		w.add("%s %s (%s:%d)", d.Text, object(d.Exception), d.URL, d.LineNumber+1)
	case *inspector.EventTargetCrashed:
		w.add("the page has crashed")
	case *page.EventJavascriptDialogOpening:
		w.add("the page opens a dialog (%s): %s", e.Type, e.Message)
		go func() { // nothing goes on before it is closed
			_ = chromedp.Do(w.ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
				_, err := cdp.Call(ctx, t, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
				return err
			}))
		}()
	}
}

// request judges what a page asks for.
func (w *watch) request(page, address string) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		w.add("%s asks for what is no address: %v", page, err)
	case u.Host != "" && !w.hosts[u.Host]:
		w.add("%s asks another host: %s", page, address)
	}
}

// entry judges what the browser itself wrote to the console. That a page was shown with
// a status of an error is the test's to judge.
func (w *watch) entry(e *log.Entry) {
	if e.Level != log.EntryLevelError || e.Source == log.EntrySourceNetwork && w.documents[e.NetworkRequestID] {
		return
	}
	w.add("the console says (%s, %s:%d): %s", e.Source, e.URL, e.LineNumber, e.Text)
}

// object is a value of JavaScript as text.
func object(o *runtime.RemoteObject) string {
	switch {
	case o == nil:
		return ""
	case o.Description != "":
		return o.Description
	}
	return string(o.Value)
}
