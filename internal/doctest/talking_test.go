package doctest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	saying "github.com/franela/pocketci/internal/commands"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/internal/runs"
)

const talkingPage = "docs/talking-back.md"

// sources is the code of a package without its tests.
func sources(t testing.TB, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}

// The commands in the table are commands, and there are no others.
func TestTableOfCommands(t *testing.T) {
	var described []saying.Verb
	for _, row := range readPage(t, talkingPage).table(t, "Commands in comments", "command").rows {
		for _, line := range code(row[0]) {
			line = strings.NewReplacer("SHA", strings.Repeat("1", 40), "MODULE", "ci", "FUNCTION", "testOnPush").Replace(line)
			list, err := saying.Parse(line)
			if err != nil || len(list) != 1 {
				t.Errorf("%s: %v, %v", line, list, err)
				continue
			}
			described = append(described, list[0].Verb)
		}
	}
	known := []saying.Verb{saying.Abort, saying.Approve, saying.Plan, saying.Retest, saying.Test}
	slices.Sort(described)
	if diff := cmp.Diff(known, slices.Compact(described)); diff != "" {
		t.Errorf("commands (-code +docs):\n%s", diff)
	}
}

// What statuses say is what the table says.
func TestTableOfStatuses(t *testing.T) {
	text := sources(t, "internal/statuses") + sources(t, "internal/agent")
	for _, row := range readPage(t, talkingPage).table(t, "Statuses", "what there is to say").rows {
		for _, said := range code(row[2]) {
			said = strings.TrimSuffix(strings.TrimSuffix(said, "…"), "1m12s")
			for _, part := range strings.SplitAfter(said, ": ") {
				if !strings.Contains(text, `"`+part) {
					t.Errorf("nothing says %q", part)
				}
			}
		}
	}
}

// Each of the words by which a commit is skipped is one.
func TestWordsThatSkip(t *testing.T) {
	page := readPage(t, talkingPage)
	_, section, found := strings.Cut(page.prose, "## Skipping commits")
	if !found {
		t.Fatalf("%s has no section about them", talkingPage)
	}
	seen := 0
	for _, word := range code(section) {
		message := "Fix a word " + word
		switch {
		case strings.HasPrefix(word, "skip-"):
			message = "Fix a word\n\n" + word
		case !strings.HasPrefix(word, "["):
			continue
		}
		seen++
		e := events.Event{ID: "e", Vendor: events.VendorGithub, Kind: "push", Name: events.NamePush, SHA: strings.Repeat("1", 40)}
		s, err := runs.Open(e, &mirror.Snapshot{Message: message}, dispatcher.Place{}, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(s.Request().Skip, word) {
			t.Errorf("%s skips nothing: %q", word, s.Request().Skip)
		}
	}
	if seen != 7 {
		t.Errorf("%d words are named, want 7", seen)
	}
}

var metricPattern = regexp.MustCompile(`pocketci_[a-z_]+[a-z]`)

// The table of metrics has all of them.
func TestTableOfMetrics(t *testing.T) {
	var described []string
	for _, row := range readPage(t, "docs/operating.md").table(t, "Metrics", "metric").rows {
		described = append(described, metricPattern.FindAllString(row[0], -1)...)
	}
	made := metricPattern.FindAllString(sources(t, "internal/metrics"), -1)
	slices.Sort(described)
	slices.Sort(made)
	if diff := cmp.Diff(slices.Compact(made), described); diff != "" {
		t.Errorf("metrics (-code +docs/operating.md):\n%s", diff)
	}
}
