package doctest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/store"
)

// served starts an agent and makes the shell talk to it with a key that may do
// everything. It returns the agent's store.
func (s *shell) served() *store.Store {
	s.t.Helper()
	data := s.t.TempDir()
	a := startAgent(s.t, append(s.env, "X_HUB_SIGNATURE=a-webhook-secret", "POCKETCI_LISTEN=127.0.0.1:0", "POCKETCI_DATA_DIR="+data,
		"POCKETCI_CLONE_SCHEME=http", "POCKETCI_CONFIG="))
	s.t.Cleanup(a.stop)
	db, err := store.Open(s.t.Context(), store.Options{DataDir: data})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { db.Close() })
	_, key, err := db.CreateKey(s.t.Context(), store.NewKey{Name: "reader", Scope: store.KeyScopeAdmin}, store.Actor{Person: "test"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.env = append(s.env, "POCKETCI_SERVER="+a.url, "POCKETCI_KEY="+key)
	return db
}

// contains checks what a block of a page printed.
func (s *shell) contains(out string, want ...string) {
	s.t.Helper()
	for _, text := range want {
		if !strings.Contains(out, text) {
			s.t.Errorf("it printed no %q:\n%s", text, out)
		}
	}
}

// docs/modules.md, word for word, on the real engine.
func TestModulesPage(t *testing.T) {
	if testing.Short() {
		t.Skip("needs an engine")
	}
	page := readPage(t, "docs/modules.md")
	blocks, text := page.blocksOf("sh"), page.blocksOf("text")
	if len(blocks) != 5 || len(text) != 1 {
		t.Fatalf("%s has %d blocks of commands and %d of output, want 5 and 1", page.name, len(blocks), len(text))
	}
	s := newShell(t)
	s.served()
	s.must("", blocks[0].text)
	if out := s.must("", blocks[1].text); out != text[0].text {
		t.Errorf("it printed\n%s\nwant\n%s", out, text[0].text)
	}
	s.contains(s.must("", blocks[2].text), ".:greet returns String!", "name ", "required", ".:greet  succeeded")
	s.contains(s.must("", blocks[3].text), "greeter is updated", ".:greet  succeeded", "wrote 2 files to copy", "renamed greeter to host", "called as .modules/host", "deleted host")
	s.contains(s.must("", blocks[4].text), `"change":"created"`)
}

// docs/manual.md, word for word.
func TestManualPage(t *testing.T) {
	if testing.Short() {
		t.Skip("needs an engine")
	}
	page := readPage(t, "docs/manual.md")
	blocks, text := page.blocksOf("sh"), page.blocksOf("text")
	if len(blocks) != 4 || len(text) != 2 {
		t.Fatalf("%s has %d blocks of commands and %d of output, want 4 and 2", page.name, len(blocks), len(text))
	}
	s := newShell(t)
	s.must("", blocks[0].text)
	out := s.must("hello", blocks[1].text)
	s.contains(out, text[0].text, "one of PRODUCTION, TEST; required", "a path; required", "ci:release  succeeded", "1.2: Faster.")

	// The agent knows the repository by a push.
	db := s.served()
	server := gittest.NewServer(t)
	server.Repo("you/hello")
	s.must("hello", "git push -q "+server.CloneURL("you/hello")+" main")
	push := events.Event{
		ID: events.NewID(), Vendor: events.VendorGithub, Name: events.NamePush, Kind: events.NamePush, Filter: "main", Ref: "refs/heads/main", Branch: "main",
		SHA:        strings.TrimSpace(s.must("hello", "git rev-parse HEAD")),
		Repository: &events.Repository{FullName: "you/hello", CloneURL: server.CloneURL("you/hello"), DefaultBranch: "main"},
		Sender:     "mona", Trusted: true, Payload: []byte("{}"),
	}
	if _, err := db.Accept(t.Context(), store.Delivery{Event: push}); err != nil {
		t.Fatal(err)
	}
	s.contains(s.must("hello", blocks[2].text), "ci:release", "stage CiStage!", "ci:release  succeeded", "--version 1.2")
	s.contains(s.must("hello", blocks[3].text), "ci:release  succeeded", "--version 1.3")
	cause, err := os.ReadFile(filepath.Join(s.dir, "hello", "cause"))
	if err != nil {
		t.Fatal(err)
	}
	latest, err := db.LatestEvent(t.Context(), "you/hello")
	if err != nil || latest.Cause != strings.TrimSpace(string(cause)) || latest.Depth != 1 {
		t.Errorf("the last event is %+v (%v), want the cause %s", latest.Event, err, cause)
	}
	out, err = s.run("hello", "pocketci call release --repo you/hello --ref main --arg version=1.2 --arg stage=LATER --arg notes=docs/notes.md 2>&1")
	if err == nil || !strings.Contains(out, strings.TrimSpace(text[1].text)) {
		t.Errorf("a wrong argument: %v, want\n%s", err, text[1].text)
	}
}
