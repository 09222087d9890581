package e2e_test

import "testing"

// runFromAForm gives a function a wrong value first, which is refused where it was typed,
// and then a right one.
func runFromAForm(t *testing.T, p *pages) {
	b := p.browser(t, "run")
	b.Open(t, "/repositories/acme/shop")
	b.Find(t, "li.function", "Called on every push")
	judged(t, b)
	b.Picture(t, "functions")
	b.Follow(t, `a[aria-label="Run count"]`, "")
	b.See(t, "Counts the stock of a shelf")
	b.Fill(t, "shelf", "apples")
	b.Fill(t, "times", "often")
	b.Follow(t, "main button", "Run")
	b.Find(t, ".field:has([aria-invalid=true])", `"often" is not a whole number`)
	judged(t, b)
	b.Picture(t, "form")
	b.Fill(t, "times", "3")
	b.Choose(t, "aloud", "true")
	b.Follow(t, "main button", "Run")
	if path := b.Path(t); path != "/runs/2" {
		t.Fatalf("the form leads to %s: %s", path, b.Text(t))
	}
}
