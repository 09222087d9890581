package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/store/pgtest"
)

// The test program runs itself with these variables to have a process to kill.
const (
	childVariable = "POCKETCI_STORE_TEST_CHILD"
	dirVariable   = "POCKETCI_STORE_TEST_DIR"
	dsnVariable   = "POCKETCI_STORE_TEST_DSN"
	// roundsVariable sets how often a process is killed, 3 by default.
	roundsVariable = "POCKETCI_CRASH_ROUNDS"
)

// childProcess is a process that says a line for each event that it has
// accepted.
type childProcess struct {
	cmd   *exec.Cmd
	lines <-chan string
}

// startChild starts this program as a child, behind the given command.
func startChild(t *testing.T, o store.Options, mode string, command ...string) childProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command = append(command, self)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), childVariable+"="+mode, dirVariable+"="+o.DataDir, dsnVariable+"="+o.DSN)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1<<20)
	go func() {
		defer close(lines)
		r := bufio.NewReader(out)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return // a line without an end was not said in full
			}
			lines <- strings.TrimSuffix(line, "\n")
		}
	}()
	return childProcess{cmd, lines}
}

// child accepts events and, unless the disk is to be full, makes their runs,
// until it is killed.
func child() int {
	signal.Ignore(syscall.SIGXFSZ) // writing says so, too
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{
		DataDir: os.Getenv(dirVariable), DSN: os.Getenv(dsnVariable), Depth: 1_000_000,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	full := os.Getenv(childVariable) == "full"
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := 0; !full || n < 200; n++ {
				d := push("r"+strconv.Itoa(n%3), events.NewID())
				d.Event.Payload = []byte(`{"after":"` + d.Event.ID + `","padding":"` + strings.Repeat("x", 10_000) + `"}`)
				// One write for each line, so that none is torn.
				switch r, err := s.Accept(ctx, d); {
				case err == nil:
					fmt.Println("ack " + r.Event)
				case errors.Is(err, store.ErrUnavailable):
					fmt.Println("unavailable " + d.Event.ID)
				default:
					fmt.Println(err)
				}
			}
		})
	}
	if !full {
		a, err := s.Join(ctx, "child", true)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		for range 2 {
			wg.Go(func() {
				for {
					if err := workOnce(ctx, a); err != nil && !errors.Is(err, store.ErrNoWork) {
						fmt.Println(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if err := s.Close(); err != nil && !full {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// workOnce plans one run, then makes one call.
func workOnce(ctx context.Context, a *store.Agent) error {
	c, _, planErr := a.ClaimRun(ctx, store.Limits{})
	if planErr == nil {
		p := planOf("test", "deploy")
		p.Calls[1].After = []int{0}
		if _, err := a.Planned(ctx, c, p); err != nil {
			return err
		}
	} else if !errors.Is(planErr, store.ErrNoWork) {
		return planErr
	}
	c, _, err := a.ClaimCall(ctx, store.Limits{})
	if errors.Is(err, store.ErrNoWork) && planErr == nil {
		return nil
	}
	if err != nil {
		return err
	}
	if err := a.AppendLog(ctx, c, []byte("output\n")); err != nil {
		return err
	}
	_, err = a.Finish(ctx, c, store.Ending{State: store.StateSucceeded})
	return err
}

func TestNothingAcknowledgedIsLost(t *testing.T) {
	rounds := 3
	if text := os.Getenv(roundsVariable); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", roundsVariable, err)
		}
	}
	t.Run("SQLite", func(t *testing.T) { crash(t, sqliteOptions(t), rounds, nil) })
	t.Run("PostgreSQL", func(t *testing.T) {
		// A server of its own, since it crashes, too.
		server, options := ownServer(t)
		crash(t, options, rounds, server)
	})
}

func crash(t *testing.T, o store.Options, rounds int, server *pgtest.Server) {
	var acked []string
	for round := range rounds {
		c := startChild(t, o, "crash")
		first, ok := <-c.lines
		if !ok {
			t.Fatal("the child accepts nothing")
		}
		time.Sleep(time.Duration(rand.Int64N(int64(700 * time.Millisecond)))) // the moment of the crash
		if server != nil && round%2 == 1 {
			if err := server.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for line, more := first, true; more; line, more = <-c.lines {
			if id, ok := strings.CutPrefix(line, "ack "); ok {
				acked = append(acked, id)
			} else if server == nil || round%2 == 0 {
				t.Errorf("child says %q", line)
			}
		}
		// It was killed, which is an error.
		_ = c.cmd.Wait()
		if server != nil && round%2 == 1 {
			if err := server.Launch(); err != nil {
				t.Fatal(err)
			}
		}
	}

	s := open(t, o)
	lost := 0
	for _, id := range acked {
		if _, err := s.Event(t.Context(), id); err != nil {
			t.Error(err)
			lost++
		}
		if runs, err := s.Runs(t.Context(), store.RunFilter{Event: id}); err != nil || len(runs) != 1 {
			t.Errorf("event %s has %d runs (%v), want 1", id, len(runs), err)
		}
	}
	t.Logf("%d events acknowledged, %d kills, %d losses", len(acked), rounds, lost)

	a, err := s.Join(t.Context(), "child", true)
	if err != nil {
		t.Fatal(err)
	}
	keeping, stop := context.WithCancel(t.Context())
	var keeper, workers sync.WaitGroup
	keeper.Go(func() {
		if err := a.Keep(keeping); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	for range 4 {
		workers.Go(func() {
			for {
				if err := workOnce(t.Context(), a); errors.Is(err, store.ErrNoWork) {
					return
				} else if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
	// A worker may have seen nothing to do while another one was at it.
	for errs := error(nil); errs == nil; errs = workOnce(t.Context(), a) {
	}
	stop()
	keeper.Wait()
	ended := 0
	for before := int64(0); ; {
		runs, err := s.Runs(t.Context(), store.RunFilter{Before: before})
		if err != nil {
			t.Fatal(err)
		}
		if len(runs) == 0 {
			break
		}
		for _, r := range runs {
			ended++
			before = r.Number
			if r.State != store.StateSucceeded && r.State != store.StateFailed {
				t.Errorf("run %d is %s after all work was done", r.Number, r.State)
			}
			for function, state := range states(t, s, r.ID) {
				if !state.Final() {
					t.Errorf("call %s of run %d is %s", function, r.Number, state)
				}
			}
		}
	}
	if ended < len(acked) {
		t.Errorf("%d runs have ended, want at least the %d of the acknowledged events", ended, len(acked))
	}
}
