package e2e_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/report"
)

// fullName is the repository that the payloads in testdata are about.
const fullName = "octo/hello"

// zeroSHA stands in payloads for no commit.
var zeroSHA = strings.Repeat("0", 40)

// edits change fields of a payload by their path, such as repository.name.
type edits map[string]any

// payload reads a payload of GitHub's and makes it one of this forge's.
func payload(t *testing.T, name string, f *forge, changes edits) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "payloads", "github", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		t.Fatal(err)
	}
	all := edits{"repository.clone_url": f.CloneURL(fullName)}
	for path, value := range changes {
		all[path] = value
	}
	for path, value := range all {
		set(t, object, path, value)
	}
	if data, err = json.Marshal(object); err != nil {
		t.Fatal(err)
	}
	return data
}

// set changes a field that is there, so that a test does not edit in vain.
func set(t *testing.T, object map[string]any, path string, value any) {
	t.Helper()
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		inner, ok := object[name].(map[string]any)
		if !ok {
			t.Fatalf("the payload has no %s", path)
		}
		object = inner
	}
	last := names[len(names)-1]
	if _, ok := object[last]; !ok {
		t.Fatalf("the payload has no %s", path)
	}
	object[last] = value
}

// push is the payload of a push to main.
func push(t *testing.T, f *forge, before, after string) []byte {
	t.Helper()
	if before == "" {
		before = zeroSHA
	}
	return payload(t, "push", f, edits{"before": before, "after": after})
}

// pull is the payload of a pull request from a branch of the repository.
func pull(t *testing.T, f *forge, name, head, base string) []byte {
	t.Helper()
	return payload(t, name, f, edits{"pull_request.head.sha": head, "pull_request.base.sha": base})
}

// sign is the value of X-Hub-Signature-256.
func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// post sends a request to the agent's webhook with headers in place of, or
// besides, those of a signed delivery; an empty value leaves one out.
func (a *agent) post(kind string, body []byte, headers map[string]string) (int, string, error) {
	response, answer, err := a.request(kind, body, headers)
	if response == nil {
		return 0, "", err
	}
	return response.StatusCode, answer, err
}

// request is post for who looks at the headers of the answer.
func (a *agent) request(kind string, body []byte, headers map[string]string) (*http.Response, string, error) {
	header := map[string]string{
		"Content-Type": "application/json", "X-GitHub-Event": kind, "X-GitHub-Delivery": rand.Text(), "X-Hub-Signature-256": sign(a.secret, body),
	}
	for name, value := range headers {
		header[name] = value
	}
	return a.hook("/webhooks/github", body, header)
}

// hook sends a webhook and remembers what the answer says. Headers without a value
// are left out.
func (a *agent) hook(path string, body []byte, header map[string]string) (*http.Response, string, error) {
	request, err := http.NewRequest(http.MethodPost, a.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	for name, value := range header {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	a.remember(answer)
	return response, string(answer), err
}

// receipt is the answer to a delivery.
type receipt struct {
	ID     string
	Run    int64
	Reason string
}

// remember keeps which run an event has, if an answer says so.
func (a *agent) remember(answer []byte) receipt {
	var r receipt
	if json.Unmarshal(answer, &r) == nil && r.ID != "" {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.runs[r.ID] = strconv.FormatInt(r.Run, 10)
	}
	return r
}

// another is the same payload again, and not taken for a copy: its bytes differ.
func another(body []byte) []byte { return append(bytes.Clone(body), '\n') }

// deliver sends an event as GitHub does and returns the id that it was
// accepted under.
func (a *agent) deliver(kind string, body []byte) string {
	a.t.Helper()
	began := time.Now()
	status, answer, err := a.post(kind, body, nil)
	if err != nil {
		a.t.Fatalf("deliver %s: %v", kind, err)
	}
	if status != http.StatusAccepted {
		a.t.Fatalf("deliver %s: %d %s, want 202", kind, status, answer)
	}
	if took := time.Since(began); took > 9*time.Second {
		a.t.Errorf("the delivery was acknowledged after %s; GitHub gives up after 10s", took)
	}
	r := a.remember([]byte(answer))
	if r.ID == "" || r.Run == 0 {
		a.t.Fatalf("deliver %s: the answer has no ids: %s", kind, answer)
	}
	return r.ID
}

// run is what became of an event.
type run struct {
	t *testing.T
	// log is the line that ended it.
	log   logLine
	plan  *dispatcher.View
	lines []report.Line
	// results are those of calls and invalid calls by module:function.
	results map[string]report.Result
}

// finish waits until an event's run has ended.
func (a *agent) finish(id string) *run {
	a.t.Helper()
	r := a.over(id)
	if r.log.Msg != "run ended" {
		a.t.Fatalf("event %s became no run: %s", id, r.log.text)
	}
	return r
}

// refuse waits until an event was found to be none to run.
func (a *agent) refuse(id string) logLine {
	a.t.Helper()
	r := a.over(id)
	if r.log.Msg != "event is not run" {
		a.t.Fatalf("event %s became a run: %s", id, r.log.text)
	}
	if len(r.lines) > 0 {
		a.t.Errorf("event %s was not run and has a report: %+v", id, r.lines)
	}
	return r.log
}

func (a *agent) over(id string) *run {
	a.t.Helper()
	r := &run{t: a.t, results: map[string]report.Result{}}
	r.log = a.log("the run of "+id+" ends", func(l logLine) bool {
		return l.Event.ID == id && (l.Msg == "run ended" || l.Msg == "event is not run")
	})
	if r.log.Msg == "run ended" {
		// It comes through another pipe than the log.
		last := a.line(id, "the report of "+id+" ends", func(l report.Line) bool { return l.Type == "finished" })
		for _, result := range last.Results {
			r.results[result.Module+":"+result.Function] = result
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.lines {
		if l.Run == a.runs[id] {
			r.lines = append(r.lines, l)
			if l.Plan != nil {
				r.plan = l.Plan
			}
		}
	}
	return r
}

// result is the result of a function that was to be called, as module:function
// or, for the module ci, as function.
func (r *run) result(function string) report.Result {
	r.t.Helper()
	if !strings.Contains(function, ":") {
		function = "ci:" + function
	}
	result, ok := r.results[function]
	if !ok {
		r.t.Fatalf("the run has no result of %s: %+v", function, r.results)
	}
	return result
}

// succeeded checks that a function was called with success, and returns what it
// returned.
func (r *run) succeeded(function string) string {
	r.t.Helper()
	result := r.result(function)
	if result.State != "succeeded" {
		r.t.Errorf("%s %s: %s", function, result.State, result.Error)
	}
	return result.Output
}

// skipped is the reason for which a function was not called.
func (r *run) skipped(function string) string {
	r.t.Helper()
	for _, s := range r.plan.Skipped {
		if s.Function == function {
			return s.Reason
		}
	}
	r.t.Errorf("%s is not among the functions that are not called: %+v", function, r.plan.Skipped)
	return ""
}

// interval is when a function was being called.
func (r *run) interval(function string) (started, ended time.Time) {
	r.t.Helper()
	for _, l := range r.lines {
		switch {
		case l.Function == function && l.Type == "started":
			started = l.Time
		case l.Function == function && l.Type == "ended":
			ended = l.Time
		}
	}
	if started.IsZero() || ended.IsZero() {
		r.t.Fatalf("the report does not say when %s was called", function)
	}
	return started, ended
}

// number is one that no other process on the machine has on its command line.
func number() string {
	return "4711" + strconv.FormatInt(time.Now().UnixNano()%1e9, 10)
}
