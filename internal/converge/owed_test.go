package converge_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/converge"
	"github.com/franela/pocketci/internal/converge/config"
	"github.com/franela/pocketci/internal/converge/pattern"
)

// process is the process of a host's configuration, as a part of the test. Its log is
// the host's.
func (h *host) process() *converge.Process {
	h.t.Helper()
	path, err := program()
	if err != nil {
		h.t.Fatal(err)
	}
	conf, err := config.Load(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	h.log = &transcript{}
	p, err := converge.New(converge.Options{
		Config: conf, Version: "test", Log: slog.New(slog.NewTextHandler(writer{h.log}, nil)),
		Renderer: &pattern.Renderer{Command: []string{path, "converge", "render"}, Time: time.Minute},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

type writer struct{ log *transcript }

func (w writer) Write(data []byte) (int, error) {
	w.log.add(strings.TrimSuffix(string(data), "\n"))
	return len(data), nil
}

const pulls = `
state-dir: {{state}}
keys: ["{{key}}"]
dir: {{dir}}
sources:
- {name: listen, pull: ["{{dir}}/first.jwt", "{{dir}}/second.jwt"], every: 1s, restore: false}
`

// A token whose pattern could not begin, because the disk was full, is no news to
// nobody: the next look has it begin.
func TestTokenThatIsKeptAndHasNotBegun(t *testing.T) {
	t.Parallel()
	h := newHost(t, pulls)
	h.write("first.jwt", h.sign(h.key, newFile))
	p := h.process()
	mend := p.LoseJournal("listen")
	if _, err := p.Once(t.Context()); err == nil || !strings.Contains(err.Error(), "write the state") {
		t.Fatalf("with a full disk: %v", err)
	}
	if slices.Contains(h.files(), "newfile") {
		t.Error("something was applied that could not be written down")
	}
	mend()
	for _, want := range []bool{true, false} {
		replies, err := p.Pull(t.Context(), "listen")
		if err != nil || (len(replies.Changed) == 1) != want || !slices.Contains(h.files(), "newfile") {
			t.Errorf("%+v (%v), files %v", replies, err, h.files())
		}
	}
	// And so it is after another pattern was applied in between.
	for _, c := range []struct {
		pattern string
		lost    bool
	}{{writeAndCopy, false}, {newFile, true}} {
		h.write("first.jwt", h.sign(h.key, c.pattern))
		if c.lost {
			mend := p.LoseJournal("listen")
			if _, err := p.Pull(t.Context(), "listen"); err == nil {
				t.Error("a full disk is no error")
			}
			mend()
		}
		if reply, err := p.Pull(t.Context(), "listen"); err != nil || reply.Run == "" {
			t.Errorf("%+v (%v)", reply, err)
		}
	}
	if slices.Contains(h.files(), "hostname") || !slices.Contains(h.files(), "newfile") {
		t.Errorf("the files are %v", h.files())
	}
}

// Whoever pushed it may send it once more.
func TestPushOfATokenThatHasNotBegun(t *testing.T) {
	t.Parallel()
	h := newHost(t, pushed)
	p := h.process()
	token := h.sign(h.key, newFile)
	mend := p.LoseJournal("listen")
	if _, err := p.Push(t.Context(), "listen", token); err == nil {
		t.Error("a full disk is no error")
	}
	mend()
	if reply, err := p.Push(t.Context(), "listen", token); err != nil || len(reply.Changed) != 1 || !slices.Equal(h.files(), []string{"newfile"}) {
		t.Errorf("%+v (%v), files %v", reply, err, h.files())
	}
	if reply, err := p.Push(t.Context(), "listen", token); err == nil {
		t.Errorf("what was applied is sent again: %+v", reply)
	}
}

// What is wrong with a place is said also if another one serves, once.
func TestPlacesBeforeTheOneThatServes(t *testing.T) {
	t.Parallel()
	h := newHost(t, pulls)
	h.write("second.jwt", h.sign(h.key, newFile))
	p := h.process()
	pull := func(want string, times int) {
		t.Helper()
		if _, err := p.Pull(t.Context(), "listen"); err != nil {
			t.Error(err)
		}
		if n := strings.Count(h.log.String(), "another one serves"); n != times || !strings.Contains(h.log.String(), want) {
			t.Errorf("it is said %d times, want %d and %q:\n%s", n, times, want, h.log)
		}
	}
	pull("first.jwt: no such file or directory", 1)
	pull("", 1)
	h.write("first.jwt", h.sign(h.stranger, newFile))
	pull("first.jwt: ", 2)
	pull("", 2)
	h.write("first.jwt", h.read("second.jwt"))
	pull("", 2)
	if err := os.Remove(filepath.Join(h.dir, "first.jwt")); err != nil {
		t.Fatal(err)
	}
	pull("", 3)
	if err := os.Remove(filepath.Join(h.dir, "second.jwt")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Pull(t.Context(), "listen"); err == nil || !strings.Contains(err.Error(), "first.jwt: no such") || !strings.Contains(err.Error(), "second.jwt: no such") {
		t.Errorf("got %v", err)
	}
}

func TestPauseAfterPullsThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		every    time.Duration
		failures int
		want     time.Duration
	}{
		"none":                {time.Second, 0, time.Second},
		"one":                 {time.Second, 1, time.Second},
		"two":                 {time.Second, 2, 2 * time.Second},
		"four":                {time.Second, 4, 8 * time.Second},
		"many":                {time.Second, 1 << 40, 16 * time.Second},
		"of long ones":        {time.Minute, 9, 5 * time.Minute},
		"of ones longer yet":  {time.Hour, 9, time.Hour},
		"of very short ones":  {50 * time.Millisecond, 9, 800 * time.Millisecond},
		"of the longest ones": {1 << 62, 9, 1 << 62},
	} {
		if got := converge.Pause(c.every, c.failures); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
