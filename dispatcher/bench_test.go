package dispatcher_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/predicate"
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

// BenchmarkFilters plans a function with ten filters on a payload of 1 MiB, whose
// values are at its end.
func BenchmarkFilters(b *testing.B) {
	var text strings.Builder
	text.WriteString(`{"commits":[`)
	for i := 0; text.Len() < 1<<20; i++ {
		fmt.Fprintf(&text, `{"id":"%040d","message":"Change \"%d\" of many","files":["a/%d.go","b/%d.go"]},`, i, i, i, i)
	}
	text.WriteString(`{}],"pull_request":{"number":7,"head":{"ref":"main"}}}`)
	var conditions []string
	for i := range 10 {
		conditions = append(conditions, fmt.Sprintf(`{"path":"/pull_request/number","is-not-equal-to":%d}`, i+10))
	}
	var filters []predicate.Filter
	if err := json.Unmarshal([]byte("["+strings.Join(conditions, ",")+"]"), &filters); err != nil {
		b.Fatal(err)
	}
	ev := events.Event{
		Vendor: events.VendorGithub, Name: events.NamePullRequest, Filter: "opened", Trusted: true, Payload: json.RawMessage(text.String()),
	}
	for name, list := range map[string][]predicate.Filter{"ten-filters": filters, "none": nil} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				plan := dispatcher.Match(dispatcher.Input{
					Event: &ev, Module: module([]modules.Function{fn("onGithubPullRequest")}),
					Config: config.Module{Path: "ci", Functions: map[string]config.Function{"onGithubPullRequest": {Filters: list}}},
				})
				if len(plan.Calls) != 1 {
					b.Fatalf("calls %+v, skipped %+v", plan.Calls, plan.Skipped)
				}
			}
		})
	}
}
