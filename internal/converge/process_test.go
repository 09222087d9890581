package converge_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	reports "github.com/franela/pocketci/events/converge"
	"github.com/franela/pocketci/internal/signed"
)

// agent stands in for an agent: it takes what the agent's source takes, unless it is
// away.
type agent struct {
	*httptest.Server
	mu     sync.Mutex
	away   bool
	asked  int
	events []events.Event
}

func newAgent(t *testing.T, secret string) *agent {
	t.Helper()
	source, err := reports.New(secret)
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.asked++; a.away {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		event, err := source.Receive(r.Header, body)
		if err != nil {
			t.Errorf("the agent refuses a report: %v: %s", err, body)
		}
		a.events = append(a.events, event)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *agent) told() []events.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.events)
}

func (a *agent) leave(away bool) (asked int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away = away
	return a.asked
}

// Outcomes are told to an agent once it is there, whatever happens meanwhile.
func TestReport(t *testing.T) {
	t.Parallel()
	const secret = "a secret for the reports"
	a := newAgent(t, secret)
	a.leave(true)
	h := newHost(t, strings.Replace(pushed, "sources:", "report: {url: \""+a.URL+"/webhooks/hosts\", secret: {from-env: REPORT}}\nsources:", 1))
	h.env = []string{"REPORT=" + secret}
	h.start()
	h.push("listen", h.sign(h.key, newFile))
	h.push("listen", h.sign(h.key, newFile)) // nothing changes, and nothing is told
	h.push("listen", h.claims(h.key, signed.Claims{Issuer: "ci", Content: signed.Content{
		Source: "listen", Pattern: yamlFiles(t, `commands: [{id: a, always: true, change: exit 3}]`), Payload: []byte(`{"cause": "an-event", "depth": 2}`),
	}}))
	h.until("the agent was asked", func() bool { return a.leave(true) > 0 })
	h.kill()
	a.leave(false)
	h.start()
	h.until("the agent is told", func() bool { return len(a.told()) > 2 })
	h.stop()
	var got []string
	for _, e := range a.told() {
		got = append(got, fmt.Sprint(e.Vendor, " ", e.Name, " ", e.Filter, " ", e.Cause, " ", e.Depth))
	}
	// The last one is of the restart, which tries the pattern again.
	want := []string{"converge changed listen  0", "converge failed listen an-event 3", "converge failed listen an-event 3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if payload := string(a.told()[1].Payload); !strings.Contains(payload, `"issuer":"ci"`) || !strings.Contains(payload, `"exit":3`) {
		t.Errorf("the payload is %s", payload)
	}
	if left, _ := filepath.Glob(filepath.Join(h.state, "outbox", "*")); len(left) > 0 {
		t.Errorf("reports are left: %v", left)
	}
}

// A push does not wait for ever, and its run goes on. Runs of one source wait for each
// other, those of two do not.
func TestWait(t *testing.T) {
	t.Parallel()
	h := newHost(t, `
listen: 127.0.0.1:0
state-dir: {{state}}
keys: ["{{key}}"]
dir: {{dir}}
push-timeout: 300ms
sources:
- {name: listen, push: true}
- {name: other, push: true}
`)
	h.start()
	status, r := h.push("listen", h.sign(h.key, `commands: [{id: a, always: true, change: 'touch at-a; until test -e go; do sleep 0.01; done; touch a'}]`))
	if status != http.StatusAccepted || !strings.Contains(r.Note, "goes on") {
		t.Errorf("%d %+v", status, r)
	}
	if status, _ := h.push("listen", h.sign(h.key, `commands: [{id: b, always: true, change: test -e a && touch b}]`)); status != http.StatusAccepted {
		t.Errorf("a second push: %d", status)
	}
	status, r = h.push("other", h.claims(h.key, signed.Claims{Content: signed.Content{Source: "other", Pattern: yamlFiles(t, `commands: [{id: c, always: true, change: touch c}]`)}}))
	if status != http.StatusOK && status != http.StatusAccepted { // which it is on a slow machine
		t.Errorf("another source: %d %+v", status, r)
	}
	h.until("the run of another source", func() bool { return slices.Equal(h.files(), []string{"at-a", "c"}) })
	h.write("go", "")
	h.until("both runs", func() bool { return slices.Equal(h.files(), []string{"a", "at-a", "b", "c", "go"}) })
	h.stop()
}

// A process that is stopped lets a command come to its end and goes on with the next
// one when it is started again.
func TestStopAmidRun(t *testing.T) {
	t.Parallel()
	h := newHost(t, strings.Replace(pushed, "sources:", "push-timeout: 100ms\nsources:", 1))
	h.start()
	h.push("listen", h.sign(h.key, `commands: [{id: a, always: true, change: 'touch at-a; until test -e go; do sleep 0.01; done; echo a >> log'}, {id: b, always: true, change: echo b >> log}]`))
	h.until("the run", func() bool { return slices.Contains(h.files(), "at-a") })
	go func() {
		h.until("it stops", func() bool { return strings.Contains(h.log.String(), "converge stops") })
		h.write("go", "")
	}()
	h.stop()
	if h.read("log") != "a\n" {
		t.Errorf("before the restart: %q", h.read("log"))
	}
	h.start()
	h.until("the end of the run", func() bool { return strings.Contains(h.log.String(), "a run ended") })
	if h.read("log") != "a\nb\n" {
		t.Errorf("after the restart: %q", h.read("log"))
	}
	h.stop()
}

// A server is asked with the headers of the configuration, and only sends what is new.
func TestPullOverHTTP(t *testing.T) {
	t.Parallel()
	const header = "Bearer of the token"
	var token atomic.Value
	var full, unchanged atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != header {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		text := token.Load().(string)
		tag := fmt.Sprintf(`"%d"`, len(text))
		if r.Header.Get("If-None-Match") == tag {
			unchanged.Add(1)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		full.Add(1)
		w.Header().Set("ETag", tag)
		io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	h := newHost(t, `
state-dir: {{state}}
keys: ["{{key}}"]
dir: {{dir}}
listen: 127.0.0.1:0
spread: 1ms
sources:
- {name: listen, every: 50ms, pull: [{url: "`+server.URL+`/host.jwt", headers: {Authorization: {from-env: PULL}}}]}
`)
	h.env = []string{"PULL=" + header}
	token.Store(h.sign(h.key, newFile))
	h.start()
	h.until("the pattern", func() bool { return slices.Equal(h.files(), []string{"newfile"}) })
	h.until("more pulls", func() bool { return unchanged.Load() > 2 })
	h.stop()
	if full.Load() != 1 || strings.Contains(h.log.String(), "Bearer of") {
		t.Errorf("%d full answers; log:\n%s", full.Load(), h.log)
	}
}

// A pattern of the host itself is read again when it changes, and what was applied is
// checked again.
func TestOwnPattern(t *testing.T) {
	t.Parallel()
	h := newHost(t, `
state-dir: {{state}}
dir: {{dir}}
listen: 127.0.0.1:0
sources:
- {name: base, pattern: "{{dir}}/base.yaml", every: 50ms, run-every: 100ms}
`)
	h.write("base.yaml", newFile)
	h.start()
	h.until("the pattern", func() bool { return slices.Equal(h.files(), []string{"base.yaml", "newfile"}) })
	os.Remove(filepath.Join(h.dir, "newfile"))
	h.until("it is checked again", func() bool { return slices.Equal(h.files(), []string{"base.yaml", "newfile"}) })
	h.write("base.yaml", `commands: [`)
	h.until("a mistake is said", func() bool { return strings.Contains(h.log.String(), "base.yaml:1:1: not valid YAML") })
	h.write("base.yaml", `commands: [{id: other, check: test -e other, change: touch other}]`)
	h.until("another pattern", func() bool { return slices.Equal(h.files(), []string{"base.yaml", "other"}) })
	h.stop()
}
