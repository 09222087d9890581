package apply_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/converge/apply"
)

// host is a directory that patterns are applied to, with what is known of it.
type host struct {
	t       *testing.T
	dir     string
	journal apply.Journal
	applier *apply.Applier
	keep    bool
	env     []string
	stdin   []byte
	runs    int
}

func newHost(t *testing.T) *host {
	h := &host{t: t, dir: t.TempDir(), journal: apply.Journal{Path: filepath.Join(t.TempDir(), "state.json")}}
	h.applier = &apply.Applier{
		Host: apply.Host{Dir: h.dir, Env: []string{"PATH=" + os.Getenv("PATH")}, Timeout: time.Minute},
		Save: h.journal.Save,
		Log:  slog.New(slog.DiscardHandler),
	}
	return h
}

func (h *host) order(yaml string) *apply.Order {
	h.runs++
	return &apply.Order{
		ID: fmt.Sprint("run-", h.runs), Trigger: "test", Pattern: yaml, Commands: commands(h.t, yaml),
		Keep: h.keep, Env: h.env, Stdin: h.stdin, Now: time.Now,
	}
}

// apply applies a pattern as a process does that was just started.
func (h *host) apply(yaml string) apply.Result {
	h.t.Helper()
	state, err := h.journal.Load()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.applier.Apply(h.t.Context(), h.t.Context(), state, h.order(yaml)); err != nil {
		h.t.Fatal(err)
	}
	return state.Last.Result
}

func (h *host) preview(yaml string) apply.Result {
	h.t.Helper()
	state, err := h.journal.Load()
	if err != nil {
		h.t.Fatal(err)
	}
	got, err := h.applier.Preview(h.t.Context(), state, h.order(yaml))
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

func (h *host) files() []string {
	h.t.Helper()
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (h *host) read(name string) string {
	h.t.Helper()
	data, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(data)
}

func (h *host) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// step is a pattern that is applied, and what has to come of it.
type step struct {
	pattern          string
	before           func(*host)
	changed, removed []string
	err              string
	exit             int
	files            []string
}

const (
	writeAndCopy = `commands:
- {id: write a file, always: true, change: echo $NAME > hostname, on-change: [copy file], remove: rm hostname}
- {id: copy file, change: cp hostname hostname2, remove: rm hostname2}`
	newFile = `commands:
- {id: write a new file, check: test -e newfile, change: echo new > newfile, remove: rm newfile}`
)

func TestApply(t *testing.T) {
	for name, steps := range map[string][]step{
		"the tutorial": {
			{pattern: writeAndCopy, changed: []string{"write a file", "copy file"}, files: []string{"hostname", "hostname2"}},
			{pattern: newFile, changed: []string{"write a new file"}, removed: []string{"copy file", "write a file"}, files: []string{"newfile"}},
			{pattern: newFile, files: []string{"newfile"}},
			{pattern: newFile, before: func(h *host) { os.Remove(filepath.Join(h.dir, "newfile")) }, changed: []string{"write a new file"}, files: []string{"newfile"}},
			{pattern: `commands: []`, removed: []string{"write a new file"}},
		},
		"what is not there is not removed": {
			{pattern: newFile, changed: []string{"write a new file"}, files: []string{"newfile"}},
			{pattern: `commands: []`, before: func(h *host) { os.Remove(filepath.Join(h.dir, "newfile")) }},
		},
		"what was there before is adopted": {
			{pattern: newFile, before: func(h *host) { h.write("newfile", "") }, files: []string{"newfile"}},
			{pattern: `commands: []`, removed: []string{"write a new file"}},
		},
		"what was never triggered is not removed": {
			{pattern: "commands:\n- {id: a, check: 'true', change: touch a, on-change: [b]}\n- {id: b, change: touch b, remove: rm b}"},
			{pattern: `commands: []`},
		},
		"changed again when it is written otherwise": {
			{pattern: `commands: [{id: a, check: test -e a, change: echo 1 > a, remove: rm a}]`, changed: []string{"a"}, files: []string{"a"}},
			{pattern: `commands: [{id: a, check: test -e a, change: echo 2 > a, remove: rm a}]`, changed: []string{"a"}, removed: []string{"a"}, files: []string{"a"}},
			{pattern: `commands: [{id: a, check: test -e a, change: echo 2 > a, remove: rm a}]`, files: []string{"a"}},
		},
		"the old remove runs, not the new one": {
			{pattern: `commands: [{id: a, always: true, change: touch a, remove: rm a && touch old}]`, changed: []string{"a"}, files: []string{"a"}},
			{pattern: `commands: [{id: a, always: true, change: touch b, remove: rm b && touch new}]`, changed: []string{"a"}, removed: []string{"a"}, files: []string{"b", "old"}},
		},
		"a remove that was written otherwise in time": {
			{pattern: `commands: [{id: a, check: test -e a, change: touch a, remove: 'false'}]`, changed: []string{"a"}, files: []string{"a"}},
			{pattern: `commands: [{id: a, check: test -e a, change: touch a, remove: rm a}]`, files: []string{"a"}},
			{pattern: `commands: []`, removed: []string{"a"}},
		},
		"a check that cannot be run is no answer": {
			{pattern: `commands: [{id: a, check: [/nonexistent/program], change: touch a}]`, err: `check of "a": start /nonexistent/program`, exit: 1},
		},
		"a check that takes too long is no answer": {
			{pattern: `commands: [{id: a, check: sleep 60, timeout: 100ms, change: touch a}]`, err: `check of "a": it took longer than 100ms`, exit: 1},
		},
		"a change that fails ends the run": {
			{
				pattern: `commands: [{id: a, always: true, change: touch a}, {id: b, always: true, change: echo no >&2; exit 7}, {id: c, always: true, change: touch c}]`,
				changed: []string{"a"}, err: `change of "b": exit status 7: no`, exit: 7, files: []string{"a"},
			},
		},
		"what a failed change left behind is removed": {
			{pattern: `commands: [{id: a, always: true, change: touch a; exit 3, remove: rm a}]`, err: `change of "a": exit status 3`, exit: 3, files: []string{"a"}},
			{pattern: `commands: []`, removed: []string{"a"}},
		},
		"a failed change is made again though its check is content": {
			{pattern: `commands: [{id: a, check: test -e a, change: touch a; test -e b}]`, err: `change of "a": exit status 1`, exit: 1, files: []string{"a"}},
			{pattern: `commands: [{id: a, check: test -e a, change: touch a; test -e b}]`, before: func(h *host) { h.write("b", "") }, changed: []string{"a"}, files: []string{"a", "b"}},
			{pattern: `commands: [{id: a, check: test -e a, change: touch a; test -e b}]`, files: []string{"a", "b"}},
		},
		"on-fail": {
			{
				pattern: `commands: [{id: a, always: true, change: exit 4, on-fail: [c]}, {id: b, always: true, change: touch b}, {id: c, change: touch c}]`,
				changed: []string{"c"}, err: `change of "a": exit status 4`, exit: 4, files: []string{"c"},
			},
			{pattern: `commands: [{id: a, always: true, change: touch a, on-fail: [c]}, {id: b, always: true, change: touch b}, {id: c, change: touch c; touch d}]`, changed: []string{"a", "b", "c"}, files: []string{"a", "b", "c", "d"}},
		},
		"what handles a failure and fails is not made again": {
			{
				pattern: `commands: [{id: a, always: true, change: test -e ok, on-fail: [c]}, {id: c, change: exit 5}]`,
				err:     `change of "a": exit status 1`, exit: 1,
			},
			{pattern: `commands: [{id: a, always: true, change: test -e ok, on-fail: [c]}, {id: c, change: exit 5}]`, before: func(h *host) { h.write("ok", "") }, changed: []string{"a"}, files: []string{"ok"}},
		},
		"a trigger is not lost when the run fails before it": {
			{
				pattern: `commands: [{id: a, check: test -e a, change: touch a, on-change: [c]}, {id: b, check: test -e b}, {id: c, change: touch c}]`,
				changed: []string{"a"}, err: `check of "b": exit status 1, and it has no change`, exit: 1, files: []string{"a"},
			},
			{
				pattern: `commands: [{id: a, check: test -e a, change: touch a, on-change: [c]}, {id: b, check: test -e b}, {id: c, change: touch c}]`,
				before:  func(h *host) { h.write("b", "") }, changed: []string{"c"}, files: []string{"a", "b", "c"},
			},
		},
		"a remove that fails ends the run before any change": {
			{pattern: `commands: [{id: a, always: true, change: touch a, remove: exit 9}]`, changed: []string{"a"}, files: []string{"a"}},
			{pattern: newFile, err: `remove of "a": exit status 9`, exit: 9, files: []string{"a"}},
			{pattern: newFile, err: `remove of "a": exit status 9; its remove had begun before`, exit: 9, files: []string{"a"}},
		},
		"remove-after": {
			{pattern: `commands: [{id: a, always: true, change: echo 1 >> log, remove: echo -1 >> log, remove-after: true}]`, changed: []string{"a"}, files: []string{"log"}},
			{
				pattern: `commands: [{id: a, always: true, change: echo 2 >> log, remove: echo -2 >> log}, {id: look, always: true, change: test "$(tail -1 log)" = 2}]`,
				changed: []string{"a", "look"}, removed: []string{"a"}, files: []string{"log"},
			},
		},
		"on-remove": {
			{pattern: `commands: [{id: a, check: test -e a, change: touch a, remove: touch gone}, {id: b, check: test -e b, change: touch b, remove: rm b, on-remove: [a]}]`, changed: []string{"a", "b"}, files: []string{"a", "b"}},
			{pattern: `commands: []`, before: func(h *host) { os.Remove(filepath.Join(h.dir, "a")) }, removed: []string{"b", "a"}, files: []string{"gone"}},
		},
		"always removes whatever the check says": {
			{pattern: `commands: [{id: a, check: test -e a, always: true, change: touch b, remove: rm b}]`, changed: []string{"a"}, files: []string{"b"}},
			{pattern: `commands: []`, removed: []string{"a"}},
		},
		"a group": {
			{
				pattern: "commands:\n- {id: a, check: test -e a, change: touch a, on-change: [g]}\n- id: g\n  dir: sub\n  commands:\n  - {id: b, change: touch b, on-change: [c], remove: rm b}\n  - {id: c, change: touch c, remove: rm c}",
				before:  func(h *host) { os.Mkdir(filepath.Join(h.dir, "sub"), 0o755) },
				changed: []string{"a", "b", "c"}, files: []string{"a", "sub"},
			},
			{pattern: `commands: []`, removed: []string{"c", "b"}, files: []string{"a", "sub"}},
		},
		"a list of arguments is no shell": {
			{pattern: `commands: [{id: a, always: true, change: [touch, '$(date); rm -rf *']}]`, changed: []string{"a"}, files: []string{"$(date); rm -rf *"}},
		},
		"an exec": {
			{pattern: `{exec: [env, X=1, sh, -c], commands: [{id: a, always: true, change: touch a$X}]}`, changed: []string{"a"}, files: []string{"a1"}},
		},
		"an environment": {
			{pattern: `{env: {A: "1", B: "2"}, commands: [{id: a, always: true, env: {B: "3"}, change: 'touch $A$B$POCKETCI_MODE$POCKETCI_COMMAND'}]}`, changed: []string{"a"}, files: []string{"13changea"}},
		},
		"an input": {
			{pattern: "commands: [{id: a, always: true, stdin: \"text\\n\", change: read x; touch $x}]", changed: []string{"a"}, files: []string{"text"}},
		},
		"results in variables": {
			{
				pattern: `commands: [{id: a, check: 'echo old; false', change: echo new, env-prefix: A}, {id: b, always: true, change: 'touch "$A-$A_CHECK-$A_CHANGE-$A_CHANGE_OUT"'}]`,
				changed: []string{"a", "b"}, files: []string{"old-0-1-new"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			for i, s := range steps {
				if s.before != nil {
					s.before(h)
				}
				dry := h.preview(s.pattern)
				if diff := cmp.Diff(h.preview(s.pattern), dry, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Seconds" }, cmp.Ignore())); diff != "" {
					t.Errorf("step %d: a preview changes something:\n%s", i, diff)
				}
				got := h.apply(s.pattern)
				want := apply.Result{Changed: append([]string{}, s.changed...), Removed: append([]string{}, s.removed...), Exit: s.exit}
				if !strings.HasPrefix(got.Err, s.err) || s.err == "" && got.Err != "" {
					t.Errorf("step %d: error %q, want %q", i, got.Err, s.err)
				}
				if diff := cmp.Diff([]any{want.Changed, want.Removed, want.Exit}, []any{got.Changed, got.Removed, got.Exit}); diff != "" {
					t.Errorf("step %d: changed, removed, exit (-want +got):\n%s", i, diff)
				}
				if s.err == "" && (!slices.Equal(dry.Changed, got.Changed) || !slices.Equal(dry.Removed, got.Removed)) {
					t.Errorf("step %d: the preview says %v and %v, the run %v and %v", i, dry.Changed, dry.Removed, got.Changed, got.Removed)
				}
				if diff := cmp.Diff(append([]string{}, s.files...), h.files()); diff != "" {
					t.Errorf("step %d: files (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}
