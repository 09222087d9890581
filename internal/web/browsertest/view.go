package browsertest

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Size is that of a window, in pixels.
type Size struct {
	Width, Height int64
	// Touch is a screen that is touched, as a telephone's is.
	Touch bool
}

// The windows that pages are made for.
var (
	Wide  = Size{Width: 1280, Height: 900}
	Phone = Size{Width: 360, Height: 740, Touch: true}
)

// Size changes the size of the window. What moves because of that does not count.
func (b *Browser) Size(t testing.TB, s Size) {
	t.Helper()
	b.size = s
	options := []chromedp.EmulateViewportOption{}
	if s.Touch {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	b.do(t, "change the size", chromedp.EmulateViewport(s.Width, s.Height, options...))
	b.Settle(t)
}

// Dark has the system prefer dark pages, or light ones. Nothing is animated then.
func (b *Browser) Dark(t testing.TB, dark bool) {
	t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.do(t, "change the colours", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	}))
	b.Settle(t)
}

// Settle forgets what has moved so far, for pages that have changed with good reason.
func (b *Browser) Settle(t testing.TB) {
	t.Helper()
	b.shifts(t)
}

// shifts takes what has moved since the last time, up to what is painted now.
func (b *Browser) shifts(t testing.TB) []string {
	t.Helper()
	return evaluate[[]string](t, b, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>
  setTimeout(() => done(window.browsertest ? window.browsertest.take() : [])))))`)
}
