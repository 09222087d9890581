// Package gap makes up for the time in which no agent received events: it logs
// it and has forges deliver again what did not arrive.
package gap

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// margin is how much earlier than the gap a delivery may have been by the forge's
// clock. One that did not fail is not asked for again.
const margin = time.Minute

// Result is what a forge was asked for in one repository.
type Result struct {
	// Webhooks is how many webhooks of the agent the repository has.
	Webhooks int
	// Asked is how many deliveries the forge will make again.
	Asked int
	// Refused is how many it will not.
	Refused int
	// Truncated says that there were more deliveries than were looked at.
	Truncated bool
}

// Stopper is an error that may say that the other repositories need not be tried,
// because it would be the same with them: a rate limit, a token that is not known.
type Stopper interface {
	error
	Stops() bool
}

// Options describe a gap and who can be asked about it.
type Options struct {
	// Since is when an agent was last heard, zero if none ever was. Until is when this
	// one began to listen.
	Since, Until time.Time
	// Repositories are those whose deliveries may be missing.
	Repositories []string
	// Redeliver asks a repository's forge for what failed since a time, which
	// leaves a margin for clocks that differ, and returns what it did also beside
	// an error. Errors with the same text are one
	// reason. It is called by several goroutines at a time. Without it nobody is
	// asked.
	Redeliver func(ctx context.Context, repository string, since time.Time) (Result, error)
	// Missing names the settings without which there is no Redeliver.
	Missing []string
	// Parallelism is how many repositories are looked at at a time, two if zero:
	// forges want few requests at once.
	Parallelism int
	// Log gets the lines; nil drops them.
	Log *slog.Logger
}

// Totals are what was done about a gap.
type Totals struct {
	// Repositories is how many were looked at to the end. Failed is how many
	// could not be, Untried how many were not tried because of a [Stopper] or the
	// context.
	Repositories, Failed, Untried int
	// Webhooks, Asked and Refused are sums over all repositories, failed ones included.
	Webhooks, Asked, Refused int
}

// Recover logs the gap in one line, then asks for the deliveries of each
// repository, and returns when all have been asked for or the context is done.
// What went wrong is logged once for each reason and is no error: the agent works
// without. Without repositories or a time since when, nothing is asked.
func Recover(ctx context.Context, o Options) Totals {
	log := cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Since.IsZero() {
		log.Info("no agent has listened before", "until", stamp(o.Until))
		return Totals{}
	}
	// A clock that was set back must not hide what failed since.
	since := o.Since
	if o.Until.Before(since) {
		since = o.Until
	}
	log.Warn("no agent listened for a while; what was sent meanwhile is missing unless it is sent again",
		"since", stamp(o.Since), "until", stamp(o.Until), "for", o.Until.Sub(since).Round(time.Second))
	switch {
	case o.Redeliver == nil:
		log.Warn("nobody is asked for the deliveries of that time", "missing", strings.Join(o.Missing, ", "))
		return Totals{Untried: len(o.Repositories)}
	case len(o.Repositories) == 0:
		return Totals{}
	}
	w := &work{Options: o, log: log}
	w.Since = since.Add(-margin)
	return w.do(ctx)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// work is a Recover that goes on.
type work struct {
	Options
	log *slog.Logger

	mu      sync.Mutex
	totals  Totals
	reasons []*reason
}

// reason is why repositories could not be looked at.
type reason struct {
	err          error
	first        string
	repositories int
}

func (w *work) do(ctx context.Context) Totals {
	limited, stop := context.WithCancel(ctx)
	defer stop()
	var group errgroup.Group
	group.SetLimit(cmp.Or(max(w.Parallelism, 0), 2))
	for _, repository := range w.Repositories {
		group.Go(func() error {
			if limited.Err() != nil {
				w.untried()
				return nil
			}
			result, err := w.Redeliver(limited, repository, w.Since)
			if w.add(repository, result, err, limited.Err() != nil) {
				stop()
			}
			return nil
		})
	}
	_ = group.Wait()
	for _, r := range w.reasons {
		w.log.Warn("deliveries cannot be asked for again", "error", r.err, "repositories", r.repositories, "first", r.first)
	}
	if err := context.Cause(ctx); err != nil {
		w.log.Warn("stopped asking for deliveries again", "cause", err)
	}
	t := w.totals
	w.log.Info("asked for what was not delivered", "deliveries", t.Asked, "refused", t.Refused, "webhooks", t.Webhooks,
		"repositories", t.Repositories, "failed", t.Failed, "untried", t.Untried)
	return t
}

func (w *work) untried() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.totals.Untried++
}

// add counts and logs what was done in one repository, and reports whether the
// error is one of all.
func (w *work) add(repository string, result Result, err error, stopped bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.totals.Webhooks += result.Webhooks
	w.totals.Asked += result.Asked
	w.totals.Refused += result.Refused
	if result.Asked+result.Refused > 0 {
		w.log.Info("asked for deliveries again", "repository", repository, "deliveries", result.Asked, "refused", result.Refused)
	}
	if result.Truncated {
		w.log.Warn("there are more deliveries than were looked at", "repository", repository)
	}
	stopper, ok := errors.AsType[Stopper](err)
	stops := ok && stopper.Stops()
	switch {
	case err == nil:
		w.totals.Repositories++
		return false
	case stopped && !stops:
		// It was interrupted; the reason is another repository's or the caller's.
		w.totals.Untried++
		return false
	}
	w.totals.Failed++
	if i := slices.IndexFunc(w.reasons, func(r *reason) bool { return r.err.Error() == err.Error() }); i >= 0 {
		w.reasons[i].repositories++
	} else {
		w.reasons = append(w.reasons, &reason{err: err, first: repository, repositories: 1})
	}
	return stops
}
