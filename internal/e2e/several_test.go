package e2e_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/store"
)

// shared is a database that several agents work on, as the test sees it.
func shared(t *testing.T) (dsn string, s *store.Store) {
	t.Helper()
	dsn = database(t)
	s, err := store.Open(t.Context(), store.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return dsn, s
}

// with starts an agent on a database that makes one call at a time.
func with(t *testing.T, f *forge, dsn string, args ...string) *agent {
	t.Helper()
	return start(t, f, settings{args: append([]string{"--parallelism", "1"}, args...), env: []string{"POCKETCI_DATABASE=" + dsn}})
}

// started waits until one of the agents has started a call of a run, and
// returns that one and the others.
func started(t *testing.T, run string, agents ...*agent) (maker *agent, others []*agent) {
	t.Helper()
	until(t, "an agent makes a call of run "+run, patience, func() bool {
		for i, a := range agents {
			if a.says(run, "started") > 0 {
				maker = a
				others = append(append([]*agent{}, agents[:i]...), agents[i+1:]...)
				return true
			}
		}
		return false
	})
	return maker, others
}

// says counts the lines of a type in an agent's report of a run.
func (a *agent) says(run, kind string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.lines {
		if l.Run == run && l.Type == kind {
			n++
		}
	}
	return n
}

// await waits until a run has come to a state.
func await(t *testing.T, s *store.Store, number string, state store.State) store.Run {
	t.Helper()
	var r store.Run
	until(t, "run "+number+" is "+string(state), patience, func() bool {
		for _, r = range runsOf(t, s) {
			if fmt.Sprint(r.Number) == number && r.State == state {
				return true
			}
		}
		return false
	})
	return r
}

// Three agents share the work of one database, and twenty copies of a delivery
// that reach them at once make one run.
func TestSeveralAgentsShareTheWork(t *testing.T) {
	t.Parallel()
	dsn, s := shared(t)
	f := newForge(t)
	sha := f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub aOnGithubPush(src: Directory!): String! { shell(src, "sleep 2; echo a").stdout }
  pub bOnGithubPush(src: Directory!): String! { shell(src, "sleep 2; echo b").stdout }
  pub cOnGithubPush(src: Directory!): String! { shell(src, "sleep 2; echo c").stdout }
`))...)
	agents := []*agent{with(t, f, dsn), with(t, f, dsn), with(t, f, dsn)}
	body := push(t, f, "", sha)
	ids := map[string]bool{}
	var mu sync.Mutex
	var senders sync.WaitGroup
	delivery := rand.Text()
	for i := range 20 {
		senders.Go(func() {
			a := agents[i%len(agents)]
			status, answer, err := a.post("push", body, map[string]string{"X-GitHub-Delivery": delivery})
			if err != nil || status != http.StatusAccepted && status != http.StatusOK {
				t.Errorf("a copy is answered with %d %s (%v)", status, answer, err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids[a.remember([]byte(answer)).ID] = true
		})
	}
	senders.Wait()
	if len(ids) != 1 {
		t.Errorf("twenty copies became the events %v", ids)
	}
	await(t, s, "1", store.StateSucceeded)
	makers := 0
	for i, a := range agents {
		if n := a.says("1", "started"); n > 0 {
			makers++
			t.Logf("agent %d made %d calls", i, n)
		}
	}
	if makers < 2 {
		t.Errorf("%d of three agents made calls, with one call at a time each", makers)
	}
	if runs := runsOf(t, s); len(runs) != 1 {
		t.Errorf("there are %d runs", len(runs))
	}
}

// What an agent was doing when it was killed is done by another within 40 s.
func TestKilledAgentIsReplacedByAnother(t *testing.T) {
	t.Parallel()
	dsn, s := shared(t)
	nap := number()
	f, body := sleeper(t, "sleep "+nap)
	agents := []*agent{with(t, f, dsn), with(t, f, dsn)}
	run := agents[0].runs[agents[0].deliver("push", body)]
	maker, others := started(t, run, agents...)
	runs(t, "sleep", nap)
	began := time.Now()
	maker.signal(syscall.SIGKILL)
	maker.exit()
	gone(t, 15*time.Second, "sleep", nap)
	runs(t, "sleep", nap)
	took := time.Since(began)
	t.Logf("another agent made the call after %s", took.Round(time.Millisecond))
	if took > 45*time.Second { // 40 s, and what a container takes to start here
		t.Errorf("another agent made the call only after %s", took)
	}
	r := runsOf(t, s)[0]
	if err := s.Abort(t.Context(), r.ID, store.Actor{Person: "test"}, "seen enough"); err != nil {
		t.Fatal(err)
	}
	gone(t, 10*time.Second, "sleep", nap)
	calls, err := s.Calls(t.Context(), r.ID)
	if err != nil || calls[0].Attempt != 2 {
		t.Errorf("the call is %+v, %v", calls, err)
	}
	attempts, err := s.CallAttempts(t.Context(), calls[0].ID)
	if err != nil || len(attempts) != 1 || !strings.Contains(attempts[0].Reason, "was silent") {
		t.Errorf("its attempts are %+v, %v", attempts, err)
	}
	if others[0].says(run, "started") != 1 {
		t.Error("the other agent does not say that it made the call")
	}
}

// An agent that is cut off from the database ends its calls by itself, another
// one makes them, and what the first says late does not count. When the database
// is back, it works again.
func TestAgentThatIsCutOff(t *testing.T) {
	t.Parallel()
	dsn, s := shared(t)
	address, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	port := query.Get("port")
	if port == "" {
		port = "5432"
	}
	g := gatewayTo(t, filepath.Join(query.Get("host"), ".s.PGSQL."+port))
	g.open()
	query.Set("host", filepath.Dir(g.path))
	address.RawQuery = query.Encode()

	nap := number()
	f, body := sleeper(t, "sleep "+nap)
	cut := with(t, f, address.String())
	run := cut.runs[cut.deliver("push", body)]
	cut.line(idOf(cut, run), "it makes the call", func(l report.Line) bool { return l.Type == "started" })
	runs(t, "sleep", nap)
	g.shut()
	began := time.Now()
	cut.log("it notices", func(l logLine) bool { return strings.Contains(l.Msg, "gives up its work") })
	t.Logf("it gave up its work after %s", time.Since(began).Round(time.Millisecond))
	gone(t, 15*time.Second, "sleep", nap)
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("its call ended only after %s", took)
	}
	if status, _, err := cut.post("push", another(body), nil); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("without a database a delivery is answered with %d, %v", status, err)
	}
	if status, _ := cut.get("/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("without a database /readyz says %d", status)
	}

	other := with(t, f, dsn)
	until(t, "the other agent makes the call", patience, func() bool { return other.says(run, "started") == 1 })
	runs(t, "sleep", nap)
	other.endNow()
	gone(t, 15*time.Second, "sleep", nap)

	// It has work again only if it is a member again.
	g.open()
	until(t, "the first agent makes it again", patience, func() bool { return cut.says(run, "started") == 2 })
	runs(t, "sleep", nap)
	r := runsOf(t, s)[0]
	if err := s.Abort(t.Context(), r.ID, store.Actor{Person: "test"}, ""); err != nil {
		t.Fatal(err)
	}
	gone(t, 15*time.Second, "sleep", nap)
	calls, err := s.Calls(t.Context(), r.ID)
	if err != nil || calls[0].State != store.StateAborted || calls[0].Reason != "aborted by test" {
		t.Errorf("the call is %+v, %v", calls, err)
	}
	attempts, err := s.CallAttempts(t.Context(), calls[0].ID)
	if err != nil || len(attempts) != 2 {
		t.Errorf("its attempts are %+v, %v", attempts, err)
	}
	for _, a := range attempts {
		if a.State != store.StateAborted {
			t.Errorf("attempt %d is %s: %s", a.Number, a.State, a.Reason)
		}
	}
}

// idOf is the event whose run has a number.
func idOf(a *agent, run string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, number := range a.runs {
		if number == run {
			return id
		}
	}
	return ""
}
