package agent_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// What a step prints is stored as it is, colours and all, but for secrets.
func TestLogIsWhatStepsPrint(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 20_000) // 40 kB, of which a line has 32
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	line := func(text string, open bool) v1.LogLine {
		return v1.LogLine{Time: at, State: "output", StepID: "2", Step: "withExec", Text: text, Open: open}
	}
	for name, test := range map[string]struct {
		step modules.Step
		want []v1.LogLine
	}{
		"colours":            {modules.Step{Text: "\x1b[1;31mred\x1b[0m \x1b[38;5;208morange\x1b[m"}, []v1.LogLine{line("\x1b[1;31mred\x1b[0m \x1b[38;5;208morange\x1b[m", false)}},
		"a secret in red":    {modules.Step{Text: "\x1b[31m" + secret + "\x1b[0m"}, []v1.LogLine{line("\x1b[31m***\x1b[0m", false)}},
		"carriage returns":   {modules.Step{Text: "10%\r20%\r"}, []v1.LogLine{line("10%\r20%\r", false)}},
		"lines":              {modules.Step{Text: "one\n\ntwo"}, []v1.LogLine{line("one", false), line("", false), line("two", false)}},
		"no newline at last": {modules.Step{Text: "one\ntwo", Open: true}, []v1.LogLine{line("one", false), line("two", true)}},
		"a long line":        {modules.Step{Text: long}, []v1.LogLine{line(long[:32<<10], true), line(long[32<<10:], false)}},
		"a long failure": {modules.Step{State: modules.StepFailed, Parent: "1", Duration: time.Second, Text: long}, []v1.LogLine{
			{Time: at, State: "failed", StepID: "2", Parent: "1", Step: "withExec", Seconds: 1, Text: long[:32<<10]},
			{Time: at, State: "failed", StepID: "2", Parent: "1", Step: "withExec", Seconds: 1, Text: long[32<<10:]},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.call = func(_ context.Context, _ string, _ int, o *observed) dispatcher.Outcome {
				step := test.step
				step.Time, step.ID, step.Name = at, "2", "withExec"
				if step.State == "" {
					step.State = modules.StepOutput
				}
				o.CallStep(o.run, o.call, step)
				return succeeded("")
			}
			r := w.ended(w.accept(w.start(nil), push("one")), store.StateSucceeded)
			chunks, _, err := w.store.ReadLog(t.Context(), w.onlyCall(r.ID).ID, 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			for _, c := range chunks {
				log.Write(c.Data)
			}
			var got []v1.LogLine
			for text := range strings.Lines(log.String()) {
				var l v1.LogLine
				if err := json.Unmarshal([]byte(text), &l); err != nil {
					t.Fatal(err)
				}
				got = append(got, l)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
