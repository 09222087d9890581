package e2e_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/store"
)

// scrape reads an agent's metrics.
func scrape(t *testing.T, a *agent, key string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the metrics are %d %s (%v)", response.StatusCode, body, err)
	}
	return string(body)
}

// Of two agents, exactly one tells of a run that was aborted: the one that ended
// the call, or the one that was asked if there was no call to end.
func TestAbortIsReportedByOneAgent(t *testing.T) {
	t.Parallel()
	dsn, s := shared(t)
	nap := number()
	f, body := sleeper(t, "sleep "+nap)
	config := filepath.Join(t.TempDir(), "agent.yaml") // without it code of forks is refused
	if err := os.WriteFile(config, []byte("forks-share-engine: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	maker := with(t, f, dsn, "--config", config)
	made := maker.deliver("push", body)
	maker.line(made, "the call is made", func(l report.Line) bool { return l.Type == "started" })
	runs(t, "sleep", nap)
	other := with(t, f, dsn, "--config", config)
	_, key, err := s.CreateKey(t.Context(), store.NewKey{Name: "ann", Scope: store.KeyScopeRun}, somebody)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Options{Server: other.url, Key: key, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)

	if err := c.AbortRun(t.Context(), maker.runs[made], v1.Abort{Reason: "wrong branch"}); err != nil {
		t.Fatal(err)
	}
	r := maker.finish(made)
	gone(t, patience, "sleep", nap)
	if r.log.Reason != "aborted by ann: wrong branch" || r.log.Aborted != 1 || !strings.Contains(r.log.text, `"state":"aborted"`) {
		t.Errorf("its end is logged as %s", r.log.text)
	}
	if got := r.result("onGithubPush"); got.State != "aborted" {
		t.Errorf("its call is reported as %+v", got)
	}
	if last := r.lines[len(r.lines)-1]; last.Type != "finished" {
		t.Errorf("the last line of its report is %+v", last)
	}

	waits := maker.deliver("pull_request", payload(t, "pull_request_fork", f, nil))
	await(t, s, maker.runs[waits], store.StateWaiting)
	if err := c.AbortRun(t.Context(), maker.runs[waits], v1.Abort{}); err != nil {
		t.Fatal(err)
	}
	if l := other.log("the end of what waited is logged", func(l logLine) bool { return l.Event.ID == waits && l.Msg == "run ended" }); l.Reason != "aborted by ann" {
		t.Errorf("its end is logged as %s", l.text)
	}

	const counter = `pocketci_runs_total{state="aborted"} 1`
	for name, a := range map[string]*agent{"who made the call": maker, "who was asked": other} {
		if text := scrape(t, a, key); strings.Count(text, "pocketci_runs_total{") != 1 || !strings.Contains(text, "\n"+counter+"\n") {
			t.Errorf("%s has not counted one run:\n%s", name, text)
		}
		if n := a.logged(`"msg":"run ended"`); n != 1 {
			t.Errorf("%s has logged %d ends", name, n)
		}
	}
}
