package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/modules"
)

var update = flag.Bool("update", false, "write golden files")

var place = dispatcher.Place{Source: ".", EventFile: "event.json"}

// example is a run with a call that succeeds, one that fails, one that is
// skipped for that, one that could not be made and two functions that are not
// called.
func example() (*dispatcher.Run, []dispatcher.Outcome) {
	src := modules.Bound{Name: "src", Value: modules.Value{Kind: modules.ValueSource}}
	plan := &dispatcher.Plan{
		Event: events.Event{
			ID: "1", Vendor: "github", Name: "push", Filter: "main", Ref: "refs/heads/main",
			SHA:        "0123456789abcdef0123456789abcdef01234567",
			Repository: &events.Repository{FullName: "octo/hello"},
		},
		Changes: dispatcher.Changes{Files: []string{"a.go", "b.go"}},
		Calls: []dispatcher.Call{
			{Module: "ci", Call: modules.Call{Function: "testOnPush", Args: []modules.Bound{src}}, Why: "named On<Event>", Timeout: time.Minute},
			{Module: "ci", Call: modules.Call{Function: "lintOnPush"}, Why: "named On<Event>; a.go changed"},
			{Module: "ci", Call: modules.Call{Function: "shipOnPush"}, Why: "named On<Event>", After: []int{0, 1}, Concurrency: dispatcher.Concurrency{Group: "ship"}},
		},
		Invalid:  []dispatcher.Invalid{{Module: "ci", Function: "deployOnPush", Argument: "token", Error: "required secret token is not mapped"}},
		Skipped:  []dispatcher.Skipped{{Module: "ci", Function: "onRelease", Reason: "its name waits for OnRelease"}, {Module: "web/ci", Function: "*", Reason: "no changed file matches"}},
		Warnings: []string{"ci:httponPush ends in a trigger"},
		Pinned:   map[string]string{"github.com/acme/ci@v1": "89abcdef0123456789abcdef0123456789abcdef"},
	}
	return &dispatcher.Run{ID: "run-1", Plan: plan}, []dispatcher.Outcome{
		{State: dispatcher.StateSucceeded, Duration: 1234 * time.Millisecond, Result: modules.Result{Output: "line 1\nline 2\n"}},
		{State: dispatcher.StateFailed, Duration: 90 * time.Second, Err: errors.New("go vet: exit code 2\nmain.go:3:1: oh no")},
		{State: dispatcher.StateSkipped, Err: errors.New("it comes after ci:lintOnPush, which is failed")},
	}
}

// tell makes a report of the example.
func tell(r report.Report) {
	run, outcomes := example()
	r.Planned(run, place)
	test, lint, ship := &run.Plan.Calls[0], &run.Plan.Calls[1], &run.Plan.Calls[2]
	r.CallStarted(run, test)
	r.CallStarted(run, lint)
	r.CallStep(run, test, modules.Step{State: modules.StepStarted, Name: "withExec go test ./..."})
	r.CallStep(run, test, modules.Step{State: modules.StepOutput, Name: "withExec go test ./...", Text: "ok\tpkg\nok\tother"})
	r.CallStep(run, test, modules.Step{State: modules.StepDone, Name: "withExec go test ./...", Duration: 1100 * time.Millisecond})
	r.CallStep(run, lint, modules.Step{State: modules.StepCached, Name: "withDirectory /src"})
	r.CallStep(run, lint, modules.Step{State: modules.StepFailed, Name: "withExec go vet", Duration: 89 * time.Second, Text: "exit code 2"})
	r.CallEnded(run, test, outcomes[0])
	r.CallEnded(run, lint, outcomes[1])
	r.CallEnded(run, ship, outcomes[2])
	r.Finished(run, place, outcomes)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestText(t *testing.T) {
	var live, final bytes.Buffer
	r, err := report.New(report.FormatText, &live, &final)
	if err != nil {
		t.Fatal(err)
	}
	tell(r)
	golden(t, "live.txt", live.String())
	golden(t, "final.txt", final.String())
	for line := range strings.Lines(live.String()) {
		if !strings.HasPrefix(line, "run-1 ") {
			t.Errorf("line %q does not name its run", line)
		}
	}
}

func TestPlanText(t *testing.T) {
	run, _ := example()
	var out bytes.Buffer
	report.Plan(&out, run.Plan, place)
	golden(t, "plan.txt", out.String())
}

func TestJSONFollowsItsSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	for name, data := range map[string][]byte{"report.schema.json": report.Schema(), "plan.schema.json": dispatcher.PlanSchema()} {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource("https://github.com/franela/pocketci/"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("https://github.com/franela/pocketci/report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r, err := report.New(report.FormatJSON, nil, &out)
	if err != nil {
		t.Fatal(err)
	}
	tell(r)
	var types []string
	for line := range bytes.Lines(out.Bytes()) {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		var l report.Line
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		types = append(types, l.Type)
		if l.Type == "finished" {
			var states []string
			for _, result := range l.Results {
				states = append(states, result.Function+" "+result.State)
			}
			if diff := cmp.Diff([]string{"testOnPush succeeded", "lintOnPush failed", "shipOnPush skipped", "deployOnPush invalid"}, states); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		}
	}
	want := []string{"planned", "started", "started", "step", "output", "step", "step", "step", "ended", "ended", "ended", "finished"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
}

// What a function prints cannot rewrite the terminal, or pass for a line of
// another call.
func TestTextOfOthersIsHarmless(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"colours":           {"\x1b[31mred\x1b[0m", "red"},
		"cursor":            {"\x1b[2J\x1b[1;1Hgone", "gone"},
		"carriage return":   {"progress\roverwritten", "progressoverwritten"},
		"bell and NUL":      {"a\x07\x00b", "ab"},
		"8-bit controls":    {"a\u009b31mb", "a31mb"},
		"tabs stay":         {"a\tb", "a\tb"},
		"an unfinished one": {"a\x1b[", "a"},
		"a lone escape":     {"a\x1b", "a"},
		"letters stay":      {"grün ✔", "grün ✔"},
	} {
		t.Run(name, func(t *testing.T) {
			var live bytes.Buffer
			r, err := report.New(report.FormatText, &live, &live)
			if err != nil {
				t.Fatal(err)
			}
			run, _ := example()
			r.CallStep(run, &run.Plan.Calls[0], modules.Step{State: modules.StepOutput, Text: c.text})
			if want := "run-1 ci:testOnPush │ " + c.want + "\n"; live.String() != want {
				t.Errorf("got %q, want %q", live.String(), want)
			}
		})
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := report.New("xml", nil, nil); err == nil || !strings.Contains(err.Error(), "use text or json") {
		t.Errorf("got %v, want an error that names the formats", err)
	}
}

// Calls report from several goroutines; their lines never mix.
func TestLinesStayWhole(t *testing.T) {
	var live bytes.Buffer
	r, err := report.New(report.FormatText, &live, &live)
	if err != nil {
		t.Fatal(err)
	}
	run, _ := example()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				r.CallStep(run, &run.Plan.Calls[0], modules.Step{State: modules.StepOutput, Text: "one\ntwo"})
			}
		})
	}
	wg.Wait()
	lines := strings.Split(strings.TrimSuffix(live.String(), "\n"), "\n")
	if len(lines) != 1600 {
		t.Fatalf("%d lines, want 1600", len(lines))
	}
	for i := 0; i < len(lines); i += 2 {
		if lines[i] != "run-1 ci:testOnPush │ one" || lines[i+1] != "run-1 ci:testOnPush │ two" {
			t.Fatalf("lines %d and %d are %q and %q", i, i+1, lines[i], lines[i+1])
		}
	}
}
