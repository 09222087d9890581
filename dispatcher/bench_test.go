package dispatcher_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/modules"
)

// BenchmarkPlan plans 1,000 functions against 10,000 changed files with 20
// globs each. The goal is less than 100 ms of CPU for one plan, the worst case
// included, in which no glob matches anything and no two are the same.
func BenchmarkPlan(b *testing.B) {
	var files []string
	for i := range 10_000 {
		files = append(files, fmt.Sprintf("services/team%d/app%d/internal/pkg%d/file%d.go", i%20, i%200, i%50, i))
	}
	for name, glob := range map[string]func(fn, n int) string{
		"one-in-a-thousand-matches": func(fn, n int) string { return fmt.Sprintf("services/team%d/app%d/**/*.go", fn%40, fn*20+n) },
		"the-first-matches":         func(int, int) string { return "**/*.go" },
		"none-matches":              func(fn, n int) string { return fmt.Sprintf("**/module%d/%d/*.{ts,tsx}", fn, n) },
		"none-matches-by-suffix":    func(fn, n int) string { return fmt.Sprintf("**/*_%d_%d.go", fn, n) },
	} {
		b.Run(name, func(b *testing.B) {
			var functions []modules.Function
			for fn := range 1000 {
				var globs []string
				for n := range 20 {
					globs = append(globs, glob(fn, n))
				}
				functions = append(functions, modules.Function{
					Name: fmt.Sprintf("check%dOnPush", fn),
					Args: []modules.Arg{def("onChanges", strings.Join(globs, ",")), arg("src", directoryType)},
				})
			}
			ev := push("main")
			for b.Loop() {
				plan := dispatcher.Match(dispatcher.Input{Event: &ev, Changes: dispatcher.Changes{Files: files}, Module: module(functions)})
				if len(plan.Calls)+len(plan.Skipped) != 1000 {
					b.Fatalf("%d calls, %d skipped, want 1,000 in all", len(plan.Calls), len(plan.Skipped))
				}
			}
		})
	}
}
