package store_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// BenchmarkAccept measures durable acknowledgements with 16 callers at a time
// and payloads of 10 kB, each with another commit and delivery id. The payload
// is as good as GitHub's with a sixth of it random.
func BenchmarkAccept(b *testing.B) {
	for name, options := range map[string]func(testing.TB) store.Options{"SQLite": sqliteOptions, "PostgreSQL": durableOptions} {
		b.Run(name, func(b *testing.B) {
			o := options(b)
			o.Depth = 10_000_000
			s := open(b, o)
			data, err := os.ReadFile("../../testdata/payloads/github/push.json")
			if err != nil {
				b.Fatal(err)
			}
			var payload bytes.Buffer
			if err := json.Compact(&payload, data); err != nil {
				b.Fatal(err)
			}
			for payload.Len() < 9950 {
				payload.WriteString(rand.Text())
			}
			var next atomic.Int64
			times := make([]time.Duration, b.N)
			busy := cpu()
			b.ResetTimer()
			var callers sync.WaitGroup
			for range 16 {
				callers.Go(func() {
					for {
						n := next.Add(1)
						if n > int64(b.N) {
							return
						}
						// Ids of deliveries are in no order.
						d := push("franela/pocketci", rand.Text())
						d.Event.SHA = d.Event.ID
						d.Event.Payload = append([]byte(`{"after":"`+d.Event.ID+`"}`), payload.Bytes()...)
						start := time.Now()
						if _, err := s.Accept(b.Context(), d); err != nil {
							b.Error(err)
							return
						}
						times[n-1] = time.Since(start)
					}
				})
			}
			callers.Wait()
			b.StopTimer()
			slices.Sort(times)
			b.ReportMetric(float64((cpu()-busy).Microseconds())/float64(b.N), "cpu-µs/ack")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acks/s")
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// BenchmarkCall measures a call from its claim to its end with 10,000 more of
// 20 repositories waiting.
func BenchmarkCall(b *testing.B) {
	for name, options := range map[string]func(testing.TB) store.Options{"SQLite": sqliteOptions, "PostgreSQL": durableOptions} {
		b.Run(name, func(b *testing.B) {
			s := open(b, options(b))
			a := join(b, s, "a")
			for n := range 20 {
				fill(b, s, a, (10_000+b.N)/20+1, fmt.Sprint("r", n))
			}
			b.ResetTimer()
			for range b.N {
				c, _ := claimCall(b, a)
				finish(b, a, c, store.StateSucceeded)
			}
		})
	}
}

// BenchmarkOverview measures what is asked for to show and to watch the state of
// a database with 300,000 runs and 400,000 attempts of calls in 34 days.
func BenchmarkOverview(b *testing.B) {
	for name, options := range map[string]func(testing.TB) store.Options{"SQLite": sqliteOptions, "PostgreSQL": durableOptions} {
		b.Run(name, func(b *testing.B) {
			o := options(b)
			s := open(b, o)
			many(b, o, 300_000, 10*time.Second, time.Now())
			for name, ask := range map[string]func() error{
				"Repositories":            func() error { _, err := s.Repositories(b.Context()); return err },
				"Backlog":                 func() error { _, err := s.Backlog(b.Context()); return err },
				"StateCounts":             func() error { _, err := s.StateCounts(b.Context()); return err },
				"LatestEvent":             func() error { _, err := s.LatestEvent(b.Context(), "r3"); return err },
				"FunctionStatistics":      func() error { _, err := s.FunctionStatistics(b.Context(), "r3"); return err },
				"FunctionStatistics, all": func() error { _, err := s.FunctionStatistics(b.Context(), ""); return err },
				"Work":                    func() error { _, err := s.Work(b.Context(), nil); return err },
				"Active":                  func() error { _, _, err := s.Active(b.Context(), 0, 20, nil); return err },
				"Runs of a function": func() error {
					_, err := s.Runs(b.Context(), store.RunFilter{Repository: "r3", Function: "f3"})
					return err
				},
			} {
				b.Run(name, func(b *testing.B) {
					for range b.N {
						if err := ask(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}

// cpu is the time that this process has been running on a processor, which
// other work on the machine changes less than the time that passes.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
