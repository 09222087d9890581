package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/modules"
)

// The size of the plan that is measured.
const (
	planFunctions = 1000
	planFiles     = 10_000
	planGlobs     = 20
	planLimit     = 100 * time.Millisecond
)

// planning measures the CPU that one large plan takes, in the slowest of some
// shapes of globs; the same as BenchmarkPlan of package dispatcher.
func (b *bench) planning() (row, error) {
	var files []string
	for i := range planFiles {
		files = append(files, fmt.Sprintf("services/team%d/app%d/internal/pkg%d/file%d.go", i%20, i%200, i%50, i))
	}
	event := events.Event{
		Vendor: events.VendorGithub, Name: events.NamePush, Filter: "main", Branch: "main", Trusted: true,
		Repository: &events.Repository{FullName: "octo/bench", DefaultBranch: "main"},
	}
	var worst time.Duration
	for name, glob := range map[string]func(fn, n int) string{
		"one in a thousand matches": func(fn, n int) string { return fmt.Sprintf("services/team%d/app%d/**/*.go", fn%40, fn*20+n) },
		"the first matches":         func(int, int) string { return "**/*.go" },
		"none matches":              func(fn, n int) string { return fmt.Sprintf("**/module%d/%d/*.{ts,tsx}", fn, n) },
		"none matches by suffix":    func(fn, n int) string { return fmt.Sprintf("**/*_%d_%d.go", fn, n) },
	} {
		module, err := moduleOf(glob)
		if err != nil {
			return row{}, err
		}
		var times []time.Duration
		for range b.runs {
			before, err := processorTime()
			if err != nil {
				return row{}, err
			}
			plan := dispatcher.Match(dispatcher.Input{Event: &event, Changes: dispatcher.Changes{Files: files}, Module: module})
			after, err := processorTime()
			if err != nil {
				return row{}, err
			}
			if n := len(plan.Calls) + len(plan.Skipped); n != planFunctions {
				return row{}, fmt.Errorf("%d functions are in the plan, want %d", n, planFunctions)
			}
			times = append(times, after-before)
		}
		b.note("plan, %s: %s%s", name, ms(median(times)), spread(times))
		worst = max(worst, median(times))
	}
	return row{
		what:     fmt.Sprintf("CPU of a plan of %d functions, %d changed files, %d globs each", planFunctions, planFiles, planGlobs),
		measured: ms(worst), goal: "under " + planLimit.String(), met: met(worst < planLimit),
	}, nil
}

func moduleOf(glob func(fn, n int) string) (*modules.Module, error) {
	module := &modules.Module{Path: "ci", Name: "ci"}
	for fn := range planFunctions {
		var globs []string
		for n := range planGlobs {
			globs = append(globs, glob(fn, n))
		}
		condition, err := json.Marshal(strings.Join(globs, ","))
		if err != nil {
			return nil, fmt.Errorf("encode globs: %w", err)
		}
		module.Functions = append(module.Functions, modules.Function{
			Name: fmt.Sprintf("check%dOnPush", fn),
			Args: []modules.Arg{
				{Name: "onChanges", Type: modules.Type{Kind: modules.KindString}, Default: condition},
				{Name: "src", Type: modules.Type{Kind: modules.KindObject, Name: "Directory"}},
			},
			Returns: modules.Type{Kind: modules.KindVoid},
		})
	}
	return module, nil
}

// processorTime is what this process has used of all processors so far, the
// garbage collector included.
func processorTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("ask for processor time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
