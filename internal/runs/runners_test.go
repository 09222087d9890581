package runs_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/modules/engine"
)

func newRunner(t *testing.T, name, host string, untrusted bool, labels ...string) *runs.Runner {
	t.Helper()
	e, err := engine.New(engine.Config{Host: host, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return &runs.Runner{Name: name, Engine: e, Labels: labels, Untrusted: untrusted}
}

func TestRunners(t *testing.T) {
	own := newRunner(t, "", "", false, "linux")
	gpu := newRunner(t, "gpu", "", false, "gpu", "linux")
	open := newRunner(t, "open", "", true, "small")
	for name, c := range map[string]struct {
		runners                   runs.Runners
		labels, untrusted, places []string
		isolated                  bool
	}{
		"its own": {runs.Runners{own}, []string{"linux"}, nil, []string{"linux"}, false},
		"two":     {runs.Runners{own, gpu}, []string{"gpu", "linux"}, nil, []string{"linux", "gpu", "linux"}, false},
		"all": {runs.Runners{own, gpu, open}, []string{"gpu", "linux"}, []string{"small"},
			[]string{"linux", "gpu", "linux", "untrusted ", "untrusted small"}, true},
	} {
		if got := c.runners.Labels(false); !slices.Equal(got, c.labels) {
			t.Errorf("%s: labels %q", name, got)
		}
		if got := c.runners.Labels(true); !slices.Equal(got, c.untrusted) {
			t.Errorf("%s: labels for others %q", name, got)
		}
		if got := c.runners.Places(); !slices.Equal(got, c.places) {
			t.Errorf("%s: places %q", name, got)
		}
		if got := c.runners.Isolated(); got != c.isolated {
			t.Errorf("%s: isolated %v", name, got)
		}
	}
}

// A runner that is away takes nothing from the queue until it is back.
func TestRunnersThatAreAway(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "engine.sock")
	all := runs.Runners{newRunner(t, "", "unix:///nowhere", false, "linux"), newRunner(t, "open", "unix://"+socket, true)}
	ctx, cancel := context.WithCancel(t.Context())
	back := make(chan struct{}, 1)
	done := make(chan struct{})
	var log bytes.Buffer
	go func() {
		defer close(done)
		all.Watch(ctx, time.Millisecond, slog.New(slog.NewTextHandler(&log, nil)), func() { back <- struct{}{} })
	}()
	for slices.Contains(all.Places(), "untrusted ") {
		time.Sleep(time.Millisecond)
	}
	if got := all.Places(); !slices.Equal(got, []string{"linux"}) {
		t.Errorf("places %q", got)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	<-back
	if got := all.Places(); !slices.Equal(got, []string{"linux", "untrusted "}) {
		t.Errorf("places %q", got)
	}
	cancel()
	<-done
	if n := strings.Count(log.String(), "runner=open"); n != 2 {
		t.Errorf("the log has %d lines:\n%s", n, log.String())
	}
}
