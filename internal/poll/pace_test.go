package poll_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/poll"
)

// Whatever a source wants, it is not asked without a pause while nothing comes of it.
func TestPollerPaces(t *testing.T) {
	for name, c := range map[string]struct {
		poll        func(n int, at poll.At) poll.Found
		least, most int // looks within a minute
	}{
		"at once, where it is where it was": {func(_ int, at poll.At) poll.Found {
			return poll.Found{Position: at.Position, Next: at.Now}
		}, 60, 62},
		"before now": {func(_ int, at poll.At) poll.Found { return poll.Found{Next: at.Now.Add(-time.Hour)} }, 60, 62},
		"soon":       {func(_ int, at poll.At) poll.Found { return poll.Found{Next: at.Now.Add(time.Microsecond)} }, 60, 62},
		"at once, where it only moves": {func(n int, at poll.At) poll.Found {
			return poll.Found{Position: fmt.Append(nil, n), Next: at.Now}
		}, 150, 165},
		"at once, where there is more": {func(n int, at poll.At) poll.Found {
			if n > 5000 {
				return poll.Found{Next: at.Now.Add(time.Hour)}
			}
			return poll.Found{Position: fmt.Append(nil, n), Next: at.Now, Events: []events.Event{{Vendor: "time", Name: "tick", Kind: "tick", Delivery: fmt.Sprint(n)}}}
		}, 5001, 5001},
		"soon, once": {func(n int, at poll.At) poll.Found {
			if n == 1 {
				return poll.Found{Next: at.Now.Add(time.Millisecond)}
			}
			if at.Now.Nanosecond() != int(time.Millisecond) {
				t.Errorf("the look is at %s", at.Now)
			}
			return poll.Found{Position: json.RawMessage("1"), Next: at.Now.Add(time.Hour)}
		}, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s memory
				var looked times
				p := run(t, &s)
				p.Set("test", []poll.Source{&source{"a", func(_ context.Context, at poll.At) (poll.Found, error) {
					return c.poll(looked.add(at.Now), at), nil
				}}})
				time.Sleep(time.Minute)
				synctest.Wait()
				if n := len(looked.all()); n < c.least || n > c.most {
					t.Errorf("it looked %d times within a minute, want %d to %d", n, c.least, c.most)
				}
			})
		})
	}
}

// A pause that a server asked for is kept, whoever nudges, and is one look afterwards.
func TestNudgeRespectsAPause(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		looks int
	}{
		"asked for by a server":  {&poll.RetryAfterError{After: 10 * time.Minute, Err: errors.New("slow down")}, 1},
		"kept by the source":     {&poll.RetryAfterError{After: 10 * time.Minute, Err: errors.New("slow down"), Nudged: true}, 4},
		"any failure":            {errors.New("no route"), 4},
		"asked for, and wrapped": {fmt.Errorf("ask: %w", &poll.RetryAfterError{After: 10 * time.Minute, Err: errors.New("slow down")}), 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s memory
				var looked times
				p := run(t, &s)
				p.Set("test", []poll.Source{&source{"a", func(_ context.Context, at poll.At) (poll.Found, error) {
					if n := looked.add(at.Now); n > c.looks {
						return poll.Found{}, nil
					}
					return poll.Found{}, c.err
				}}})
				synctest.Wait()
				for range 3 {
					p.Nudge("test", "a")
					synctest.Wait()
				}
				if n := len(looked.all()); n != c.looks {
					t.Errorf("nudged three times, it looked %d times, want %d", n, c.looks)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := len(looked.all()); n != c.looks+1 {
					t.Errorf("afterwards it looked %d times, want %d", n, c.looks+1)
				}
				p.Nudge("test", "a")
				synctest.Wait()
				if n := len(looked.all()); n != c.looks+2 {
					t.Errorf("nudged after the pause, it looked %d times, want %d", n, c.looks+2)
				}
			})
		})
	}
}

// configured is a source that can be told from others.
type configured struct {
	source
	text string
}

func (c *configured) Configuration() string { return c.text }

// What is configured as before goes on undisturbed; what is not begins at once.
func TestPollerSetKeepsWhatIsTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		looks         int // more, once it is set anew
	}{
		"the same":    {"x", "x", 0},
		"another":     {"x", "y", 1},
		"not telling": {"", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s memory
				var looked times
				p := run(t, &s)
				set := func(text string) {
					p.Set("test", []poll.Source{&configured{source{"a", func(_ context.Context, at poll.At) (poll.Found, error) {
						looked.add(at.Now)
						return poll.Found{}, &poll.RetryAfterError{After: 10 * time.Minute, Err: errors.New("slow down")}
					}}, text}})
					synctest.Wait()
				}
				set(c.before)
				begun := time.Now()
				time.Sleep(time.Minute)
				set(c.after)
				set(c.after)
				// The second of these is the same as the first.
				want := 1 + c.looks
				if c.after == "" {
					want++
				}
				if n := len(looked.all()); n != want {
					t.Errorf("it looked %d times, want %d", n, want)
				}
				state := p.States("test")
				if len(state) != 1 || state[0].Error != "slow down" || c.looks == 0 && state[0].Next.Sub(begun) != 10*time.Minute {
					t.Errorf("the states are %+v", state)
				}
				time.Sleep(9 * time.Minute)
				synctest.Wait()
				if n := len(looked.all()); c.looks == 0 && n != 2 {
					t.Errorf("after the pause it looked %d times, want 2", n)
				}
				p.Set("test", nil)
				synctest.Wait()
				time.Sleep(time.Hour)
				before := len(looked.all())
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := len(looked.all()); n != before {
					t.Error("what is not there any more looks")
				}
			})
		})
	}
}

// A poller that tells nobody works.
func TestPollerWithoutLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s memory
		p := poll.New(poll.Config{Store: &s})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			p.Run(ctx)
		}()
		p.Set("test", []poll.Source{&source{"a", func(context.Context, poll.At) (poll.Found, error) { panic("a fault of ours") }}})
		synctest.Wait()
		if states := p.States("test"); len(states) != 1 || states[0].Failures != 1 {
			t.Errorf("the states are %+v", states)
		}
		cancel()
		<-ended
	})
}
