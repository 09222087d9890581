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

func TestLogFormats(t *testing.T) {
	f := newFixture(t)
	r := f.planned("a/b", "x")
	c := f.claimed(r)
	at := noon.Add(90 * time.Second)
	stored := f.write(c,
		v1.LogLine{Time: noon, State: "started", Step: "go test ./..."},
		v1.LogLine{Time: at, State: "output", Step: "go test ./...", Text: "\x1b[31mred\x1b[0m \x1b]0;title\aßü\t🚀\r10%\r\n20%\x00\x07\n"},
		v1.LogLine{Time: at, State: "failed", Step: "go test\x1b[2J", Seconds: 90.0004, Text: "exit code 1"},
		v1.LogLine{Time: at, State: "cached", Step: "copy"},
		v1.LogLine{Time: at, State: "done", Step: "all", Seconds: 1.5},
	)
	log := func(query string) string { return string(f.get("/calls/"+c.Call+"/log"+query, nil).body) }
	if got := log(""); got != stored {
		t.Errorf("as ndjson it is %s, want %s", got, stored)
	}
	human := strings.Join([]string{
		"12:00:00 · go test ./...",
		"12:01:30 │ red ßü\t🚀",
		"12:01:30 │ 10%",
		"12:01:30 │ 20%",
		"12:01:30 ✘ go test (1m30s)",
		"12:01:30 │ exit code 1",
		"12:01:30 $ copy (cached)",
		"12:01:30 ✔ all (1.5s)",
		"",
	}, "\n")
	if got := log("?format=text"); got != human {
		t.Errorf("as text it is\n%s, want\n%s", got, human)
	}
	if got, want := log("?format=raw"), "\x1b[31mred\x1b[0m \x1b]0;title\aßü\t🚀\r10%\r\n20%\x00\x07\n"; got != want {
		t.Errorf("raw it is %q, want %q", got, want)
	}
	// In the middle of a line ndjson is bytes, and the others go on with the
	// next one.
	second := strings.Index(stored, "\n") + 1
	for query, want := range map[string]string{
		fmt.Sprintf("?from=%d", second+5):                  stored[second+5:],
		fmt.Sprintf("?from=%d", len(stored)):               "",
		fmt.Sprintf("?from=%d", len(stored)+1000):          "",
		fmt.Sprintf("?format=text&from=%d", second):        human[strings.Index(human, "\n")+1:],
		fmt.Sprintf("?format=text&from=%d", second-1):      human[strings.Index(human, "\n")+1:],
		fmt.Sprintf("?format=text&from=%d", second+1):      human[strings.Index(human, "12:01:30 ✘"):],
		fmt.Sprintf("?format=text&from=%d", len(stored)):   "",
		fmt.Sprintf("?format=text&from=%d", len(stored)+9): "",
		"?attempt=1&format=text":                           human,
	} {
		if got := log(query); got != want {
			t.Errorf("%s is %q, want %q", query, got, want)
		}
	}
	f.do(v1.ScopeRead, http.MethodGet, "/calls/"+c.Call+"/log?attempt=2", nil, http.StatusNotFound, nil)
	f.do(v1.ScopeRead, http.MethodGet, "/calls/"+c.Call+"/log/stream?attempt=2", nil, http.StatusNotFound, nil)
	f.do(v1.ScopeRead, http.MethodGet, "/calls/"+c.Call+"/log?from=-1", nil, http.StatusUnprocessableEntity, nil)
	f.do(v1.ScopeRead, http.MethodGet, "/calls/"+c.Call+"/log?format=html", nil, http.StatusUnprocessableEntity, nil)
}

// The newlines between lines are not stored, and yet nothing is missing.
func TestRawLogIsByteForByte(t *testing.T) {
	f := newFixture(t)
	line := func(text string, open bool) v1.LogLine {
		return v1.LogLine{Time: noon, State: "output", StepID: "1", Step: "test", Text: text, Open: open}
	}
	for name, test := range map[string]struct {
		lines []v1.LogLine
		want  string
	}{
		"lines":                     {[]v1.LogLine{line("\x1b[32mone\x1b[0m", false), line("", false), line("two\r", false)}, "\x1b[32mone\x1b[0m\n\ntwo\r\n"},
		"one that was divided":      {[]v1.LogLine{line("on", true), line("e", false)}, "one\n"},
		"no newline at its end":     {[]v1.LogLine{line("one", false), line("two", true)}, "one\ntwo"},
		"newlines of old agents":    {[]v1.LogLine{line("one\n", false)}, "one\n"},
		"what happened to the step": {[]v1.LogLine{{State: "started", Step: "test"}, line("one", false), {State: "failed", Step: "test", Text: "exit code 1"}}, "one\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c := f.claimed(f.planned("a/b", "x"))
			f.write(c, test.lines...)
			if got := string(f.get("/calls/"+c.Call+"/log?format=raw", nil).body); got != test.want {
				t.Errorf("it is %q, want %q", got, test.want)
			}
		})
	}
}

// A log of several chunks and pages comes in one piece, and what is not a line
// of a log does no harm.
func TestLogOfMegabytes(t *testing.T) {
	f := newFixture(t)
	c := f.claimed(f.planned("a/b", "x"))
	long := v1.LogLine{Time: noon, State: "output", Text: strings.Repeat("0123456789", 30_000)}
	var stored strings.Builder
	for range 8 {
		stored.WriteString(f.write(c, output(1), long))
	}
	f.append(c, "not JSON\n")
	stored.WriteString("not JSON\n")
	stored.WriteString(f.write(c, output(2)))
	f.append(c, `{"time":"20`)
	stored.WriteString(`{"time":"20`)
	if got := f.get("/calls/"+c.Call+"/log", nil).body; string(got) != stored.String() {
		t.Errorf("%d bytes come back for %d", len(got), stored.Len())
	}
	text := string(f.get("/calls/"+c.Call+"/log?format=text", nil).body)
	if lines := strings.Split(text, "\n"); len(lines) != 18 || lines[1] != "12:00:00 │ "+long.Text || lines[16] != "12:00:00 │ line 2" {
		t.Errorf("the text has %d lines", len(lines))
	}
	f.finish(c, store.StateSucceeded)
	s := f.follow("/calls/" + c.Call + "/log/stream")
	n := 0
	for m := range s.messages {
		if n++; m.event == "end" {
			break
		}
	}
	if n != 18 {
		t.Errorf("the stream has %d messages", n)
	}
}

func TestLogThatIsGone(t *testing.T) {
	f := newFixture(t)
	c := f.ended()
	f.clock.ahead.Store(int64(48 * time.Hour))
	if _, err := f.store.Prune(t.Context(), store.Retention{Logs: time.Hour}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/log", "/log/stream"} {
		f.do(v1.ScopeRead, http.MethodGet, "/calls/"+c.Call+path, nil, http.StatusGone, nil)
	}
	var call v1.Call
	if f.get("/calls/"+c.Call, &call); !call.LogGone {
		t.Errorf("the call is %+v", call)
	}
}
