package calllog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/calllog"
	"github.com/franela/pocketci/internal/store"
)

// stored is a log in pieces, as a store has it.
type stored struct {
	mu    sync.Mutex
	data  []byte
	piece int
	ended bool
	err   error
	reads int
}

func (s *stored) ReadLogPart(_ context.Context, _ string, _ int, from int64, size int) ([]store.LogChunk, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.err != nil {
		return nil, false, s.err
	}
	var chunks []store.LogChunk
	for read := 0; from < int64(len(s.data)) && read < size; {
		end := min(int64(len(s.data)), from-from%int64(s.piece)+int64(s.piece))
		// A copy, as the real one makes.
		chunks = append(chunks, store.LogChunk{First: from, Data: append([]byte(nil), s.data[from:end]...)})
		read += int(end - from)
		from = end
	}
	return chunks, s.ended, nil
}

func (s *stored) write(t testing.TB, lines ...v1.LogLine) {
	t.Helper()
	for _, l := range lines {
		data, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		s.data = append(append(s.data, data...), '\n')
		s.mu.Unlock()
	}
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func printed(id string, n int) v1.LogLine {
	return v1.LogLine{Time: noon.Add(time.Duration(n) * time.Millisecond), State: "output", StepID: id, Step: "step " + id, Text: fmt.Sprintf("line %d of \x1b[31mstep\x1b[0m %s", n, id)}
}

// long is a log of two steps whose lines alternate, and of one within the second.
func long(t testing.TB, s *stored, lines int) {
	s.write(t, v1.LogLine{Time: noon, State: "started", StepID: "1", Step: "step 1"},
		v1.LogLine{Time: noon, State: "started", StepID: "2", Step: "step 2"},
		v1.LogLine{Time: noon, State: "started", StepID: "3", Parent: "2", Step: "step 3"})
	for n := range lines {
		s.write(t, printed(fmt.Sprint(1+n%2), n))
	}
	s.write(t, v1.LogLine{Time: noon.Add(time.Second), State: "failed", StepID: "3", Parent: "2", Step: "step 3", Seconds: 1, Text: "exit code 1"},
		v1.LogLine{Time: noon.Add(time.Second), State: "done", StepID: "2", Step: "step 2", Seconds: 1},
		v1.LogLine{Time: noon.Add(time.Second), State: "cached", StepID: "1", Step: "step 1"})
}

func find(t testing.TB, l *calllog.Log, q calllog.Query) (numbers []int64, more bool) {
	t.Helper()
	if q.Count == 0 {
		q.Count = 1000
	}
	if q.Bytes == 0 {
		q.Bytes = 1 << 20
	}
	found, more, err := l.Find(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range found {
		numbers = append(numbers, one.Number)
	}
	return numbers, more
}

func open(t testing.TB, logs *calllog.Logs) *calllog.Log {
	t.Helper()
	l, err := logs.Log(t.Context(), "call", 1)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFind(t *testing.T) {
	s := &stored{piece: 1000}
	long(t, s, 5000) // lines 4 to 5003; those of step 1 are even
	s.data = append(s.data, "no line of a log\n{\"time\":\"20"...)
	l := open(t, calllog.New(s))
	if l.Lines() != 5007 || l.Ended() {
		t.Fatalf("%d lines, ended: %v", l.Lines(), l.Ended())
	}
	for name, test := range map[string]struct {
		query calllog.Query
		want  string
	}{
		"the first ones":           {calllog.Query{Count: 3}, "[1 2 3] true"},
		"from a number":            {calllog.Query{First: 257, Count: 2}, "[257 258] true"},
		"over a mark":              {calllog.Query{First: 512, Count: 3}, "[512 513 514] true"},
		"the end":                  {calllog.Query{First: 5006}, "[5006 5007] false"},
		"behind the end":           {calllog.Query{First: 5008}, "[] false"},
		"far behind the end":       {calllog.Query{First: 1 << 60}, "[] false"},
		"of a step":                {calllog.Query{Step: "1", First: 1000, Count: 3}, "[1000 1002 1004] true"},
		"the last of a step":       {calllog.Query{Step: "1", Before: 6000, Count: 3}, "[5000 5002 5006] true"},
		"last before":              {calllog.Query{Before: 514, Count: 3}, "[511 512 513] true"},
		"all before":               {calllog.Query{Before: 4}, "[1 2 3] false"},
		"before the first":         {calllog.Query{Before: 1}, "[] false"},
		"of a step before":         {calllog.Query{Step: "2", Before: 514, Count: 2}, "[511 513] true"},
		"of a step that is none":   {calllog.Query{Step: "9"}, "[] false"},
		"that contain a number":    {calllog.Query{Contains: "LINE 4998"}, "[5002] false"},
		"that contain two colours": {calllog.Query{Contains: "of step 2", Count: 2}, "[5 7] true"},
		"that contain a name":      {calllog.Query{Contains: "step 3"}, "[3 5004] false"},
		"that contain an error":    {calllog.Query{Contains: "exit CODE"}, "[5004] false"},
		"no line of a log":         {calllog.Query{Contains: "no line of"}, "[5007] false"},
		"so many bytes":            {calllog.Query{First: 4, Bytes: 40}, "[4 5] true"},
	} {
		t.Run(name, func(t *testing.T) {
			numbers, more := find(t, l, test.query)
			if got := fmt.Sprintf("%v %v", numbers, more); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestSteps(t *testing.T) {
	line := func(state, id, parent, name string, more ...string) v1.LogLine {
		return v1.LogLine{Time: noon, State: state, StepID: id, Parent: parent, Step: name, Text: strings.Join(more, "")}
	}
	for name, test := range map[string]struct {
		lines   []v1.LogLine
		want    []string
		failure int64
	}{
		"nothing": {},
		"a tree": {
			lines: []v1.LogLine{
				line("started", "1", "", "test"), line("started", "2", "1", "withExec"), line("output", "2", "", "withExec", "x"), line("output", "1", "", "test", "y"),
				line("failed", "2", "1", "withExec", "exit code 1"), line("failed", "1", "", "test", "withExec failed"), line("output", "", "", "", "of nobody"),
			},
			want:    []string{"1 in  test failed 1-6 1 test: withExec failed", "2 in 1 withExec failed 2-5 1 withExec: exit code 1"},
			failure: 5,
		},
		"the end knows the parent": {
			lines: []v1.LogLine{line("started", "1", "", "inner"), line("started", "2", "", "outer"), line("done", "1", "2", "inner")},
			want:  []string{"1 in 2 inner done 1-3 0 inner: ", "2 in  outer running 2-2 0 outer: "},
		},
		"without ids": {
			lines: []v1.LogLine{
				line("started", "", "", "go vet"), line("output", "", "", "go vet", "x"), line("done", "", "", "go vet"),
				line("started", "", "", "go vet"), line("started", "", "", "go test"), line("cached", "", "", "go vet"), line("output", "", "", "go vet", "late"),
			},
			want: []string{"n1 in  go vet done 1-3 1 go vet: ", "n2 in  go vet cached 4-7 1 go vet: ", "n3 in  go test running 5-5 0 go test: "},
		},
		"circles and strangers": {
			lines: []v1.LogLine{line("started", "1", "2", "a"), line("started", "2", "1", "b"), line("started", "3", "3", "c"), line("started", "4", "9", "d"), line("started", "5", "1", "e")},
			want:  []string{"1 in  a running 1-1 0 a: ", "2 in  b running 2-2 0 b: ", "3 in  c running 3-3 0 c: ", "4 in  d running 4-4 0 d: ", "5 in  e running 5-5 0 e: "},
		},
		"a long error": {
			lines:   []v1.LogLine{line("failed", "1", "", "a", strings.Repeat("é", 1500)), line("failed", "1", "", "a", "more")},
			want:    []string{"1 in  a failed 1-2 0 a: " + strings.Repeat("é", 1024)},
			failure: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &stored{piece: 64}
			s.write(t, test.lines...)
			list, more, failure := open(t, calllog.New(s)).Steps()
			var got []string
			for _, step := range list {
				got = append(got, fmt.Sprintf("%s in %s %s %s %d-%d %d %s: %s", step.ID, step.Parent, step.Name, step.State, step.First, step.Last, step.Lines, step.Name, step.Error))
			}
			if diff := cmp.Diff(test.want, got); diff != "" || more != 0 || failure != test.failure {
				t.Errorf("%d more, line %d failed, want %d; %s", more, failure, test.failure, diff)
			}
		})
	}
}

// Lines of logs without ids are found by the names of their steps.
func TestFindByName(t *testing.T) {
	s := &stored{piece: 64}
	for range 2 {
		s.write(t, v1.LogLine{State: "started", Step: "a"}, v1.LogLine{State: "output", Step: "a", Text: "x"}, v1.LogLine{State: "output", Step: "b", Text: "y"}, v1.LogLine{State: "done", Step: "a"})
	}
	l := open(t, calllog.New(s))
	for step, want := range map[string]string{"n1": "[1 2 4] false", "n2": "[3 7] false", "n3": "[5 6 8] false"} {
		numbers, more := find(t, l, calllog.Query{Step: step})
		if got := fmt.Sprintf("%v %v", numbers, more); got != want {
			t.Errorf("of %s there are %s, want %s", step, got, want)
		}
	}
}

// A log that grows is read from where it ended before, and one that has ended not at all.
func TestLogGrows(t *testing.T) {
	s := &stored{piece: 1000}
	logs := calllog.New(s)
	for want := range int64(3000) {
		if got := open(t, logs).Lines(); got != want {
			t.Fatalf("%d lines, want %d", got, want)
		}
		s.write(t, printed("1", int(want)))
	}
	l := open(t, logs)
	if l.Ended() {
		t.Error("it has ended")
	}
	s.ended = true
	if l = open(t, logs); !l.Ended() {
		t.Error("it has not ended")
	}
	before := s.reads
	if numbers, _ := find(t, open(t, logs), calllog.Query{First: 2990}); len(numbers) != 11 || s.reads != before {
		t.Errorf("%d lines and %d reads for the last lines of a log that has ended", len(numbers), s.reads-before)
	}
}

func TestLogThatIsGone(t *testing.T) {
	s := &stored{piece: 1000}
	s.write(t, printed("1", 1))
	logs := calllog.New(s)
	open(t, logs)
	s.err = store.ErrLogGone
	if _, err := logs.Log(t.Context(), "call", 1); !errors.Is(err, store.ErrLogGone) {
		t.Errorf("the error is %v", err)
	}
	s.err, s.ended = nil, true
	open(t, logs)
	logs.Forget("call", 1)
	s.data = nil
	if l := open(t, logs); l.Lines() != 0 {
		t.Errorf("there are %d lines", l.Lines())
	}
}

// FuzzLog reads what was not written by an agent.
func FuzzLog(f *testing.F) {
	s := &stored{}
	long(f, s, 5)
	f.Add(s.data, 7)
	f.Add([]byte("\n\n{}\n[]\nx"), 1)
	f.Add([]byte(`{"time":"2026-11-22T12:00:00Z","state":"output","step_id":"","step":"x"}`+"\n"), 3)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		s := &stored{data: data, piece: 1 + max(0, piece)%1000}
		l := open(t, calllog.New(s))
		if want := strings.Count(string(data), "\n"); l.Lines() != int64(want) {
			t.Fatalf("%d lines, want %d", l.Lines(), want)
		}
		want := l.Lines()
		for from := int64(1); from <= want; from += 1 + want/7 {
			numbers, more := find(t, l, calllog.Query{First: from, Count: 1 << 20, Bytes: 1 << 30})
			if int64(len(numbers)) != want-from+1 || more || numbers[0] != from {
				t.Fatalf("%d lines from %d of %d", len(numbers), from, want)
			}
			back, _ := find(t, l, calllog.Query{Before: from, Count: 1 << 20, Bytes: 1 << 30})
			if int64(len(back)) != from-1 {
				t.Fatalf("%d lines before %d", len(back), from)
			}
		}
		list, _, _ := l.Steps()
		for _, step := range list {
			if step.First < 1 || step.Last > want || step.Last < step.First {
				t.Errorf("step %+v of %d lines", step, want)
			}
			find(t, l, calllog.Query{Step: step.ID})
		}
	})
}

// BenchmarkLog reads a log of 64 MiB for the first time, and then parts of it.
func BenchmarkLog(b *testing.B) {
	s := &stored{piece: 64 << 10, ended: true}
	s.write(b, v1.LogLine{Time: noon, State: "started", StepID: "1", Step: "step 1"})
	for n := 0; len(s.data) < 64<<20; n++ {
		s.write(b, printed("1", n))
	}
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l := open(b, calllog.New(s))
			b.ReportMetric(float64(l.Lines()), "lines")
		}
	})
	l := open(b, calllog.New(s))
	for name, q := range map[string]calllog.Query{
		"page in the middle": {First: l.Lines() / 2, Count: 500},
		"last page":          {First: l.Lines() - 100, Count: 500},
		"last 500":           {Before: l.Lines() + 1, Count: 500},
		"search to the end":  {Contains: "no such thing"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				find(b, l, q)
			}
		})
	}
}
