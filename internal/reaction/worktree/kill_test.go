package worktree_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/reaction"
	"github.com/franela/pocketci/internal/reaction/worktree"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

// The variables that make the test binary an agent that is to be killed.
const (
	envData   = "POCKETCI_TEST_MIRROR_DATA"
	envConfig = "POCKETCI_TEST_MIRROR_CONFIG"
	envKey    = "POCKETCI_TEST_MIRROR_KEY"
	envKnown  = "POCKETCI_TEST_MIRROR_KNOWN"
)

func TestMain(m *testing.M) {
	if os.Getenv(envData) != "" {
		if err := victim(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// victim keeps mirrors until it is killed.
func victim() error {
	s, err := store.Open(context.Background(), store.Options{DataDir: os.Getenv(envData), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	conf, err := settings.Parse("agent.yaml", []byte(os.Getenv(envConfig)))
	if err != nil {
		return err
	}
	host := worktree.NewHost(reaction.Config{
		Store: s, Agent: "here", Log: slog.New(slog.DiscardHandler),
		Aim: func(context.Context, settings.Target, *events.Event) error { return nil },
	})
	_, commit, err := host.Prepare(conf, worktree.Environment{
		KnownHosts: []string{os.Getenv(envKnown)},
		Secret:     func(settings.Secret) (string, error) { return os.Getenv(envKey), nil },
	})
	if err != nil {
		return err
	}
	commit()
	host.Run(context.Background())
	return errors.New("it ended by itself")
}

// startVictim starts one. The function kills it, and returns when it is gone.
func startVictim(t *testing.T, env ...string) (kill func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		exit, _ := errors.AsType[*exec.ExitError](cmd.Wait())
		if exit == nil || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("the agent was not killed: %v", exit)
		}
	}
}

func TestKilledWhileItFetches(t *testing.T) {
	server := gittest.NewSSHD(t)
	repo := server.Repo("acme/shop")
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	sha := repo.Commit("main", "large", gittest.Write("large", string(noise)), gittest.Write("a", "1"))
	data, home := t.TempDir(), t.TempDir()
	known := filepath.Join(home, "known_hosts")
	writeFile(t, known, server.KnownHosts)
	config := fmt.Sprintf("mirrors: [{name: shop, url: %q, directory: %q, branch: main, ssh-key: {from-env: KEY}, retry-count: 1}]",
		server.CloneURL("acme/shop"), filepath.Join(home, "shop"))
	// In the temporary directory is the socket of a killed agent, no more.
	t.Setenv("TMPDIR", shortDir(t))
	held := server.Hold(300_000)
	kill := startVictim(t, envData+"="+data, envConfig+"="+config, envKey+"="+server.Key, envKnown+"="+known)
	<-held
	kill()
	server.Hold(0)
	// The git of the killed agent still waits for the server, and must not be
	// worked beside.
	a := newAgent(t, openStore(t, data), "here")
	a.configure(config, map[string]string{"KEY": server.Key}, known)
	for _, group := range groupsIn(t, filepath.Join(home, "shop")) {
		// As a service manager does. Without one ssh gives the server up after a
		// minute.
		if err := syscall.Kill(-group, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	a.run()
	_, payload := a.last("updated", "shop", 1)
	if payload["sha"] != sha {
		t.Errorf("told %v", payload)
	}
	if left, err := filepath.Glob(filepath.Join(home, "shop/.git/objects/pack/tmp_*")); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	for _, entry := range []string{"config", "HEAD"} {
		content, err := os.ReadFile(filepath.Join(home, "shop/.git", entry))
		if err != nil || strings.Contains(string(content), "PRIVATE") {
			t.Errorf("%s is %s, %v", entry, content, err)
		}
	}
}

// groupsIn are the groups of processes of the gits that work on a directory.
func groupsIn(t *testing.T, dir string) (found []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(env), "GIT_DIR="+dir+"/.git\x00") {
			continue // it has ended, or is another's
		}
		var pid int
		if _, err := fmt.Sscanf(file, "/proc/%d/", &pid); err != nil {
			t.Fatal(err)
		}
		if group, err := syscall.Getpgid(pid); err == nil && !slices.Contains(found, group) {
			found = append(found, group)
		}
	}
	if len(found) == 0 {
		t.Error("the git of the killed agent is not there")
	}
	return found
}

// Whenever the agent is killed, the next one has the directory right, touches the
// trigger and tells of it.
func TestKilledAtAnyTime(t *testing.T) {
	t.Parallel()
	rounds := 6
	if text := os.Getenv("POCKETCI_CRASH_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil || rounds < 1 {
			t.Fatalf("POCKETCI_CRASH_ROUNDS is %q", text)
		}
	}
	for name, atomic := range map[string]string{"plain": "false", "atomic": "true, keep: 0s"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo := gittest.NewRepo(t)
			data, home := t.TempDir(), t.TempDir()
			trigger := filepath.Join(home, "trigger")
			config := fmt.Sprintf("mirrors: [{name: shop, url: %q, directory: %q, branch: main, trigger: %q, every: 1s, atomic: %s}]",
				"file://"+repo.Dir, filepath.Join(home, "shop"), trigger, atomic)
			content := func(n int) []gittest.Edit {
				var edits []gittest.Edit
				for i := range 200 {
					edits = append(edits, gittest.Write(fmt.Sprintf("d%d/f%d", i%10, i), fmt.Sprint(n)))
				}
				return edits
			}
			sha := ""
			for n := range rounds {
				sha = repo.Commit("main", "next", content(n)...)
				kill := startVictim(t, envData+"="+data, envConfig+"="+config)
				time.Sleep(time.Duration(20+rand.IntN(200)) * time.Millisecond)
				kill()
			}
			past := time.Now().Add(-time.Hour)
			_ = os.Chtimes(trigger, past, past) // it may not be there
			a := newAgent(t, openStore(t, data), "here")
			before := len(a.told("updated", "shop"))
			var known string
			if before > 0 {
				_, payload := a.last("updated", "shop", before)
				known, _ = payload["sha"].(string)
			}
			a.configure(config, nil)
			a.run()
			if known != sha {
				_, payload := a.last("updated", "shop", before+1)
				info, err := os.Stat(trigger)
				if err != nil || !info.ModTime().After(past) || payload["touched"] != true || payload["sha"] != sha {
					t.Errorf("told %v, the trigger is %v, %v", payload, info, err)
				}
			}
			a.quiet()
			for i := range 200 {
				path := filepath.Join(home, "shop", fmt.Sprintf("d%d/f%d", i%10, i))
				if got, err := os.ReadFile(path); err != nil || string(got) != strconv.Itoa(rounds-1) {
					t.Fatalf("%s is %q, %v", path, got, err)
				}
			}
			if atomic != "false" {
				left, err := os.ReadDir(filepath.Join(home, ".shop.mirror", "trees"))
				if err != nil || len(left) != 3 {
					t.Errorf("left are %v, %v", left, err)
				}
			}
		})
	}
}
