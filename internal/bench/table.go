package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	letter, what, measured, against, ratio, goal, met string
}

// pairs are the two sides of a ratio.
type pairs struct {
	ours, theirs []time.Duration
	// starts is when, in theirs, the function started. It is in no ratio and
	// may be empty.
	starts []time.Duration
}

// alternate measures both sides in turns: once to warm up, which does not
// count, then as often as asked, with the order changing.
func (b *bench) alternate(times *pairs, ours, theirs func() error) error {
	for i := range b.runs + 1 {
		sides := []func() error{ours, theirs}
		if i%2 == 1 {
			slices.Reverse(sides)
		}
		for _, side := range sides {
			if err := side(); err != nil {
				return err
			}
		}
		if i == 0 {
			*times = pairs{}
		}
	}
	return nil
}

func (p pairs) row(what, against string, limit float64) row {
	ours, theirs := median(p.ours), median(p.theirs)
	ratio := ours.Seconds() / theirs.Seconds()
	return row{
		what:     what,
		measured: ms(ours) + spread(p.ours),
		against:  against + " " + ms(theirs) + spread(p.theirs) + started(p.starts),
		ratio:    fmt.Sprintf("%.2f", ratio),
		goal:     fmt.Sprintf("at most %.1f", limit),
		met:      met(ratio <= limit),
	}
}

func met(yes bool) string {
	if yes {
		return "met"
	}
	return "MISSED"
}

// median is zero of no values.
func median(values []time.Duration) time.Duration {
	n := len(values)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func started(times []time.Duration) string {
	if len(times) == 0 {
		return ""
	}
	return ", function starts at " + ms(median(times))
}

// spread shows the fastest and the slowest of the values.
func spread(values []time.Duration) string {
	if len(values) < 2 {
		return ""
	}
	return fmt.Sprintf(" (%s–%s)", ms(slices.Min(values)), ms(slices.Max(values)))
}

func ms(d time.Duration) string { return d.Round(time.Millisecond).String() }

func printTable(w io.Writer, rows []row) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\n\tWHAT\tMEASURED\tCOMPARED WITH\tRATIO\tGOAL\t")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.letter, r.what, r.measured, r.against, r.ratio, r.goal, r.met)
	}
	table.Flush()
}

// engineOf is the version in what dagger version prints, without the address of
// the engine.
func engineOf(text string) string {
	version, _, _ := strings.Cut(strings.TrimSpace(text), " (")
	return version
}

// printMachine says on what the numbers were measured.
func printMachine(ctx context.Context, dagger string) {
	version, err := exec.CommandContext(ctx, dagger, "version").Output()
	if err != nil {
		version = []byte("unknown")
	}
	fmt.Printf("%d cores, %s, %s/%s, %s\n", runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, engineOf(string(version)))
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Printf("load before the first measurement: %s\n", strings.Join(strings.Fields(string(load))[:3], " "))
	}
}
