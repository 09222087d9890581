package doctest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events/schedule"
)

const timePage = "docs/time.md"

// Everything in the table can be written, and what is said about the clocks holds.
func TestTablesOfSchedules(t *testing.T) {
	page := readPage(t, timePage)
	for _, row := range page.table(t, "When it is due", "written as").rows {
		if _, err := schedule.Parse(one(t, row[0]), nil); err != nil {
			t.Error(err)
		}
	}
	berlin, err := schedule.Zone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// How often each is due in the five hours around the changes.
	want := map[string][2]int{"30 2 * * *": {1, 1}, "*/15 2 * * *": {1, 4}, "0 * * * *": {5, 5}, "* * * * *": {300, 300}, "@every 1h": {5, 5}}
	for _, row := range page.table(t, "When clocks change", "schedule, in `Europe/Berlin`").rows {
		expression := one(t, row[0])
		s, err := schedule.Parse(expression, berlin)
		if err != nil {
			t.Fatal(err)
		}
		for i, from := range []time.Time{time.Date(2026, 3, 28, 22, 59, 59, 0, time.UTC), time.Date(2026, 10, 24, 22, 59, 59, 0, time.UTC)} {
			list, _ := s.Due(from, from.Add(5*time.Hour), 1000)
			if len(list) != want[expression][i] {
				t.Errorf("%s is due %d times from %s on, want %d", expression, len(list), from, want[expression][i])
			}
		}
		delete(want, expression)
	}
	if len(want) > 0 {
		t.Errorf("the table has none of %v", want)
	}
}

// The payload is what a tick has.
func TestPayloadOfATick(t *testing.T) {
	s, err := schedule.Parse("CRON_TZ=Europe/Berlin 30 2 * * *", nil)
	if err != nil {
		t.Fatal(err)
	}
	e := s.Event("Nightly", time.Date(2026, 6, 1, 0, 30, 0, 0, time.UTC), schedule.OfFunctions, 0)
	if diff := cmp.Diff(readPage(t, timePage).blocksOf("json")[0].text, string(e.Payload)+"\n"); diff != "" {
		t.Errorf("payload (-docs +now):\n%s", diff)
	}
}

// The example is planned and called as the page says, on the real engine.
func TestExampleOfSchedules(t *testing.T) {
	if testing.Short() {
		t.Skip("needs an engine")
	}
	page := readPage(t, timePage)
	source, settings, commands, plan := page.blocksOf("go")[0], page.blocksOf("yaml")[0], page.blocksOf("sh")[0], page.blocksOf("text")[0]
	s := newShell(t)
	for name, text := range map[string]string{
		"ci/dagger.json": `{"name": "ci", "engineVersion": "v0.21.8", "sdk": {"source": "go"}}`, "ci/main.go": source.text, "pocketci.yaml": settings.text,
	} {
		file := filepath.Join(s.dir, "hello", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := s.must("hello", commands.text)
	printed, _, _ := strings.Cut(out, "\nnot called:")
	if diff := cmp.Diff(plan.text, printed); diff != "" {
		t.Errorf("plan (-docs +now):\n%s", diff)
	}
	if !strings.Contains(out, "cleaned up by CRON_TZ=Europe/Berlin 30 2 * * *") {
		t.Errorf("it was not called:\n%s", out)
	}
	for schedule, want := range map[string]string{
		"often": "synchronized by @every 1m30s", "weekly": "reported for weekly",
	} {
		if out := s.must("hello", "pocketci run --schedule "+schedule); !strings.Contains(out, want) {
			t.Errorf("%s does not say %q:\n%s", schedule, want, out)
		}
	}
}
