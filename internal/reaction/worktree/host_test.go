package worktree_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/reaction"
	"github.com/franela/pocketci/internal/reaction/worktree"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

// agent is a host with its mirrors, and a store that it may share with others.
type agent struct {
	t     *testing.T
	store *store.Store
	host  *worktree.Host
	log   *safeBuffer
	end   context.CancelFunc
	ended chan struct{}
}

// safeBuffer is a log that several goroutines write to.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func openStore(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DataDir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newAgent(t *testing.T, s *store.Store, name string) *agent {
	t.Helper()
	a := &agent{t: t, store: s, log: &safeBuffer{}, ended: make(chan struct{})}
	a.host = worktree.NewHost(reaction.Config{
		Store: s, Agent: name, Log: slog.New(slog.NewTextHandler(a.log, nil)),
		Aim: func(_ context.Context, target settings.Target, e *events.Event) error {
			if target.Repository != "" {
				e.Repository = &events.Repository{FullName: target.Repository, CloneURL: "https://git.example.com/" + target.Repository + ".git"}
			}
			return nil
		},
	})
	return a
}

// run runs the agent until the test ends or end is called.
func (a *agent) run() {
	ctx, cancel := context.WithCancel(context.Background())
	a.end = sync.OnceFunc(func() {
		cancel()
		<-a.ended
	})
	go func() {
		defer close(a.ended)
		a.host.Run(ctx)
	}()
	a.t.Cleanup(a.end)
}

// configure puts an agent.yaml into force. Secrets are variables whose values are
// given.
func (a *agent) configure(yaml string, variables map[string]string, known ...string) {
	a.t.Helper()
	if err := a.tryConfigure(yaml, variables, known...); err != nil {
		a.t.Fatal(err)
	}
}

func (a *agent) tryConfigure(yaml string, variables map[string]string, known ...string) error {
	a.t.Helper()
	conf, err := settings.Parse("agent.yaml", []byte(yaml))
	if err != nil {
		return err
	}
	_, commit, err := a.host.Prepare(conf, worktree.Environment{
		KnownHosts: known,
		Secret: func(s settings.Secret) (string, error) {
			if value := variables[s.Env]; value != "" {
				return value, nil
			}
			return "", errors.New("it is not set")
		},
	})
	if err == nil {
		commit()
	}
	return err
}

// until waits for something that the store tells of.
func (a *agent) until(what string, holds func() bool) {
	a.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.t.Fatalf("%s: not within a minute\n%s", what, a.log)
		}
	}
}

// told are the events of a mirror, the latest last.
func (a *agent) told(name, mirror string) (found []store.Event) {
	a.t.Helper()
	list, err := a.store.Events(context.Background(), store.EventFilter{Vendor: events.VendorMirror, Name: name, Filter: mirror, Limit: 1000})
	if err != nil {
		a.t.Fatal(err)
	}
	for i := range list {
		e, err := a.store.Event(context.Background(), list[len(list)-1-i].ID)
		if err != nil {
			a.t.Fatal(err)
		}
		found = append(found, e)
	}
	return found
}

// last is what the latest event of a mirror says, after so many.
func (a *agent) last(name, mirror string, many int) (store.Event, map[string]any) {
	a.t.Helper()
	a.until(fmt.Sprintf("event %d, %s, of the mirror %s", many, name, mirror), func() bool { return len(a.told(name, mirror)) >= many })
	all := a.told(name, mirror)
	if len(all) > many {
		a.t.Errorf("%s of %s was told %d times, want %d", name, mirror, len(all), many)
	}
	e := all[len(all)-1]
	var payload map[string]any
	if err := json.Unmarshal(e.Payload, &payload); err != nil {
		a.t.Fatal(err)
	}
	return e, payload
}

// push stores the event of a push, as a forge tells of it.
func (a *agent) push(cloneURL, ref, sha string) string {
	a.t.Helper()
	e := events.Event{
		ID: events.NewID(), Delivery: events.NewID(), Vendor: events.VendorGitea, Name: events.NamePush, Kind: events.NamePush, Ref: ref, SHA: sha, Trusted: true,
		Repository: &events.Repository{FullName: "acme/shop", CloneURL: cloneURL}, Payload: []byte("{}"),
	}
	d := store.Delivery{Event: e, Hook: "gitea"}
	if sha == "" {
		d.Skip = "the ref was deleted"
	}
	if _, err := a.store.Accept(context.Background(), d); err != nil {
		a.t.Fatal(err)
	}
	return e.ID
}

// quiet waits until no mirror has anything to do.
func (a *agent) quiet() {
	a.t.Helper()
	a.until("all mirrors are idle", func() bool {
		list, err := a.host.Statuses(context.Background())
		if err != nil {
			a.t.Fatal(err)
		}
		for _, s := range list {
			if s.State != nil && s.State.Phase != reaction.PhaseIdle {
				return false
			}
		}
		return true
	})
}

func TestHostOverSSH(t *testing.T) {
	server := gittest.NewSSHD(t)
	repo := server.Repo("acme/shop")
	first := repo.Commit("main", "first", gittest.Write("a", "1"))
	home := t.TempDir()
	dir, trigger := filepath.Join(home, "shop"), filepath.Join(home, "trigger")
	variables := map[string]string{"KEY": server.EncryptedKey, "PASSPHRASE": server.Passphrase}
	known := filepath.Join(home, "known_hosts")
	writeFile(t, known, server.KnownHosts)
	yaml := fmt.Sprintf(`mirrors:
  - name: shop
    url: %s
    directory: %s
    branch: main
    ssh-key: {from-env: KEY}
    passphrase: {from-env: PASSPHRASE}
    trigger: %s
    retry-count: 2
    retry-delay: 0s
    calls: acme/deploy
`, server.CloneURL("acme/shop"), dir, trigger)

	a := newAgent(t, openStore(t, t.TempDir()), "here")
	if err := a.tryConfigure(yaml, map[string]string{"KEY": server.EncryptedKey, "PASSPHRASE": "hunter2"}, known); err == nil ||
		!strings.Contains(err.Error(), "agent.yaml:2: mirror shop: ssh-key: the passphrase does not open the key") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("another passphrase: %v", err)
	}
	a.configure(yaml, variables, known)
	a.run()
	e, payload := a.last("updated", "shop", 1)
	if payload["sha"] != first || payload["changed"] != true || payload["touched"] != true || payload["before"] != nil || e.Cause != "" ||
		e.Repository.FullName != "acme/deploy" || e.Filter != "shop" || e.OccurredAt.IsZero() {
		t.Errorf("after the start it told %s of %+v", e.Payload, e.Event)
	}
	if _, err := os.Stat(trigger); err != nil {
		t.Error(err)
	}
	a.quiet()

	// A push, as the forge tells of it by its address for https.
	const https = "https://127.0.0.1/Acme/Shop.git"
	second := repo.Commit("main", "second", gittest.Write("a", "2"))
	cause := a.push(https, "refs/heads/main", second)
	e, payload = a.last("updated", "shop", 2)
	if payload["sha"] != second || payload["before"] != first || e.Cause != cause || e.Depth != 1 {
		t.Errorf("after a push it told %s of %+v", e.Payload, e.Event)
	}

	// Pushes of something else do not have it look.
	a.quiet()
	served := server.Served()
	a.push(https, "refs/heads/other", second)
	a.push(https, "refs/tags/main", second)
	a.push("https://example.com/acme/shop.git", "refs/heads/main", second)
	// One that does, and brings nothing.
	repo.Branch("other", first)
	a.push(https, "refs/heads/main", second)
	a.until("the push is looked at", func() bool { return server.Served() > served })
	a.quiet()
	if got := server.Served() - served; got != 1 {
		t.Errorf("it looked %d times", got)
	}
	a.last("updated", "shop", 2)

	// Whoever deletes the branch does not delete the files, and is told of.
	repo.Delete("main")
	cause = a.push(https, "refs/heads/main", "")
	e, payload = a.last("failed", "shop", 1)
	if payload["reason"] != "the ref is gone" || e.Cause != cause || payload["sha"] != nil {
		t.Errorf("after the deletion it told %s of %+v", e.Payload, e.Event)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(data) != "2" {
		t.Errorf("a is %q, %v", data, err)
	}
	list, err := a.host.Statuses(t.Context())
	if err != nil || len(list) != 1 || list[0].Have.SHA != second || !strings.Contains(list[0].Error, "has no refs/heads/main") || list[0].State.Failures == 0 {
		t.Errorf("statuses are %+v, %v", list, err)
	}

	// The network is lost, and comes back.
	repo.Branch("main", first)
	server.Away(true)
	cause = a.push(https, "refs/heads/main", first)
	_, payload = a.last("failed", "shop", 2)
	if payload["reason"] != "server unavailable" {
		t.Errorf("told %v", payload)
	}
	server.Away(false)
	e, payload = a.last("updated", "shop", 3)
	if payload["sha"] != first || e.Cause != cause {
		t.Errorf("when the network is back it told %v of %+v", payload, e.Event)
	}

	// Another key of the host.
	a.quiet()
	other := gittest.NewSSHD(t)
	_, key, _ := strings.Cut(other.KnownHosts, " ")
	host, _, _ := strings.Cut(server.KnownHosts, " ")
	writeFile(t, known, host+" "+key)
	third := repo.Commit("main", "third", gittest.Write("a", "3"))
	a.push(https, "refs/heads/main", third)
	_, payload = a.last("failed", "shop", 3)
	if payload["reason"] != "access denied: the host key is not the one that is known" {
		t.Errorf("told %v", payload)
	}
	writeFile(t, known, server.KnownHosts)
	if err := a.host.Sync("shop", false); err != nil {
		t.Fatal(err)
	}
	a.last("updated", "shop", 4)

	// Asked for by a person.
	a.quiet()
	if err := a.host.Sync("shop", true); err != nil {
		t.Fatal(err)
	}
	_, payload = a.last("updated", "shop", 5)
	if payload["changed"] != false || payload["touched"] != true {
		t.Errorf("told %v", payload)
	}

	// A reload looks, heals and has nothing else to tell.
	a.quiet()
	writeFile(t, filepath.Join(dir, "a"), "edited")
	a.configure(strings.Replace(yaml, "    calls: acme/deploy\n", "", 1), variables, known)
	e, payload = a.last("updated", "shop", 6)
	if payload["sha"] != third || payload["before"] != third || e.Repository != nil {
		t.Errorf("after a reload it told %v of %+v", payload, e.Event)
	}
	a.quiet()
	a.configure(yaml, variables, known)
	a.quiet()
	a.last("updated", "shop", 6)

	// A restart knows what was achieved.
	a.end()
	b := newAgent(t, a.store, "here")
	b.configure(yaml, variables, known)
	fourth := repo.Commit("main", "while nobody was there", gittest.Write("a", "4"))
	b.run()
	_, payload = b.last("updated", "shop", 7)
	if payload["sha"] != fourth || payload["before"] != third {
		t.Errorf("after a restart it told %v", payload)
	}

	// Removed, it is forgotten, and its files stay.
	b.configure("", nil)
	b.until("it is forgotten", func() bool {
		list, err := b.host.Statuses(t.Context())
		return err == nil && len(list) == 0
	})
	if _, err := os.Stat(filepath.Join(dir, "a")); err != nil {
		t.Error(err)
	}
	for _, text := range []string{a.log.String(), b.log.String()} {
		if strings.Contains(text, server.Passphrase) || strings.Contains(text, "PRIVATE KEY") {
			t.Errorf("the log holds a secret: %s", text)
		}
	}
}

func TestChainOfMirrors(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", "first", gittest.Write("a", "1"))
	home := t.TempDir()
	a := newAgent(t, openStore(t, t.TempDir()), "here")
	a.configure(fmt.Sprintf(`mirrors:
  - {name: one, url: "file://%[2]s", directory: "%[1]s/one", branch: main, on: [gitea push]}
  - {name: two, url: "file://%[1]s/one", directory: "%[1]s/two", branch: main, on: [mirror updated one, mirror updated three], atomic: true, retry-count: 1}
  - {name: three, url: "file://%[2]s", directory: "%[1]s/three", branch: main, on: [mirror updated two]}
`, home, repo.Dir), nil)
	a.run()
	a.last("updated", "one", 1)
	a.last("updated", "two", 1)
	a.last("updated", "three", 1)
	a.quiet()
	second := repo.Commit("main", "second", gittest.Write("a", "2"))
	cause := a.push("file://"+repo.Dir, "refs/heads/main", second)
	one, _ := a.last("updated", "one", 2)
	two, payload := a.last("updated", "two", 2)
	three, _ := a.last("updated", "three", 2)
	if one.Cause != cause || one.Depth != 1 || two.Cause != one.ID || two.Depth != 2 || three.Cause != two.ID || three.Depth != 3 || payload["sha"] != second {
		t.Errorf("the chain is %+v, %+v, %+v", one.Event, two.Event, three.Event)
	}
	// The circle ends where nothing is new.
	a.quiet()
	a.last("updated", "two", 2)
	if data, err := os.ReadFile(filepath.Join(home, "two", "a")); err != nil || string(data) != "2" {
		t.Errorf("a is %q, %v", data, err)
	}
}

func TestTwoAgents(t *testing.T) {
	server := gittest.NewServer(t)
	repo := server.Repo("acme/shop")
	repo.Commit("main", "first", gittest.Write("a", "1"))
	shared := openStore(t, t.TempDir())
	agents := map[string]*agent{}
	for _, name := range []string{"here", "there"} {
		a := newAgent(t, shared, name)
		a.configure(fmt.Sprintf("mirrors: [{name: shop, url: %q, directory: %q, branch: main}]", server.URL+"/acme/shop.git", filepath.Join(t.TempDir(), "shop")), nil)
		a.run()
		agents[name] = a
	}
	here := agents["here"]
	here.last("updated", "shop", 2)
	second := repo.Commit("main", "second", gittest.Write("a", "2"))
	here.push(server.URL+"/acme/shop.git", "refs/heads/main", second)
	here.last("updated", "shop", 4)
	for name, a := range agents {
		a.quiet()
		list, err := a.host.Statuses(t.Context())
		if err != nil || len(list) != 2 || list[0].Agent != "here" || list[1].Agent != "there" || list[0].Have.SHA != second || list[1].Have.SHA != second {
			t.Fatalf("%s sees %+v, %v", name, list, err)
		}
		for _, s := range list {
			if (s.State != nil) != (s.Agent == name) {
				t.Errorf("%s sees %+v", name, s)
			}
		}
		if list[0].Have.Directory == list[1].Have.Directory {
			t.Error("both have one directory")
		}
	}
}
