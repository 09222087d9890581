package apply_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/converge/apply"
)

// A run that is cut off at any write of its state goes on and ends as if it had not
// been: what was done is not done again but for the one action whose end was not
// seen.
func TestCutOff(t *testing.T) {
	const (
		first = `commands:
- {id: a, check: grep -q a1 is, change: echo a1 >> is; echo +a1 >> log, remove: sed -i /a1/d is; echo -a1 >> log}
- {id: b, always: true, change: echo +b1 >> log, on-change: [c], remove: echo -b1 >> log}
- {id: c, change: echo +c1 >> log, remove: echo -c1 >> log}`
		second = `commands:
- {id: a, check: grep -q a2 is, change: echo a2 >> is; echo +a2 >> log, on-change: [d], remove: sed -i /a2/d is; echo -a2 >> log}
- {id: c, check: 'true', change: echo +c2 >> log, remove: echo -c2 >> log}
- {id: d, change: echo +d2 >> log, remove: echo -d2 >> log}`
	)
	want := []string{"+a1", "+b1", "+c1", "-c1", "-b1", "-a1", "+a2", "+c2", "+d2"}
	errCut := errors.New("the power is cut")
	for _, after := range []bool{false, true} {
		ended := false
		for cut := 1; !ended; cut++ {
			t.Run(fmt.Sprintf("write %d, after it %t", cut, after), func(t *testing.T) {
				h := newHost(t)
				h.write("is", "")
				h.apply(first)
				writes := 0
				h.applier.Save = func(s *apply.State) error {
					if writes++; writes < cut {
						return h.journal.Save(s)
					}
					if writes == cut && after {
						if err := h.journal.Save(s); err != nil {
							t.Fatal(err)
						}
					}
					return errCut
				}
				state, err := h.journal.Load()
				if err != nil {
					t.Fatal(err)
				}
				err = h.applier.Apply(t.Context(), t.Context(), state, h.order(second))
				ended = err == nil
				if err != nil && !errors.Is(err, errCut) {
					t.Fatal(err)
				}
				h.applier.Save = h.journal.Save
				got := h.apply(second)
				if got.Err != "" {
					t.Fatal(got.Err)
				}
				// Before the action the write says that it begins, after it
				// that it ended: cut off in between, it is made again.
				log := slices.Compact(strings.Fields(h.read("log")))
				if diff := cmp.Diff(want, log); diff != "" {
					t.Errorf("actions (-want +got):\n%s", diff)
				}
				if again := h.apply(second); len(again.Changed)+len(again.Removed) > 0 || again.Err != "" {
					t.Errorf("a run after that: %+v", again)
				}
			})
		}
	}
}

// A run that is told to stop does so between two commands and goes on later.
func TestStop(t *testing.T) {
	h := newHost(t)
	stop, cancel := context.WithCancel(t.Context())
	state := &apply.State{}
	h.applier.Count = func(apply.Outcome) { cancel() }
	err := h.applier.Apply(t.Context(), stop, state, h.order(writeAndCopy))
	if !errors.Is(err, apply.ErrStopped) || !slices.Equal(h.files(), []string{"hostname"}) {
		t.Fatalf("error %v, files %v", err, h.files())
	}
	h.applier.Count = nil
	got := h.apply(writeAndCopy)
	if !slices.Equal(got.Changed, []string{"write a file", "copy file"}) {
		t.Errorf("changed %v", got.Changed)
	}
}

// A run whose action is cut off goes on with it, and nothing of it is left running.
func TestCancel(t *testing.T) {
	h := newHost(t)
	ctx, cancel := context.WithCancel(t.Context())
	state := &apply.State{}
	// Whatever runs of the action holds the pipe open.
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	yaml := fmt.Sprintf(`commands: [{id: a, check: test -e a, change: 'exec >%s; touch a; (echo begun; sleep 600; touch b) & sleep 600; touch b'}]`, pipe)
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		r, err := os.Open(pipe)
		if err != nil {
			ended <- err
			return
		}
		defer r.Close()
		if _, err := io.ReadFull(r, make([]byte, len("begun\n"))); err != nil {
			ended <- err
			return
		}
		cancel()
		_, err = io.Copy(io.Discard, r)
		ended <- err
	}()
	if err := h.applier.Apply(ctx, t.Context(), state, h.order(yaml)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("something of it is left running")
	}
	state, err := h.journal.Load()
	if err != nil {
		t.Fatal(err)
	}
	if state.Run == nil || state.Pending["a"] == "" {
		t.Errorf("state %+v", state)
	}
	got := h.apply(`commands: [{id: a, check: test -e a, change: touch b}]`)
	if got.Err != "" || !slices.Equal(h.files(), []string{"a", "b"}) {
		t.Errorf("error %q, files %v", got.Err, h.files())
	}
}
