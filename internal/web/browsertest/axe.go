package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// AxeVariable names the folder that axe-core is in, .cache/axe-core in the repository
// unless it is set.
const AxeVariable = "POCKETCI_AXE"

var axeSource = sync.OnceValues(func() (string, error) {
	folder := os.Getenv(AxeVariable)
	if folder == "" {
		_, file, _, _ := runtime.Caller(0)
		folder = filepath.Join(filepath.Dir(file), "..", "..", "..", ".cache", "axe-core")
	}
	data, err := os.ReadFile(filepath.Join(folder, "axe.min.js"))
	if err != nil {
		return "", fmt.Errorf("axe-core is missing, run `make packages` (or set %s to its folder): %w", AxeVariable, err)
	}
	return string(data), nil
})

// finding is a rule of axe-core that a page breaks
// (https://www.deque.com/axe/core-documentation/api-documentation/).
type finding struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, Why string }
}

// inspect is a function that runs axe-core on the page.
const inspect = `async (rules) => {
  const result = await axe.run(document, { resultTypes: ["violations"], ...(rules.length ? { runOnly: rules } : {}) });
  return result.violations.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) => ({
    id: v.id, impact: v.impact, help: v.help,
    nodes: v.nodes.map((n) => ({ html: n.html, why: n.failureSummary || "" })),
  }));
}`

// Axe has axe-core judge how the page can be used by people who see, hear or move less
// than others, and fails the test for everything serious or critical. The page's
// Content-Security-Policy stays in force.
func (b *Browser) Axe(t testing.TB) {
	t.Helper()
	b.axe(t)
}

// Contrast does so for the colours alone, which is quicker: for pages that were judged in
// the other colours.
func (b *Browser) Contrast(t testing.TB) {
	t.Helper()
	b.axe(t, "color-contrast", "link-in-text-block")
}

// axe judges by some rules, or by all.
func (b *Browser) axe(t testing.TB, rules ...string) {
	t.Helper()
	source, err := axeSource()
	if err != nil {
		t.Fatal(err)
	}
	if !evaluate[bool](t, b, `typeof axe === "object"`) {
		evaluate[bool](t, b, source+"\n; true")
	}
	for _, f := range evaluate[[]finding](t, b, call(inspect, append([]string{}, rules...))) {
		var nodes []string
		for i, n := range f.Nodes {
			if i == 5 {
				nodes = append(nodes, fmt.Sprintf("  and %d more", len(f.Nodes)-i))
				break
			}
			nodes = append(nodes, "  "+strings.Join(strings.Fields(n.HTML), " ")+"\n    "+strings.ReplaceAll(n.Why, "\n", "\n    "))
		}
		t.Errorf("%s: %s: %s (%s):\n%s", b.Path(t), f.Impact, f.Help, f.ID, strings.Join(nodes, "\n"))
	}
	b.watch.report(t)
}
