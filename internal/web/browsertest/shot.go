package browsertest

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// ShotsVariable names the directory that pictures are written to. Without it they are
// artifacts of their tests.
const ShotsVariable = "POCKETCI_SCREENSHOTS"

// tallest is how much of a long page is in its picture, in pixels.
const tallest = 6000

// Shot writes a picture of the page as NAME.png, of its whole length up to 6000 pixels,
// if somebody keeps it: with the variable, or with go test -artifacts.
func (b *Browser) Shot(t testing.TB, name string) {
	t.Helper()
	dir := os.Getenv(ShotsVariable)
	if kept := flag.Lookup("test.artifacts"); dir == "" && kept != nil && kept.Value.String() == "true" {
		dir = t.ArtifactDir()
	}
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), b.picture(t, tallest), 0o644); err != nil {
		t.Fatal(err)
	}
}

// picture is the page as a PNG, of its whole length up to a height.
func (b *Browser) picture(t testing.TB, height float64) []byte {
	t.Helper()
	var data []byte
	b.do(t, "take a picture", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		m, err := cdp.Call(ctx, target, page.GetLayoutMetrics, cdp.Empty{})
		if err != nil {
			return err
		}
		whole := true
		r, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{
			CaptureBeyondViewport: &whole, FromSurface: &whole,
			Clip: &page.Viewport{Width: m.CSSContentSize.Width, Height: min(m.CSSContentSize.Height, height), Scale: 1},
		})
		data = r.Data
		return err
	}))
	return data
}
