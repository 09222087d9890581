package main

import (
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []time.Duration
		want   time.Duration
	}{
		{"none", nil, 0},
		{"one", []time.Duration{7}, 7},
		{"an odd number in no order", []time.Duration{9, 1, 5}, 5},
		{"an even number", []time.Duration{8, 2, 4, 100}, 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := median(test.values); got != test.want {
				t.Errorf("median is %d, want %d", got, test.want)
			}
		})
	}
}

func TestRowSaysWhetherTheGoalIsMet(t *testing.T) {
	second := []time.Duration{time.Second}
	for _, test := range []struct {
		name  string
		ours  time.Duration
		ratio string
		met   string
	}{
		{"below the limit", time.Second, "1.00", "met"},
		{"at the limit", 1500 * time.Millisecond, "1.50", "met"},
		{"above it", 1600 * time.Millisecond, "1.60", "MISSED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := pairs{ours: []time.Duration{test.ours}, theirs: second}.row("ours", "theirs", 1.5)
			if r.ratio != test.ratio || r.met != test.met {
				t.Errorf("ratio %s is %s, want %s %s", r.ratio, r.met, test.ratio, test.met)
			}
			var out strings.Builder
			printTable(&out, []row{r})
			if !strings.Contains(out.String(), test.met) {
				t.Errorf("the table does not say it:\n%s", &out)
			}
		})
	}
}

func TestEngineOf(t *testing.T) {
	if got := engineOf("dagger v0.21.8 (unix:///x/engine.sock) linux/amd64\n"); got != "dagger v0.21.8" {
		t.Errorf("version is %q", got)
	}
}
