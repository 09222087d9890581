package schedules_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/store"
)

// source is a schedule whose ticks call functions of a repository.
func source(b *testing.B, name, expression string) *schedules.Source {
	s, err := schedule.Parse(expression, nil)
	if err != nil {
		b.Fatal(err)
	}
	return &schedules.Source{Entry: schedules.Entry{
		Name: name, Filter: name, Schedule: s, Of: schedule.OfAgent,
		Aim: func(_ context.Context, e *events.Event) error {
			e.Repository = &events.Repository{FullName: "acme/shop", CloneURL: "https://git.example.com/acme/shop.git"}
			e.Ref, e.Branch = "refs/heads/main", "main"
			return nil
		},
	}}
}

func openBench(b *testing.B) *store.Store {
	s, err := store.Open(b.Context(), store.Options{DataDir: b.TempDir(), Depth: 10_000_000})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// BenchmarkOnce measures one look of a schedule on SQLite: a tick that is stored
// durably, and one at which nothing is due.
func BenchmarkOnce(b *testing.B) {
	for name, step := range map[string]time.Duration{"a-tick": time.Minute, "nothing-due": 0} {
		b.Run(name, func(b *testing.B) {
			s, src := openBench(b), source(b, "minutely", "* * * * *")
			now := time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC)
			if _, err := poll.Once(b.Context(), s, src, now); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				now = now.Add(step)
				if _, err := poll.Once(b.Context(), s, src, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHeld measures what 1,000 schedules take that wait for their time: bytes
// of memory and goroutines of each.
func BenchmarkHeld(b *testing.B) {
	const n = 1000
	s := openBench(b)
	var sources []poll.Source
	for i := range n {
		sources = append(sources, source(b, fmt.Sprint("nightly-", i), fmt.Sprintf("%d 3 1 1 *", i%60)))
	}
	var bytes, goroutines float64
	for b.Loop() {
		before, routines := memory(), runtime.NumGoroutine()
		p := poll.New(poll.Config{Store: s, Log: slog.New(slog.DiscardHandler)})
		p.Set(schedules.Kind, sources)
		ctx, stop := context.WithCancel(b.Context())
		done := make(chan struct{})
		go func() {
			p.Run(ctx)
			close(done)
		}()
		for waiting := 0; waiting < n; {
			waiting = 0
			for _, state := range p.States(schedules.Kind) {
				if !state.Next.IsZero() {
					waiting++
				}
			}
			runtime.Gosched()
		}
		bytes, goroutines = float64(memory()-before), float64(runtime.NumGoroutine()-routines)
		stop()
		<-done
	}
	b.ReportMetric(bytes/n, "B/schedule")
	b.ReportMetric(goroutines/n, "goroutines/schedule")
}

// memory is what is in use: the heap after two collections, and stacks.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
