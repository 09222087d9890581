package runs

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// Runner is a Dagger engine that calls run on.
type Runner struct {
	// Name is for people; the agent's own runner has none.
	Name   string
	Engine *engine.Engine
	// Labels are what functions can ask for with runs-on.
	Labels []string
	// Untrusted marks it for other people's code, and for nothing else: an
	// engine is one trust domain.
	Untrusted bool

	away atomic.Bool
}

// Runners are those of one agent. The first is its own and takes the calls that
// ask for no label.
type Runners []*Runner

// untrustedPlace begins the places of runners for other people's code. No label
// has a space.
const untrustedPlace = "untrusted "

// Place is what stands in the queue for the runner that a call needs, so that only
// an agent that has one claims the call.
func Place(label string, untrusted bool) string {
	if untrusted {
		return untrustedPlace + label
	}
	return label
}

// PlaceNeeds is what a call needs by its place in the queue: a runner with a label,
// which is empty for any, and one for other people's code.
func PlaceNeeds(place string) (label string, untrusted bool) {
	label, untrusted = strings.CutPrefix(place, untrustedPlace)
	return label, untrusted
}

// Labels lists the labels of the runners that are marked for other people's code,
// or of those that are not.
func (r Runners) Labels(untrusted bool) []string {
	var labels []string
	for _, runner := range r {
		if runner.Untrusted == untrusted {
			labels = append(labels, runner.Labels...)
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// Isolated reports whether a runner is marked for other people's code.
func (r Runners) Isolated() bool {
	return slices.ContainsFunc(r, func(runner *Runner) bool { return runner.Untrusted })
}

// Places lists what those runners can take from the queue that answered when they
// were last asked. Whether the agent's own answers is asked elsewhere.
func (r Runners) Places() []string {
	var places []string
	for i, runner := range r {
		if i > 0 && runner.away.Load() {
			continue
		}
		if runner.Untrusted {
			places = append(places, Place("", true))
		}
		for _, label := range runner.Labels {
			places = append(places, Place(label, runner.Untrusted))
		}
	}
	return places
}

// Watch asks all runners but the first whether they answer, until ctx ends, and
// calls changed when one does again.
func (r Runners) Watch(ctx context.Context, every time.Duration, log *slog.Logger, changed func()) {
	for {
		for i, runner := range r {
			if i == 0 {
				continue
			}
			err := runner.Engine.Ping(ctx)
			if ctx.Err() != nil {
				return
			}
			switch was := runner.away.Swap(err != nil); {
			case err != nil && !was:
				log.Warn("a runner does not answer; its calls wait for it", "runner", runner.Name, "error", err)
			case err == nil && was:
				log.Info("a runner answers again", "runner", runner.Name)
				changed()
			}
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return
		}
	}
}

// find returns the runner for a call.
func (r Runners) find(label string, untrusted bool) (*Runner, error) {
	for _, runner := range r {
		if runner.Untrusted == untrusted && (label == "" || slices.Contains(runner.Labels, label)) {
			return runner, nil
		}
	}
	what := strings.TrimSpace(Place(label, untrusted))
	return nil, fmt.Errorf("no runner is for %q: %w", what, modules.ErrUnavailable)
}
