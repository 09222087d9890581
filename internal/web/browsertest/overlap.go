package browsertest

import (
	_ "embed"
	"testing"
)

// untidy is a function that lists what stands on, beyond or behind something else.
//
//go:embed overlap.js
var untidy string

// NoOverlap fails the test if texts or controls that can be seen lie on each other, if
// something is wider than the window, if a text is cut without an ellipsis and a title
// that has all of it, or if something has moved by itself since the page was opened.
func (b *Browser) NoOverlap(t testing.TB) {
	t.Helper()
	for _, shift := range b.shifts(t) {
		t.Errorf("%s: moves by itself: %s", b.Path(t), shift)
	}
	for _, problem := range evaluate[[]string](t, b, call(untidy, b.size.Width)) {
		t.Errorf("%s, %d wide: %s", b.Path(t), b.size.Width, problem)
	}
	b.watch.report(t)
}
