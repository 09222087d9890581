package apply_test

import (
	"fmt"
	"testing"

	"github.com/franela/pocketci/internal/converge/apply"
	"github.com/franela/pocketci/internal/converge/pattern"
)

// BenchmarkCompare compares a pattern of 1,000 commands with what is applied: the
// same, one in ten changed, in reverse order, which removes nothing, and all others.
func BenchmarkCompare(b *testing.B) {
	list := func(name func(i int) string, script func(i int) string) (want []pattern.Command) {
		for i := range 1000 {
			want = append(want, pattern.Command{
				ID: name(i), Check: &pattern.Action{Text: script(i)}, Change: &pattern.Action{Text: script(i)}, Remove: &pattern.Action{Text: script(i)},
			})
		}
		return want
	}
	id := func(i int) string { return fmt.Sprint("command-", i) }
	script := func(i int) string { return fmt.Sprint("test -e /srv/file-", i) }
	var applied []apply.Entry
	for _, c := range list(id, script) {
		applied = append(applied, apply.Entry{Command: c})
	}
	for name, c := range map[string]struct {
		want    []pattern.Command
		removed int
	}{
		"same": {list(id, script), 0},
		"one-in-ten-changed": {list(id, func(i int) string {
			if i%10 == 0 {
				return "true"
			}
			return script(i)
		}), 100},
		"reversed":   {list(func(i int) string { return id(999 - i) }, func(i int) string { return script(999 - i) }), 0},
		"all-others": {list(func(i int) string { return "other-" + id(i) }, script), 1000},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := apply.Compare(applied, c.want, false); len(d.Remove) != c.removed {
					b.Fatalf("%d are removed, want %d", len(d.Remove), c.removed)
				}
			}
		})
	}
}
