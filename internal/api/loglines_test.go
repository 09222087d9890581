package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// lineNumbers are the numbers of lines, and whether there are more.
func lineNumbers(l v1.LogLines) string {
	numbers := []int64{}
	for _, one := range l.Lines {
		numbers = append(numbers, one.Number)
	}
	return fmt.Sprint(numbers, l.More)
}

func TestLogLines(t *testing.T) {
	f := newFixture(t)
	c := f.claimed(f.planned("a/b", "x"))
	lines := []v1.LogLine{{Time: noon, State: "started", StepID: "1", Step: "test"}, {Time: noon, State: "started", StepID: "2", Parent: "1", Step: "build"}}
	for n := range 700 {
		lines = append(lines, v1.LogLine{Time: noon, State: "output", StepID: fmt.Sprint(1 + n%2), Step: "test", Text: fmt.Sprintf("\x1b[31mline\x1b[0m %d", n)})
	}
	f.write(c, lines...)
	f.write(c, v1.LogLine{Time: noon, State: "failed", StepID: "2", Parent: "1", Step: "build", Seconds: 2, Text: "exit code 1"})
	path := "/calls/" + c.Call + "/log"
	for query, want := range map[string]string{
		"":                               "500 lines from 1, true",
		"?first=501":                     "203 lines from 501, false",
		"?first=704":                     "0 lines from 0, false",
		"?first=10&count=2":              "2 lines from 10, true",
		"?before=10&count=2":             "2 lines from 8, true",
		"?step=2&count=1000":             "352 lines from 2, false",
		"?contains=LINE%20699":           "1 lines from 702, false",
		"?contains=line%201&step=1":      "55 lines from 13, false",
		"?contains=exit&attempt=1":       "1 lines from 703, false",
		"?first=704&wait=1":              "0 lines from 0, false",
		"?step=none":                     "0 lines from 0, false",
		"?contains=%5B31m":               "0 lines from 0, false",
		"?first=1000000000000&before=99": "0 lines from 0, false",
	} {
		t.Run(query, func(t *testing.T) {
			var got v1.LogLines
			f.get(path+"/lines"+query, &got)
			first := int64(0)
			if len(got.Lines) > 0 {
				first = got.Lines[0].Number
			}
			if text := fmt.Sprintf("%d lines from %d, %v", len(got.Lines), first, got.More); text != want || got.Total != 703 || got.Ended || got.Attempt != 1 {
				t.Errorf("got %s of %d in attempt %d, ended: %v; want %s", text, got.Total, got.Attempt, got.Ended, want)
			}
		})
	}
	var got v1.LogLines
	f.get(path+"/lines?first=3&count=1", &got)
	if one := got.Lines[0]; one.Text != "\x1b[31mline\x1b[0m 0" || one.StepID != "1" || !one.Time.Equal(noon) {
		t.Errorf("the line is %+v", one)
	}
	var steps v1.LogSteps
	f.get(path+"/steps", &steps)
	if len(steps.Steps) != 2 || steps.Failure != 703 || steps.Total != 703 || steps.Ended {
		t.Fatalf("the steps are %+v", steps)
	}
	if one := steps.Steps[1]; one.Parent != "1" || one.State != "failed" || one.Seconds != 2 || one.Error != "exit code 1" || one.Lines != 350 || one.First != 2 || one.Last != 703 || one.Ended != 703 {
		t.Errorf("the step is %+v", one)
	}
	for _, wrong := range []string{"first=0", "count=0", "count=1001", "wait=26", "before=-1", "step=" + strings.Repeat("1", 21)} {
		f.do(v1.ScopeRead, http.MethodGet, path+"/lines?"+wrong, nil, http.StatusUnprocessableEntity, nil)
	}
	for _, list := range []string{"/lines", "/steps"} {
		f.do(v1.ScopeRead, http.MethodGet, path+list+"?attempt=2", nil, http.StatusNotFound, nil)
		f.do(v1.ScopeRead, http.MethodGet, "/calls/none/log"+list, nil, http.StatusNotFound, nil)
	}
	f.finish(c, store.StateFailed)
	if f.get(path+"/steps", &steps); !steps.Ended {
		t.Error("the log has not ended")
	}
	f.clock.ahead.Store(int64(48 * time.Hour))
	if _, err := f.store.Prune(t.Context(), store.Retention{Logs: time.Hour}); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"/lines", "/steps"} {
		f.do(v1.ScopeRead, http.MethodGet, path+list, nil, http.StatusGone, nil)
	}
}

// Whoever waits for a line has it once it is written, or is told that none will come.
func TestLogLinesAreWaitedFor(t *testing.T) {
	f := newFixture(t)
	c := f.claimed(f.planned("a/b", "x"))
	f.write(c, output(1))
	wait := func(first int) <-chan v1.LogLines {
		answers := make(chan v1.LogLines, 1)
		go func() {
			var got v1.LogLines
			f.get(fmt.Sprintf("/calls/%s/log/lines?first=%d&wait=25", c.Call, first), &got)
			answers <- got
		}()
		return answers
	}
	if got := <-wait(1); lineNumbers(got) != "[1] false" {
		t.Errorf("what is there already is %s", lineNumbers(got))
	}
	second, third := wait(2), wait(3)
	began := time.Now()
	f.write(c, output(2))
	if got := <-second; lineNumbers(got) != "[2] false" || got.Ended {
		t.Errorf("got %s", lineNumbers(got))
	}
	f.finish(c, store.StateSucceeded)
	if got := <-third; lineNumbers(got) != "[] false" || !got.Ended || got.Total != 2 {
		t.Errorf("got %s", lineNumbers(got))
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}
