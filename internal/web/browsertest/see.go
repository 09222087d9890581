package browsertest

import (
	"strings"
	"testing"
	"time"
)

// look is how often a page is asked for what a test waits for.
const look = 30 * time.Millisecond

// until waits for an expression to be true, whatever page is shown by then.
func (b *Browser) until(t testing.TB, what, expression string) {
	t.Helper()
	limit := time.NewTimer(b.Patience)
	defer limit.Stop()
	again := time.NewTicker(look)
	defer again.Stop()
	for {
		// An error is a page that goes away while it is asked.
		yes, err := try[bool](b, "!!("+expression+")")
		if yes && err == nil {
			return
		}
		select {
		case <-again.C:
		case <-limit.C:
			b.watch.report(t)
			address, _ := try[string](b, "location.href")
			text, _ := try[string](b, visibleText)
			if len(text) > 2000 {
				text = text[:2000] + " …"
			}
			t.Fatalf("%s: not within %s at %s (%v), which shows:\n%s", what, b.Patience, address, err, text)
		}
	}
}

// See waits until the page shows a text. Spaces count as one, hidden text does not count.
func (b *Browser) See(t testing.TB, text string) {
	t.Helper()
	b.until(t, "see “"+text+"”", call(`(text) => `+visibleText+`.includes(text)`, strings.Join(strings.Fields(text), " ")))
}

// Gone waits until the page does not show a text, or no longer.
func (b *Browser) Gone(t testing.TB, text string) {
	t.Helper()
	b.until(t, "see no “"+text+"”", call(`(text) => document.readyState === "complete" && !`+visibleText+`.includes(text)`, strings.Join(strings.Fields(text), " ")))
}

// find is a function that returns the first element that can be seen, matches a selector
// and holds a text. An empty text is in all.
const find = `(selector, text) => [...document.querySelectorAll(selector)].find((e) =>
  e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
  (e.innerText === undefined ? e.textContent : e.innerText).replace(/\s+/g, " ").includes(text))`

// Find waits until an element can be seen that matches a selector and holds a text.
// An empty text is in all.
func (b *Browser) Find(t testing.TB, selector, text string) {
	t.Helper()
	b.until(t, "find "+selector+" with “"+text+"”", call(find, selector, text))
}

// Count is how many elements match a selector now, hidden ones too.
func (b *Browser) Count(t testing.TB, selector string) int {
	t.Helper()
	return evaluate[int](t, b, call(`(selector) => document.querySelectorAll(selector).length`, selector))
}

// Until waits until an expression of JavaScript is true; what names it in the error.
func (b *Browser) Until(t testing.TB, what, expression string) {
	t.Helper()
	b.until(t, what, expression)
}
