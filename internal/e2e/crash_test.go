package e2e_test

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/store"
)

// roundsVariable is how often the agent is killed; make crash sets it.
const roundsVariable = "POCKETCI_CRASH_ROUNDS"

// Bursts of deliveries while the agent is killed at random: whatever was
// acknowledged has one run, which ends, and all of its calls are made.
func TestCrash(t *testing.T) {
	t.Parallel()
	rounds := 3
	if text := os.Getenv(roundsVariable); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", roundsVariable, err)
		}
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		crash(t, rounds, store.Options{DataDir: t.TempDir()})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		crash(t, rounds, store.Options{DataDir: t.TempDir(), DSN: database(t)})
	})
}

// burst is how many deliveries come in one round.
const burst = 8

// attempt is a delivery, sent until somebody acknowledges it.
type attempt struct {
	delivery string
	body     []byte
}

func crash(t *testing.T, rounds int, o store.Options) {
	f := newForge(t)
	f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub quickOnGithubPush: String! { "ran" }
  pub slowOnGithubPush(src: Directory!): String! { shell(src, "sleep 1; echo ran").stdout }
`))...)
	began := func() *agent {
		return start(t, f, settings{
			args: []string{"--data-dir", o.DataDir, "--max-lost", "1000"},
			env:  []string{"POCKETCI_DATABASE=" + o.DSN},
		})
	}
	var (
		mu           sync.Mutex
		acknowledged = map[string]bool{}
		unanswered   []attempt
		sent, kills  int
		cutOff       int // deliveries that a kill left without an answer
	)
	for round := range rounds {
		a := began()
		// With another file in its container, the slow call of this round is
		// made and not found in the engine's cache.
		sha := f.repo.Commit("main", "next", gittest.Write("rootfs/round", rand.Text()))
		all := unanswered
		unanswered = nil
		for range burst {
			sent++
			all = append(all, attempt{rand.Text(), payload(t, "push", f, edits{"before": zeroSHA, "after": sha, "compare": fmt.Sprint(sent)})})
		}
		var senders sync.WaitGroup
		for part := range 4 {
			senders.Go(func() {
				for i := part; i < len(all); i += 4 {
					status, answer, err := a.post("push", all[i].body, map[string]string{"X-GitHub-Delivery": all[i].delivery})
					mu.Lock()
					switch id := a.remember([]byte(answer)).ID; {
					case err == nil && id != "" && (status == http.StatusAccepted || status == http.StatusOK):
						acknowledged[id] = true
					case err == nil:
						t.Errorf("a delivery is answered with %d %s", status, answer)
					default:
						unanswered = append(unanswered, all[i])
					}
					mu.Unlock()
					time.Sleep(time.Duration(mathrand.IntN(100)) * time.Millisecond)
				}
			})
		}
		switch round % 3 {
		case 0: // amid the deliveries
			time.Sleep(time.Duration(mathrand.IntN(150)) * time.Millisecond)
		case 1: // amid the calls
			a.await("a slow call begins", func() bool {
				return slices.ContainsFunc(a.lines, func(l report.Line) bool { return l.Type == "started" && l.Function == "slowOnGithubPush" })
			})
			time.Sleep(time.Duration(mathrand.IntN(800)) * time.Millisecond)
		default: // at any time
			time.Sleep(time.Duration(mathrand.IntN(5000)) * time.Millisecond)
		}
		a.signal(syscall.SIGKILL)
		a.exit()
		senders.Wait()
		kills++
		cutOff += len(unanswered)
	}

	last := began()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	open := func() (n int) {
		for _, r := range runsOf(t, s) {
			if !r.State.Final() {
				n++
			}
		}
		return n
	}
	until(t, "all runs end", patience, func() bool {
		time.Sleep(100 * time.Millisecond)
		return open() == 0
	})
	last.signal(syscall.SIGTERM)
	last.exit()

	losses, calls, again := 0, 0, 0
	byEvent := map[string]int{}
	for _, r := range runsOf(t, s) {
		byEvent[r.Event]++
		if r.State != store.StateSucceeded {
			t.Errorf("run %d is %s: %s", r.Number, r.State, r.Reason)
		}
		made, err := s.Calls(t.Context(), r.ID)
		if err != nil || len(made) != 2 {
			t.Errorf("run %d has %d calls: %v", r.Number, len(made), err)
		}
		for _, c := range made {
			calls++
			again += c.Attempt - 1
			if c.State != store.StateSucceeded || c.Agent == "" || c.LogSize == 0 {
				t.Errorf("call %s of run %d is %s by %q, with %d bytes of log: %s", c.Function, r.Number, c.State, c.Agent, c.LogSize, c.Reason)
			}
		}
	}
	for id := range acknowledged {
		if byEvent[id] != 1 {
			losses++
			t.Errorf("event %s was acknowledged and has %d runs", id, byEvent[id])
		}
	}
	held, err := s.Agents(t.Context())
	if err != nil || len(held) != 0 {
		t.Errorf("agents are at work after all: %+v, %v", held, err)
	}
	if rounds > 1 && again == 0 {
		t.Error("no kill came amid a call, so that the test shows less than it should")
	}
	fmt.Printf("%s: %d deliveries, %d acknowledged, %d kills, %d answers cut off, %d calls of which %d were made again, %d losses\n",
		t.Name(), sent, len(acknowledged), kills, cutOff, calls, again, losses)
}

// runsOf are all runs of a store.
func runsOf(t *testing.T, s *store.Store) []store.Run {
	t.Helper()
	runs, err := s.Runs(t.Context(), store.RunFilter{Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	return runs
}
