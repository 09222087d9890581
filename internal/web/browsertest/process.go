package browsertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/chromedp/chromedp"
)

// Program is Debian's Chromium, from the package chromium.
const Program = "/usr/bin/chromium"

// process is the browser that all tests of a program share: starting one takes a second.
type process struct {
	ctx    context.Context
	cancel context.CancelFunc
	output *output
}

var shared struct {
	sync.Mutex
	process *process
}

// running returns the process, which is started by the first test that asks.
func running() (*process, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.process == nil {
		p, err := start()
		if err != nil {
			return nil, err
		}
		shared.process = p
	}
	return shared.process, nil
}

// Stop ends the browser if a test has started one, and waits until it is gone with its
// profile. TestMain calls it after the tests; a browser that was not stopped is killed
// when the program ends.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	if shared.process != nil {
		shared.process.cancel()
		shared.process = nil
	}
}

// start starts a browser with a profile of its own. It reaches loopback only: the
// rest is sent to a proxy that is not there.
func start() (*process, error) {
	if _, err := os.Stat(Program); err != nil {
		return nil, fmt.Errorf("no browser, run `make packages`: %w", err)
	}
	out := &output{}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(Program),
		chromedp.Flag("headless", "new"),
		chromedp.ProxyServer("http://127.0.0.1:9"),
		chromedp.Flag("proxy-bypass-list", "127.0.0.1;[::1];localhost"),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("lang", "en"),
		chromedp.Flag("font-render-hinting", "none"), // the same widths at each size
		chromedp.DisableGPU,
		chromedp.CombinedOutput(out),
	)
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		end()
		release()
		return nil, errors.Join(fmt.Errorf("start %s: %w", Program, err), errors.New(out.String()))
	}
	return &process{ctx: ctx, output: out, cancel: func() {
		end()
		release()
	}}, nil
}

// output keeps the beginning of what the browser prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements [io.Writer].
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.buf.Len() < 64<<10 {
		o.buf.Write(p)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
