package reload_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/reload"
	"github.com/franela/pocketci/internal/settings"
)

// agent is what settings are put into force in.
type agent struct {
	mu      sync.Mutex
	applied []settings.Forks
	refuse  error
	restart []string
}

func (a *agent) apply(s *settings.Settings) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuse != nil {
		return nil, a.refuse
	}
	a.applied = append(a.applied, s.Forks)
	return a.restart, nil
}

func (a *agent) all() []settings.Forks {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.applied
}

// start watches a directory with the file's content, empty for no file.
func start(t *testing.T, content string) (dir string, a *agent, w *reload.Watcher) {
	t.Helper()
	dir, a = t.TempDir(), &agent{}
	if content != "" {
		write(t, dir, content)
	}
	loaded, err := settings.Load("", dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, a, reload.New(reload.Config{DataDir: dir, Apply: a.apply, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}, loaded)
}

func write(t *testing.T, dir, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "agent.yaml"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	type step struct {
		content string // "-" removes the file
		always  bool
		problem string // in the state after it, "" for none
		applied int    // how often something was put into force by then
	}
	for name, c := range map[string]struct {
		first string
		steps []step
	}{
		"nothing changed": {"forks: never", []step{{content: "forks: never"}}},
		"on demand all the same": {"forks: never", []step{
			{content: "forks: never", always: true, applied: 1},
		}},
		"changed": {"forks: never", []step{
			{content: "forks: approve", applied: 1}, {content: "forks: approve", applied: 1}, {content: "forks: never", applied: 2},
		}},
		"a mistake, and its repair": {"forks: never", []step{
			{content: "forks: [", problem: "agent.yaml:1:"}, {content: "fork: never", problem: `unknown key "fork"`},
			{content: "forks: never", applied: 1}, // not what was in force as far as it knows
		}},
		"the file is gone, and comes back": {"forks: never", []step{
			{content: "-", problem: "agent.yaml is gone: what it said stays in force"}, {content: "forks: never", applied: 1},
			{content: "forks: approve", applied: 2},
		}},
		"truncated before it is written": {"forks: never", []step{
			{content: " \n", problem: "agent.yaml is empty: what it said stays in force"}, {content: "forks: approve", applied: 1},
		}},
		"meant to be empty": {"forks: never", []step{
			{content: "", problem: "is empty"}, {content: "", always: true, applied: 1},
		}},
		"there was none": {"", []step{
			{content: "-"}, {content: "-", always: true}, {content: "forks: never", applied: 1},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, a, w := start(t, c.first)
			for i, s := range c.steps {
				if s.content == "-" {
					if err := os.Remove(filepath.Join(dir, "agent.yaml")); err != nil && !errors.Is(err, os.ErrNotExist) {
						t.Fatal(err)
					}
				} else {
					write(t, dir, s.content)
				}
				w.Read(s.always)
				state := w.State()
				if s.problem == "" && state.Error != "" || !strings.Contains(state.Error, s.problem) {
					t.Errorf("step %d: the error is %q, want %q", i, state.Error, s.problem)
				}
				if got := len(a.all()); got != s.applied {
					t.Errorf("step %d: %d were put into force, want %d", i, got, s.applied)
				}
			}
		})
	}
}

func TestWhatCannotBeInForce(t *testing.T) {
	dir, a, w := start(t, "forks: never")
	before := w.State()
	a.refuse = errors.New("forge work: no such variable")
	write(t, dir, "forks: approve")
	w.Read(false)
	if got := w.State(); got.Error != "forge work: no such variable" || got.LoadedAt != before.LoadedAt || got.File == "" {
		t.Errorf("the state is %+v", got)
	}
	a.refuse, a.restart = nil, []string{"runners"}
	w.Read(true) // what it names is there by now
	got := w.State()
	if diff := cmp.Diff([]string{"runners"}, got.Restart); diff != "" || got.Error != "" || !got.LoadedAt.After(before.LoadedAt) {
		t.Errorf("the state is %+v", got)
	}
}

// A file that could not be read for a while and says what it said has no error any more.
func TestUnreadableForAWhile(t *testing.T) {
	dir, _, w := start(t, "forks: never")
	file := filepath.Join(dir, "agent.yaml")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	w.Read(false)
	if got := w.State().Error; !strings.Contains(got, "read the agent's configuration") {
		t.Fatalf("the error is %q", got)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "forks: never")
	w.Read(false)
	if got := w.State().Error; got != "" {
		t.Errorf("the error is still %q", got)
	}
}

// Whatever way a file is replaced in, it is noticed.
func TestRun(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, dir string, ask chan os.Signal){
		"written in place": func(t *testing.T, dir string, _ chan os.Signal) { write(t, dir, "forks: approve") },
		"renamed over it": func(t *testing.T, dir string, _ chan os.Signal) {
			next := filepath.Join(dir, "next")
			if err := errors.Join(os.WriteFile(next, []byte("forks: approve"), 0o600), os.Rename(next, filepath.Join(dir, "agent.yaml"))); err != nil {
				t.Fatal(err)
			}
		},
		// As Kubernetes does with the files of a ConfigMap.
		"behind a link": func(t *testing.T, dir string, _ chan os.Signal) {
			for i, content := range []string{"forks: never", "forks: approve"} {
				to, link := filepath.Join(dir, fmt.Sprint("data", i)), filepath.Join(dir, "data.new")
				if err := errors.Join(os.Mkdir(to, 0o700), os.WriteFile(filepath.Join(to, "agent.yaml"), []byte(content), 0o600),
					os.Symlink(to, link), os.Rename(link, filepath.Join(dir, "data"))); err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					if err := errors.Join(os.Remove(filepath.Join(dir, "agent.yaml")), os.Symlink("data/agent.yaml", filepath.Join(dir, "agent.yaml"))); err != nil {
						t.Fatal(err)
					}
				}
			}
		},
		"written while others write beside it": func(t *testing.T, dir string, _ chan os.Signal) {
			wal, err := os.Create(filepath.Join(dir, "pocketci.db-wal"))
			if err != nil {
				t.Fatal(err)
			}
			stop, ended := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(ended)
				defer wal.Close()
				for {
					select {
					case <-stop:
						return
					case <-time.After(10 * time.Millisecond):
						if _, err := wal.WriteAt([]byte("page"), 0); err != nil {
							t.Error(err)
							return
						}
					}
				}
			}()
			t.Cleanup(func() { close(stop); <-ended })
			write(t, dir, "forks: approve")
		},
		"asked to": func(_ *testing.T, _ string, ask chan os.Signal) { ask <- syscall.SIGHUP },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, a, w := start(t, "forks: never")
			ctx, cancel := context.WithCancel(t.Context())
			ask, ended := make(chan os.Signal), make(chan struct{})
			go func() {
				defer close(ended)
				w.Run(ctx, ask)
			}()
			replace(t, dir, ask)
			for deadline := time.Now().Add(time.Minute); len(a.all()) == 0; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("it was not noticed")
				}
			}
			cancel()
			<-ended
			if state := w.State(); state.Error != "" {
				t.Error(state.Error)
			}
		})
	}
}
