package browsertest

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Keys that have no character of their own, for [Browser.Keys].
const (
	Tab    = kb.Tab
	Enter  = kb.Enter
	Escape = kb.Escape
	Space  = " "
	Down   = kb.ArrowDown
	Up     = kb.ArrowUp
	End    = kb.End
	Home   = kb.Home
)

// point is where to click on an element, or why not.
type point struct {
	X, Y float64
	Why  string
}

// aim is a function that brings an element into view and says where its middle is.
const aim = `(e) => {
  if (!e) return { why: "there is none that can be seen" };
  if (e.disabled) return { why: "it is disabled" };
  e.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  const r = [...e.getClientRects()].find((r) => r.width > 0 && r.height > 0);
  if (!r) return { why: "it has no size" };
  const x = r.x + r.width / 2, y = r.y + r.height / 2;
  const top = document.elementFromPoint(x, y);
  if (!top) return { why: "it is outside of the window" };
  if (top !== e && !e.contains(top) && !top.contains(e) && !(top.control && top.control === e))
    return { why: "it is behind " + top.outerHTML.slice(0, 200) };
  return { x, y, why: "" };
}`

// Click clicks on the middle of the first element that can be seen, matches a selector
// and holds a text, as soon as there is one that nothing covers. An empty text is in all.
func (b *Browser) Click(t testing.TB, selector, text string) {
	t.Helper()
	b.click(t, selector+" with “"+text+"”", call(find, selector, text))
}

// click clicks on the element that an expression gives. The page may put another in its
// place at any time, so that it is looked for and aimed at in one step.
func (b *Browser) click(t testing.TB, what, element string) {
	t.Helper()
	b.until(t, "click "+what, "(window.browsertestAim = ("+aim+")("+element+")).why === ''")
	p := evaluate[point](t, b, "window.browsertestAim")
	b.do(t, "click "+what, chromedp.MouseClickXY(p.X, p.Y))
}

// Follow clicks on a link or a button and waits for the page that it leads to.
func (b *Browser) Follow(t testing.TB, selector, text string) {
	t.Helper()
	b.leave(t, func() { b.Click(t, selector, text) })
}

// Submit presses Enter and waits for the page that it leads to.
func (b *Browser) Submit(t testing.TB) {
	t.Helper()
	b.leave(t, func() { b.Keys(t, Enter) })
}

// leave waits for another page after something was done.
func (b *Browser) leave(t testing.TB, act func()) {
	t.Helper()
	evaluate[bool](t, b, "window.browsertestLeft = true")
	act()
	b.until(t, "another page", `!window.browsertestLeft && document.readyState === "complete"`)
	b.watch.report(t)
}

// control is a function that returns the control with a label, or whose name is the text.
const control = `(label) => {
  const plain = (s) => s.replace(/\s+/g, " ").trim();
  const labels = [...document.querySelectorAll("label")].filter((l) => l.control);
  const found = labels.find((l) => plain(l.textContent) === label) || labels.find((l) => plain(l.textContent).startsWith(label));
  return found ? found.control : [...document.querySelectorAll("input, select, textarea")].find((c) => c.ariaLabel === label);
}`

// Fill types a text into the control with a label, in place of what it has.
func (b *Browser) Fill(t testing.TB, label, text string) {
	t.Helper()
	b.click(t, "the field “"+label+"”", call(control, label))
	evaluate[bool](t, b, `(document.activeElement.select && document.activeElement.select(), true)`)
	b.do(t, "type into “"+label+"”", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}

// Choose chooses an option by its text in the list with a label.
func (b *Browser) Choose(t testing.TB, label, option string) {
	t.Helper()
	b.until(t, "the option “"+option+"” of the list “"+label+"”", call(`(label, option) => {
  const list = (`+control+`)(label);
  const found = list && [...list.options].find((o) => o.text.trim() === option);
  if (!found) return false;
  list.value = found.value;
  for (const name of ["input", "change"]) list.dispatchEvent(new Event(name, { bubbles: true }));
  return true;
}`, label, option))
}

// Keys presses keys one after the other, in whatever has the focus.
func (b *Browser) Keys(t testing.TB, keys string) {
	t.Helper()
	b.do(t, "press keys", chromedp.KeyEvent(keys))
}

// TabTo presses Tab until an element that matches a selector and holds a text has the
// focus. It fails if none ever has, and if the focus cannot be seen where it is.
func (b *Browser) TabTo(t testing.TB, selector, text string) {
	t.Helper()
	for range 300 {
		b.Keys(t, Tab)
		at := evaluate[string](t, b, call(`(selector, text) => {
  const e = document.activeElement;
  if (!e || !e.matches(selector) || !e.textContent.replace(/\s+/g, " ").includes(text)) return "no";
  const s = getComputedStyle(e);
  return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== "none" ? "yes" : "unseen";
}`, selector, text))
		switch at {
		case "yes":
			return
		case "unseen":
			t.Fatalf("nobody can see that %s with “%s” has the focus", selector, text)
		}
	}
	t.Fatalf("no Tab leads to %s with “%s”", selector, text)
}
