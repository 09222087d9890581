package engine_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// recorder keeps steps with the time of their arrival.
type recorder struct {
	mu    sync.Mutex
	steps []modules.Step
	at    []time.Time
}

func (r *recorder) add(s modules.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, s)
	r.at = append(r.at, time.Now())
}

// lines gives everything that was printed, line by line.
func (r *recorder) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	for _, s := range r.steps {
		if s.State == modules.StepOutput {
			lines = append(lines, strings.Split(s.Text, "\n")...)
		}
	}
	return lines
}

// of gives the steps whose names begin with a prefix.
func (r *recorder) of(prefix string) []modules.Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	var steps []modules.Step
	for _, s := range r.steps {
		if strings.HasPrefix(s.Name, prefix) {
			steps = append(steps, s)
		}
	}
	return steps
}

func TestSteps(t *testing.T) {
	e := enginetest.Start(t)
	// A file that is new each time keeps the steps from being cached.
	dir := repository(t, []string{"steps"}, map[string]string{"rootfs/fresh": time.Now().String()})
	s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "steps", Secret: secrets(map[string]string{"env://T": "open sesame"})})
	src := map[string]modules.Value{"src": source}
	ignored := cmpopts.IgnoreFields(modules.Step{}, "Time", "Duration", "ID", "Parent")

	t.Run("of a call that fails", func(t *testing.T) {
		var r recorder
		if _, err := s.Call(t.Context(), bind(t, s, "failOnGithubPush", src), r.add); err == nil {
			t.Fatal("it succeeded")
		}
		const name = "withExec /bin/busybox sh -c echo before it fails; echo the reason >&2; exit 3"
		got := r.of("withExec")
		if len(got) != 4 {
			t.Fatalf("got %v", got)
		}
		if got[1].Text == "the reason" { // the streams are independent
			got[1], got[2] = got[2], got[1]
		}
		want := []modules.Step{
			{State: modules.StepStarted, Name: name},
			{State: modules.StepOutput, Name: name, Text: "before it fails"},
			{State: modules.StepOutput, Name: name, Text: "the reason"},
			{State: modules.StepFailed, Name: name, Text: "exit code: 3"},
		}
		if diff := cmp.Diff(want, got, ignored); diff != "" {
			t.Error(diff)
		}
		if got[3].Duration <= 0 || got[0].Time.IsZero() {
			t.Errorf("times are missing: %+v", got)
		}
		function := r.of("failOnGithubPush")
		if len(function) == 2 && (got[0].ID == "" || got[0].Parent != function[0].ID || got[0].ID != got[1].ID || got[0].ID != got[3].ID) {
			t.Errorf("the step %v is not a part of %v", got, function)
		}
		if len(function) != 2 || function[0].State != modules.StepStarted || function[1].State != modules.StepDone {
			t.Errorf("the function's own steps are %v", function)
		}
		for _, s := range r.steps {
			if strings.Contains(s.Name, "asModule") || strings.Contains(s.Name, "POST") || strings.Contains(s.Name, "sdk") {
				t.Errorf("%s is internal", s.Name)
			}
		}
	})
	t.Run("of a cached call", func(t *testing.T) {
		call(t, s, "onGithubPush", src)
		again := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "steps"})
		var r recorder
		if _, err := again.Call(t.Context(), bind(t, again, "onGithubPush", src), r.add); err != nil {
			t.Fatal(err)
		}
		got := r.of("withExec")
		if len(got) != 2 || got[1].State != modules.StepCached {
			t.Errorf("got %v, want a cached step", got)
		}
	})
	t.Run("are live", func(t *testing.T) {
		var r recorder
		if _, err := s.Call(t.Context(), bind(t, s, "talk", map[string]modules.Value{"src": source, "word": constant("live")}), r.add); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"first live", "second live"}, r.lines()); diff != "" {
			t.Fatal(diff)
		}
		var first, second time.Time
		for i, s := range r.steps {
			switch s.Text {
			case "first live":
				first = r.at[i]
			case "second live":
				second = r.at[i]
			}
		}
		if gap := second.Sub(first); gap < time.Second {
			t.Errorf("the lines came within %s, 2 s lie between them", gap)
		}
	})
	t.Run("belong to their call", func(t *testing.T) {
		var wait sync.WaitGroup
		reports := make([]recorder, 4)
		for i := range reports {
			call := bind(t, s, "talk", map[string]modules.Value{"src": source, "word": constant(fmt.Sprint("call ", i)), "seconds": constant("1")})
			wait.Go(func() {
				if _, err := s.Call(t.Context(), call, reports[i].add); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		for i := range reports {
			want := []string{fmt.Sprint("first call ", i), fmt.Sprint("second call ", i)}
			if diff := cmp.Diff(want, reports[i].lines()); diff != "" {
				t.Errorf("call %d: %s", i, diff)
			}
		}
	})
	t.Run("of a command that may not begin", func(t *testing.T) {
		var r recorder
		start := time.Now()
		if _, err := s.Call(t.Context(), bind(t, s, "insecure", src), r.add); err == nil {
			t.Fatal("it succeeded")
		}
		got := r.of("withExec")
		if len(got) != 2 || got[1].State != modules.StepFailed || !strings.Contains(got[1].Text, "not allowed") {
			t.Errorf("got %v", got)
		}
		t.Logf("it took %s", time.Since(start))
	})
	t.Run("hide secrets", func(t *testing.T) {
		var r recorder
		if _, err := s.Call(t.Context(), bind(t, s, "leak", map[string]modules.Value{"src": source, "token": secret("env://T")}), r.add); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(r.steps)
		if strings.Contains(text, "open sesame") || !strings.Contains(text, "the token is") {
			t.Errorf("got %s", text)
		}
	})
	t.Run("of a flood with a slow report", func(t *testing.T) {
		const lines = 60000
		var r recorder
		start := time.Now()
		_, err := s.Call(t.Context(), bind(t, s, "flood", map[string]modules.Value{"src": source, "lines": constant(fmt.Sprint(lines))}), func(s modules.Step) {
			r.add(s)
			if len(r.steps)%50 == 0 {
				time.Sleep(20 * time.Millisecond)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(start)
		got, lost := 0, 0
		for _, line := range r.lines() {
			var n int
			if _, err := fmt.Sscanf(line, "[%d lines of output were lost", &n); err == nil {
				lost += n
			} else if strings.HasPrefix(line, "line ") {
				got++
			}
		}
		t.Logf("%d lines arrived and %d were lost in %s", got, lost, took)
		if got+lost < lines*9/10 || got == 0 {
			t.Errorf("of %d lines %d arrived and %d were said to be lost", lines, got, lost)
		}
	})
}

// Code on the engine can reach the address, so nothing is taken without the
// session's token.
func TestCollectorWantsToken(t *testing.T) {
	e := enginetest.With(t, noEngine(t, t.TempDir()))
	url, err := e.CollectorURL()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path, header string
		want         int
	}{
		"no token":      {"/v1/traces", "", http.StatusUnauthorized},
		"a wrong token": {"/v1/logs", "Bearer " + strings.Repeat("A", 26), http.StatusUnauthorized},
		"another path":  {"/", "", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+c.path, bytes.NewReader(nil))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", c.header)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != c.want {
				t.Errorf("status is %d, want %d", resp.StatusCode, c.want)
			}
		})
	}
}
