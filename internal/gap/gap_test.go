package gap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/gap"
)

var (
	since = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	until = since.Add(90 * time.Minute)

	_ gap.Stopper = (*github.RateError)(nil)
	_ gap.Stopper = (*github.PermissionError)(nil)

	// What GitHub did is a Result as it is.
	_ = gap.Result(github.Redelivery{})
)

// asks is a forge of which each repository answers as the table says.
type asks struct {
	results map[string]gap.Result
	errs    map[string]error

	mu    sync.Mutex
	asked []string
}

func (a *asks) redeliver(_ context.Context, repository string, from time.Time) (gap.Result, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, fmt.Sprintf("%s since %s", repository, from.Format(time.TimeOnly)))
	return a.results[repository], a.errs[repository]
}

func TestRecover(t *testing.T) {
	denied := errors.New("list webhooks: GitHub answers 404")
	limit := &github.RateError{Until: until.Add(time.Hour)}
	for name, c := range map[string]struct {
		options gap.Options // Since and Until are set unless Until is
		forge   *asks
		totals  gap.Totals
		asked   []string
		lines   []string // of the log, each once
	}{
		"the first agent": {gap.Options{Until: until, Repositories: []string{"a/a"}}, &asks{}, gap.Totals{}, nil,
			[]string{`level=INFO msg="no agent has listened before" until=2026-11-22T13:30:00Z`}},
		"nobody to ask": {gap.Options{Repositories: []string{"a/a", "b/b"}, Missing: []string{"--public-url", "GITHUB_TOKEN"}}, nil, gap.Totals{Untried: 2}, nil,
			[]string{`since=2026-11-22T12:00:00Z until=2026-11-22T13:30:00Z for=1h30m0s`, `missing="--public-url, GITHUB_TOKEN"`}},
		"no repositories": {gap.Options{}, &asks{}, gap.Totals{}, nil, []string{`for=1h30m0s`}},
		"some": {gap.Options{Repositories: []string{"a/a", "b/b", "c/c"}},
			&asks{results: map[string]gap.Result{"a/a": {Webhooks: 1, Asked: 2}, "b/b": {Webhooks: 1}, "c/c": {Webhooks: 2, Asked: 1, Refused: 3, Truncated: true}}},
			gap.Totals{Repositories: 3, Webhooks: 4, Asked: 3, Refused: 3}, []string{"a/a since 11:59:00", "b/b since 11:59:00", "c/c since 11:59:00"},
			[]string{`for=1h30m0s`, `repository=a/a deliveries=2 refused=0`, `repository=c/c deliveries=1 refused=3`,
				`msg="there are more deliveries than were looked at" repository=c/c`,
				`deliveries=3 refused=3 webhooks=4 repositories=3 failed=0 untried=0`}},
		"a reason once": {gap.Options{Repositories: []string{"a/a", "b/b", "c/c", "d/d"}},
			&asks{results: map[string]gap.Result{"a/a": {Asked: 1}, "b/b": {Asked: 1}},
				errs: map[string]error{"b/b": denied, "c/c": errors.New(denied.Error()), "d/d": errors.New("no route")}},
			gap.Totals{Repositories: 1, Failed: 3, Asked: 2}, []string{"a/a since 11:59:00", "b/b since 11:59:00", "c/c since 11:59:00", "d/d since 11:59:00"},
			[]string{`for=1h30m0s`, `repository=a/a`, `repository=b/b`, `error="list webhooks: GitHub answers 404" repositories=2 first=b/b`,
				`error="no route" repositories=1 first=d/d`, `deliveries=2 refused=0 webhooks=0 repositories=1 failed=3 untried=0`}},
		"a limit": {gap.Options{Repositories: []string{"a/a", "b/b", "c/c", "d/d"}},
			&asks{results: map[string]gap.Result{"b/b": {Asked: 1}}, errs: map[string]error{"b/b": fmt.Errorf("redeliver: %w", limit)}},
			gap.Totals{Repositories: 1, Failed: 1, Untried: 2, Asked: 1}, []string{"a/a since 11:59:00", "b/b since 11:59:00"},
			[]string{`for=1h30m0s`, `repository=b/b`, `rate limit is reached: no more requests until 2026-11-22T14:30:00Z" repositories=1 first=b/b`,
				`failed=1 untried=2`}},
		"a clock set back": {gap.Options{Since: until, Until: since, Repositories: []string{"a/a"}}, &asks{}, gap.Totals{Repositories: 1}, []string{"a/a since 11:59:00"},
			[]string{`since=2026-11-22T13:30:00Z until=2026-11-22T12:00:00Z for=0s`, `repositories=1`}},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			o := c.options
			if o.Until.IsZero() {
				o.Since, o.Until = since, until
			}
			o.Parallelism = 1 // so that the order is known
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
			if c.forge != nil {
				o.Redeliver = c.forge.redeliver
			}
			if totals := gap.Recover(t.Context(), o); totals != c.totals {
				t.Errorf("%+v, want %+v", totals, c.totals)
			}
			if c.forge != nil && !slices.Equal(c.forge.asked, c.asked) {
				t.Errorf("asked for %q, want %q", c.forge.asked, c.asked)
			}
			for _, line := range c.lines {
				if strings.Count(log.String(), line) != 1 {
					t.Errorf("the log has not once %s", line)
				}
			}
			if n := strings.Count(log.String(), "\n"); n != len(c.lines) {
				t.Errorf("the log has %d lines, want %d", n, len(c.lines))
			}
			if t.Failed() {
				t.Log(log.String())
			}
		})
	}
}

// TestRecoverInParallel holds the first repositories until as many are asked for
// as may be, and fails if there is one more.
func TestRecoverInParallel(t *testing.T) {
	for parallelism, want := range map[int]int{0: 2, 3: 3, -1: 2} {
		var mu sync.Mutex
		now, most := 0, 0
		full := make(chan struct{})
		gap.Recover(t.Context(), gap.Options{Since: since, Until: until, Repositories: strings.Split("abcdefghijkl", ""), Parallelism: parallelism,
			Redeliver: func(context.Context, string, time.Time) (gap.Result, error) {
				mu.Lock()
				now++
				if most = max(most, now); most == want {
					select {
					case <-full:
					default:
						close(full)
					}
				}
				mu.Unlock()
				<-full
				mu.Lock()
				now--
				mu.Unlock()
				return gap.Result{}, nil
			}})
		if most != want {
			t.Errorf("parallelism %d: %d at a time, want %d", parallelism, most, want)
		}
	}
}

func TestRecoverIsCancelled(t *testing.T) {
	stopped := errors.New("the agent stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	var log bytes.Buffer
	totals := gap.Recover(ctx, gap.Options{Since: since, Until: until, Repositories: []string{"a/a", "b/b", "c/c"}, Parallelism: 1,
		Log: slog.New(slog.NewTextHandler(&log, nil)),
		Redeliver: func(ctx context.Context, _ string, _ time.Time) (gap.Result, error) {
			cancel(stopped)
			<-ctx.Done()
			return gap.Result{Asked: 1}, fmt.Errorf("redeliver: %w", context.Cause(ctx))
		}})
	if (totals != gap.Totals{Asked: 1, Untried: 3}) {
		t.Errorf("%+v", totals)
	}
	if strings.Count(log.String(), stopped.Error()) != 1 || strings.Contains(log.String(), "cannot be asked") {
		t.Errorf("the log is\n%s", log.String())
	}
}
