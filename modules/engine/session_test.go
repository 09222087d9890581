package engine_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// The engine keeps the results of functions for days. A called function has to
// run all the same, and what it calls in turn stays cached.
func TestEveryCallRuns(t *testing.T) {
	e := enginetest.Start(t)
	tree := enginetest.Tree(repository(t, []string{"conditions"}, nil))
	fresh := func() string {
		s := open(t, e, engine.Run{Tree: tree, Module: "conditions"})
		return call(t, s, "fresh", map[string]modules.Value{"src": source})
	}
	if a, b := fresh(), fresh(); a == b {
		t.Errorf("both runs gave %s", a)
	}
}

func TestModulesOfTheSameName(t *testing.T) {
	e := enginetest.Start(t)
	const dang = `{"name": "twin", "engineVersion": "v0.21.8", "sdk": {"source": "dang"}}`
	var sessions []*engine.Session
	for _, who := range []string{"one", "two"} {
		dir := repository(t, nil, map[string]string{
			"ci/dagger.json": dang,
			"ci/main.dang":   "type Twin {\n  pub onPush: String! { \"" + who + "\" }\n}\n",
		})
		sessions = append(sessions, open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "ci"}))
	}
	for i, want := range []string{"one", "two"} {
		if got := call(t, sessions[i], "onPush", nil); got != want {
			t.Errorf("module %d gives %q, want %q", i+1, got, want)
		}
	}
}

func TestCallsShareTheirObjects(t *testing.T) {
	cfg := enginetest.Config(t)
	dir := repository(t, []string{"returns"}, map[string]string{"README.md": "", "docs/a": ""})
	var checkouts, releases, lookups atomic.Int32
	cfg.Checkout = func(context.Context, modules.Tree, bool) (string, func(), error) {
		checkouts.Add(1)
		return dir, func() { releases.Add(1) }, nil
	}
	s := open(t, enginetest.With(t, cfg), engine.Run{Tree: enginetest.Tree(dir), Module: "returns", Secret: func(context.Context, string) (string, error) {
		lookups.Add(1)
		return "value", nil
	}})
	var wait sync.WaitGroup
	for _, function := range []string{"entries", "file", "directory", "entries"} {
		call := bind(t, s, function, map[string]modules.Value{"src": source})
		wait.Go(func() {
			if _, err := s.Call(t.Context(), call, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if checkouts.Load() != 1 || releases.Load() != 1 {
		t.Errorf("%d checkouts and %d releases, want one each", checkouts.Load(), releases.Load())
	}
	if lookups.Load() != 0 {
		t.Errorf("a secret that nobody wants was looked up %d times", lookups.Load())
	}
}

// A cancelled call must not take away what it began to make for all.
func TestCancelledCallLeavesSharedObjects(t *testing.T) {
	cfg := enginetest.Config(t)
	dir := repository(t, []string{"returns"}, nil)
	began, proceed := make(chan struct{}), make(chan struct{})
	cfg.Checkout = func(context.Context, modules.Tree, bool) (string, func(), error) {
		close(began)
		<-proceed
		return dir, func() {}, nil
	}
	s := open(t, enginetest.With(t, cfg), engine.Run{Tree: enginetest.Tree(dir), Module: "returns"})
	entries := bind(t, s, "entries", map[string]modules.Value{"src": source})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := s.Call(ctx, entries, nil)
		first <- err
	}()
	<-began
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) || errors.Is(err, modules.ErrArgument) {
		t.Errorf("the cancelled call gives %v", err)
	}
	close(proceed)
	if _, err := s.Call(t.Context(), entries, nil); err != nil {
		t.Errorf("the other call fails: %v", err)
	}
}

// What makes a step cached is the content that it works on: not the commit,
// not the path or the times of the checkout, not the rest of the repository.
func TestStepsStayCached(t *testing.T) {
	e := enginetest.Start(t)
	mark := time.Now().String()
	states := func(files map[string]string, token string) modules.StepState {
		t.Helper()
		files["rootfs/mark"] = mark
		dir := repository(t, []string{"steps"}, files)
		s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "steps", Secret: secrets(map[string]string{"env://T": token})})
		var r recorder
		_, err := s.Call(t.Context(), bind(t, s, "leak", map[string]modules.Value{"src": source, "token": secret("env://T")}), r.add)
		if err != nil {
			t.Fatal(err)
		}
		steps := r.of("withExec")
		if len(steps) == 0 {
			t.Fatal("no step was reported")
		}
		return steps[len(steps)-1].State
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		token string
		want  modules.StepState
	}{
		{"the first time", map[string]string{}, "alpha", modules.StepDone},
		{"in another clone", map[string]string{}, "alpha", modules.StepCached},
		{"with another file elsewhere", map[string]string{"README.md": mark}, "alpha", modules.StepCached},
		{"with another .git", map[string]string{".git/HEAD": mark}, "alpha", modules.StepCached},
		{"with another value of the secret", map[string]string{}, "bravo", modules.StepDone},
		{"with the first value again", map[string]string{}, "alpha", modules.StepCached},
	} {
		if got := states(c.files, c.token); got != c.want {
			t.Errorf("%s the step is %s, want %s", c.name, got, c.want)
		}
	}
}

func TestSourceHasGitOnlyIfAsked(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"returns"}, map[string]string{".git/HEAD": "ref: refs/heads/main"})
	s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "returns"})
	with := modules.Value{Kind: modules.ValueSource, Git: true}
	if got := call(t, s, "entries", map[string]modules.Value{"src": source}); strings.Contains(got, ".git") {
		t.Errorf("it is in %s", got)
	}
	if got := call(t, s, "entries", map[string]modules.Value{"src": with}); !strings.Contains(got, `".git/"`) {
		t.Errorf("it is not in %s", got)
	}
}

func TestLargeEvent(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"matching"}, nil)
	payload := `{"text": "` + strings.Repeat("0123456789abcdef", 1<<19) + `"}` // 8 MiB
	s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "matching", Event: []byte(payload)})
	start := time.Now()
	call(t, s, "onGithubIssueComment", map[string]modules.Value{"eventTrigger": event})
	t.Logf("8 MiB took %s", time.Since(start))
}

// sessionProcesses are the sessions that this process has started.
func sessionProcesses(t *testing.T, parent int) []int {
	t.Helper()
	var pids []int
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		var pid, ppid int
		var comm, state string
		if _, err := fmt.Sscanf(string(data), "%d %s %s %d", &pid, &comm, &state, &ppid); err == nil && ppid == parent && comm == "(dagger)" {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestSessionEnvironment(t *testing.T) {
	t.Setenv("POCKETCI_TEST_SECRET", "do-not-pass-on")
	cfg := enginetest.Config(t)
	cfg.Env = []string{"POCKETCI_TEST_EXTRA=wanted"}
	e := enginetest.With(t, cfg)
	dir := repository(t, []string{"shared"}, nil)
	open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "shared"})
	pids := sessionProcesses(t, os.Getpid())
	if len(pids) != 1 {
		t.Fatalf("sessions: %v", pids)
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pids[0]))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(environ), "do-not-pass-on") {
		t.Error("the session got a variable that is none of its business")
	}
	for _, want := range []string{"POCKETCI_TEST_EXTRA=wanted", "PATH=", "HOME="} {
		if !strings.Contains(string(environ), want) {
			t.Errorf("%s is missing", want)
		}
	}
	work, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pids[0]))
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(work); err != nil || len(entries) != 0 || !strings.HasPrefix(work, cfg.Dir) {
		t.Errorf("the work directory %s holds %v, %v", work, entries, err)
	}
}

func TestLostSession(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"steps"}, nil)
	s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "steps"})
	ended := make(chan error, 1)
	go func() {
		_, err := s.Call(t.Context(), bind(t, s, "sleep", map[string]modules.Value{"src": source, "seconds": constant("994")}), nil)
		ended <- err
	}()
	await(t, "the container starts", 60*time.Second, func() bool { return running("sleep", "994") })
	for _, pid := range sessionProcesses(t, os.Getpid()) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-ended:
		if !errors.Is(err, modules.ErrUnavailable) || errors.Is(err, modules.ErrFunction) {
			t.Errorf("got %v, want to be told that the engine was lost", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the call does not end")
	}
	await(t, "the container is gone", time.Minute, func() bool { return !running("sleep", "994") })
}

func TestClosedSession(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"shared"}, nil)
	s, err := e.Open(t.Context(), engine.Run{Tree: enginetest.Tree(dir), Module: "shared"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := s.Call(t.Context(), bind(t, s, "name", nil), nil); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if pids := sessionProcesses(t, os.Getpid()); len(pids) != 0 {
		t.Errorf("sessions are left: %v", pids)
	}
}

// TestKilled kills a process like the agent, without warning, while a container
// of its runs.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("POCKETCI_TEST_KILLED"); dir != "" {
		s := open(t, enginetest.Start(t), engine.Run{Tree: enginetest.Tree(dir), Module: "steps"})
		fmt.Println("ready")
		_, err := s.Call(t.Context(), bind(t, s, "sleep", map[string]modules.Value{"src": source}), nil)
		t.Fatalf("the call ended: %v", err)
	}
	dir := repository(t, []string{"steps"}, nil)
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$", "-test.v")
	cmd.Env = append(os.Environ(), "POCKETCI_TEST_KILLED="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
	}
	await(t, "the container starts", 60*time.Second, func() bool { return running("sleep", "997") })
	pids := sessionProcesses(t, cmd.Process.Pid)
	if len(pids) != 1 {
		t.Fatalf("sessions: %v", pids)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	start := time.Now()
	await(t, "the session is gone", 10*time.Second, func() bool { return syscall.Kill(pids[0], 0) != nil })
	await(t, "the container is gone", time.Minute, func() bool { return !running("sleep", "997") })
	t.Logf("everything was gone after %s", time.Since(start))
}

// An argument of a git type that is left out takes the repository's own
// history, which is uploaded only then.
func TestGitByDefault(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, nil, map[string]string{
		"ci/dagger.json": `{"name": "ci", "engineVersion": "v0.21.8", "sdk": {"source": "dang"}}`,
		"ci/main.dang": `type Ci {
  pub head(ref: GitRef! @defaultPath(path: ".")): String! { ref.commit }
  pub readme(file: File! @defaultPath(path: "../README.md")): String! { file.contents }
  pub outside(dir: Directory! @defaultPath(path: "../../..")): [String!]! { dir.entries }
}
`,
		"README.md": "read me",
	})
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=Test", "-c", "user.email=test@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	git("add", "ci", "README.md")
	git("commit", "-q", "-m", "first")
	s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "ci"})
	if got, want := call(t, s, "head", nil), git("rev-parse", "HEAD"); got != want {
		t.Errorf("head is %s, want %s", got, want)
	}
	if got := call(t, s, "readme", nil); got != "read me" {
		t.Errorf("got %q", got)
	}
	_, err := s.Call(t.Context(), bind(t, s, "outside", nil), nil)
	var refused *engine.ArgError
	if !errors.As(err, &refused) || refused.Argument != "dir" {
		t.Errorf("got %v, want an ArgError for dir", err)
	}
}
