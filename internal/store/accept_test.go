package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
)

func TestAcceptedEventComesBackAsItWas(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		for name, change := range map[string]func(*store.Delivery){
			"push":               func(*store.Delivery) {},
			"headers":            func(d *store.Delivery) { d.Headers = map[string]string{"User-Agent": "größe"} },
			"without repository": func(d *store.Delivery) { d.Event.Repository = nil },
			"without payload":    func(d *store.Delivery) { d.Event.Payload = []byte{} },
			"replay": func(d *store.Delivery) {
				d.Hook, d.Original = "", "original"
			},
			"pull request from a fork": func(d *store.Delivery) {
				d.Event.Name, d.Event.PullRequest, d.Event.Fork, d.Event.Trusted = "pull_request", 7, "mallory/hello", false
				d.Event.BaseRef, d.Event.BaseSHA = "main", strings.Repeat("c", 40)
			},
			"NUL and control characters": func(d *store.Delivery) {
				d.Event.Filter, d.Event.Ref, d.Event.Sender = "a\x00b", "refs/heads/a\x00b", "\x01\r\n"
				d.Event.Payload = []byte("\x00\xff\xfe{}")
			},
			"texts longer than an index takes": func(d *store.Delivery) {
				d.Event.Delivery, d.Event.Ref = strings.Repeat("é", 5000), "refs/heads/"+strings.Repeat("x", 9000)
				d.Event.Repository = &events.Repository{FullName: strings.Repeat("r", 4000)}
			},
			"large payload": func(d *store.Delivery) { d.Event.Payload = []byte(strings.Repeat("x", 9<<20)) },
		} {
			t.Run(name, func(t *testing.T) {
				d := push("franela/"+name, "delivery "+name)
				change(&d)
				receipt := accept(t, s, d)
				got, err := s.Event(t.Context(), d.Event.ID)
				if err != nil {
					t.Fatal(err)
				}
				// Too long to be compared byte by byte through reflection.
				if !bytes.Equal(d.Event.Payload, got.Payload) || got.Payload == nil {
					t.Errorf("%d bytes of payload came back, other than the %d that were sent", len(got.Payload), len(d.Event.Payload))
				}
				sent := d
				got.Payload, sent.Event.Payload = nil, nil
				want := store.Event{Event: sent.Event, Seq: got.Seq, Hook: d.Hook, Original: d.Original, Headers: d.Headers}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				if receipt.Event != d.Event.ID || receipt.Outcome != store.Accepted || receipt.Attempt != 1 {
					t.Errorf("receipt is %+v", receipt)
				}
				if run, err := s.Run(t.Context(), receipt.Run); err != nil || run.State != store.StateQueued || run.Event != d.Event.ID {
					t.Errorf("run is %+v (%v), want it queued", run, err)
				}
				if again := accept(t, s, d); again.Outcome != store.Duplicate || again.Event != d.Event.ID || again.Run != receipt.Run {
					t.Errorf("the second time gives %+v, want a duplicate of %+v", again, receipt)
				}
			})
		}
	})
}

func TestInvalidUTF8IsReplaced(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		d := push("franela/a\xff", "\xff\xfe")
		d.Event.Filter = "\xff"
		accept(t, s, d)
		got, err := s.Event(t.Context(), d.Event.ID)
		if err != nil || got.Filter != "\uFFFD" {
			t.Errorf("filter is %q (%v)", got.Filter, err)
		}
		if again := accept(t, s, d); again.Outcome != store.Duplicate {
			t.Errorf("the second time gives %+v", again)
		}
	})
}

// copies sends twenty deliveries at once and counts what became of them.
func copies(t *testing.T, s *store.Store, make func(n int) store.Delivery) (map[store.Outcome]int, map[string]bool) {
	t.Helper()
	var (
		mu     sync.Mutex
		wg     sync.WaitGroup
		counts = map[store.Outcome]int{}
		ids    = map[string]bool{}
	)
	for n := range 20 {
		wg.Go(func() {
			r, err := s.Accept(t.Context(), make(n))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			counts[r.Outcome]++
			ids[r.Event] = true
		})
	}
	wg.Wait()
	return counts, ids
}

func queued(t *testing.T, s *store.Store) int {
	t.Helper()
	runs, err := s.Runs(t.Context(), store.RunFilter{State: store.StateQueued, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return len(runs)
}

func TestTwentyCopiesMakeOneRun(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		first := open(t, o)
		second := open(t, o)
		t.Run("of one delivery", func(t *testing.T) {
			counts, ids := copies(t, first, func(int) store.Delivery { return push("franela/one", "the same") })
			if diff := cmp.Diff(map[store.Outcome]int{store.Accepted: 1, store.Duplicate: 19}, counts); diff != "" || len(ids) != 1 {
				t.Errorf("%s\nevents: %v", diff, ids)
			}
		})
		t.Run("of one push under other ids", func(t *testing.T) {
			counts, ids := copies(t, first, func(n int) store.Delivery {
				d := push("franela/two", fmt.Sprint(n))
				d.Event.Payload = []byte(`{}`)
				return d
			})
			if diff := cmp.Diff(map[store.Outcome]int{store.Accepted: 1, store.Withheld: 19}, counts); diff != "" || len(ids) != 20 {
				t.Errorf("%s\nevents: %d, want all 20 stored", diff, len(ids))
			}
			runs, err := first.Runs(t.Context(), store.RunFilter{Repository: "franela/two", State: store.StateSkipped})
			if err != nil || len(runs) != 19 || !strings.Contains(runs[0].Reason, "is the same push") {
				t.Errorf("%d runs are skipped (%v): %+v", len(runs), err, runs)
			}
		})
		if got := queued(t, second); got != 2 {
			t.Errorf("%d runs are queued, want 2", got)
		}
	})
}

func TestTwoAgentsGetTheSameDeliveries(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{open(t, o), open(t, o)}
		const n = 100
		var wg sync.WaitGroup
		for caller := range 8 {
			wg.Go(func() {
				for i := range n {
					if caller%2 == 1 {
						i = n - 1 - i // so that they meet in the middle
					}
					d := push("franela/both", fmt.Sprint("same ", i))
					if caller >= 4 {
						d.Event.Delivery = fmt.Sprint("other ", caller, i)
					}
					d.Event.Payload = fmt.Append(nil, i)
					if _, err := stores[caller/2%2].Accept(t.Context(), d); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if got := queued(t, stores[0]); got != n {
			t.Errorf("%d runs are queued, want %d", got, n)
		}
	})
}

func TestCopiesOfPushes(t *testing.T) {
	for name, tc := range map[string]struct {
		// between happens between the two deliveries.
		between func(*clock)
		change  func(*store.Delivery)
		want    store.Outcome
	}{
		"another delivery id":       {nil, func(*store.Delivery) {}, store.Withheld},
		"a tag":                     {nil, func(d *store.Delivery) { d.Event.Name = "tag" }, store.Accepted},
		"another commit":            {nil, func(d *store.Delivery) { d.Event.SHA = "1" }, store.Accepted},
		"another commit before":     {nil, func(d *store.Delivery) { d.Event.Before = "1" }, store.Accepted},
		"another ref":               {nil, func(d *store.Delivery) { d.Event.Ref = "1" }, store.Accepted},
		"another repository":        {nil, func(d *store.Delivery) { d.Event.Repository = &events.Repository{FullName: "a/b"} }, store.Accepted},
		"another vendor":            {nil, func(d *store.Delivery) { d.Event.Vendor = "gitea" }, store.Accepted},
		"another body":              {nil, func(d *store.Delivery) { d.Event.Payload = []byte(`{} `) }, store.Accepted},
		"another event":             {nil, func(d *store.Delivery) { d.Event.Name = "pull_request" }, store.Accepted},
		"a replay":                  {nil, func(d *store.Delivery) { d.Original = "x" }, store.Accepted},
		"a manual event":            {nil, func(d *store.Delivery) { d.Hook = "" }, store.Accepted},
		"within the window":         {func(c *clock) { c.pass(59 * time.Second) }, func(*store.Delivery) {}, store.Withheld},
		"after the window":          {func(c *clock) { c.pass(61 * time.Second) }, func(*store.Delivery) {}, store.Accepted},
		"after a clock is set back": {func(c *clock) { c.set(-time.Hour) }, func(*store.Delivery) {}, store.Accepted},
		// Rather run twice than not at all.
		"after a clock is set forth": {func(c *clock) { c.set(24 * time.Hour) }, func(*store.Delivery) {}, store.Accepted},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				c := newClock()
				o.Clock = c
				s := open(t, o)
				send := func(id string, change func(*store.Delivery)) store.Receipt {
					d := push("franela/pocketci", id)
					d.Event.Payload, d.Event.ReceivedAt = []byte(`{}`), time.Time{}
					change(&d)
					return accept(t, s, d)
				}
				first := send("1", func(*store.Delivery) {})
				if tc.between != nil {
					tc.between(c)
				}
				second := send("2", tc.change)
				if first.Outcome != store.Accepted || second.Outcome != tc.want {
					t.Errorf("outcomes are %s and %s, want accepted and %s", first.Outcome, second.Outcome, tc.want)
				}
			})
		})
	}
}

func TestRedelivery(t *testing.T) {
	for state, want := range map[store.State]store.Outcome{
		store.StateQueued:    store.Duplicate,
		store.StateWaiting:   store.Duplicate,
		store.StateRunning:   store.Duplicate,
		store.StateSucceeded: store.Duplicate,
		store.StateSkipped:   store.Duplicate,
		store.StateFailed:    store.Retried,
		store.StateAborted:   store.Retried,
		store.StateTimedOut:  store.Retried,
		store.StateInvalid:   store.Retried,
	} {
		t.Run(string(state), func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				s := open(t, o)
				a := join(t, s, "a")
				d := push("franela/pocketci", "1")
				if state == store.StateWaiting {
					d.Hold = "it comes from a fork"
				}
				first := accept(t, s, d)
				bring(t, s, a, first.Run, state)
				d.Event.ID = events.NewID()
				second := accept(t, s, d)
				wantReceipt := store.Receipt{Event: first.Event, Run: first.Run, Number: first.Number, Attempt: 1, Outcome: want}
				wantAdded := 0
				if want == store.Retried {
					wantReceipt.Attempt, wantAdded = 2, 2
				}
				if diff := cmp.Diff(wantReceipt, second); diff != "" {
					t.Error(diff)
				}
				e, err := s.Event(t.Context(), first.Event)
				if err != nil || len(e.Redeliveries) != 1 || e.Redeliveries[0].Attempt != wantAdded {
					t.Errorf("redeliveries are %+v (%v)", e.Redeliveries, err)
				}
				attempts, err := s.RunAttempts(t.Context(), first.Run)
				if err != nil || len(attempts) != wantReceipt.Attempt-1 {
					t.Errorf("%d attempts are kept (%v)", len(attempts), err)
				}
				if third := accept(t, s, d); third.Outcome != store.Duplicate {
					t.Errorf("the third time gives %+v", third)
				}
			})
		})
	}
}

func TestFullQueueRefuses(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		o.Depth = 3
		s := open(t, o)
		a := join(t, s, "a")
		for n := range 3 {
			accept(t, s, push("franela/pocketci", fmt.Sprint(n)))
		}
		if _, err := s.Accept(t.Context(), push("franela/pocketci", "3")); !errors.Is(err, store.ErrFull) {
			t.Errorf("the fourth event gives %v, want %v", err, store.ErrFull)
		}
		if r := accept(t, s, push("franela/pocketci", "1")); r.Outcome != store.Duplicate {
			t.Errorf("a redelivery gives %+v, want a duplicate", r)
		}
		if _, _, err := a.ClaimRun(t.Context(), store.Limits{}); err != nil {
			t.Fatal(err)
		}
		accept(t, s, push("franela/pocketci", "3"))
		if _, err := s.Accept(t.Context(), push("franela/pocketci", "4")); !errors.Is(err, store.ErrFull) {
			t.Errorf("the fifth event gives %v, want %v", err, store.ErrFull)
		}
	})
}

func TestClosedStoreAcceptsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		accepted := make([]string, 50)
		for n := range accepted {
			wg.Go(func() {
				r, err := s.Accept(t.Context(), push("franela/pocketci", fmt.Sprint(n)))
				if err != nil && !errors.Is(err, store.ErrClosed) {
					t.Error(err)
				}
				accepted[n] = r.Event
			})
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if _, err := s.Accept(t.Context(), push("franela/pocketci", "late")); !errors.Is(err, store.ErrClosed) {
			t.Errorf("got %v, want %v", err, store.ErrClosed)
		}
		again := open(t, o)
		for _, id := range accepted {
			if id == "" {
				continue
			}
			if _, err := again.Event(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	})
}
