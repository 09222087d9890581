package poll_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/poll/polltest"
	"github.com/franela/pocketci/internal/store"
)

// The suite holds for the simplest source that there can be: one that counts.
func TestConformance(t *testing.T) {
	polltest.Run(t, func(t *testing.T) store.Options { return store.Options{DataDir: t.TempDir()} }, func(t *testing.T) polltest.World {
		number, broken := 0, false
		count := func(_ context.Context, at poll.At) (poll.Found, error) {
			if broken {
				return poll.Found{}, errors.New("not a number")
			}
			known := 0
			if at.Position != nil {
				if err := json.Unmarshal(at.Position, &known); err != nil {
					return poll.Found{}, err
				}
			}
			found := poll.Found{Position: fmt.Append(nil, number), Next: at.Now.Add(time.Minute)}
			for n := known + 1; n <= number; n++ {
				found.Events = append(found.Events, events.Event{
					Vendor: events.VendorWebhook, Name: "count", Kind: "count", Filter: fmt.Sprint(n), Delivery: fmt.Sprint(n), Trusted: true,
					Payload: json.RawMessage(`{}`),
				})
			}
			return found, nil
		}
		return polltest.World{
			New: func(*testing.T) poll.Source { return &source{"counter", count} },
			Happen: func(*testing.T) string {
				number++
				return fmt.Sprint(number)
			},
			Now:   time.Now,
			Break: func(*testing.T) func() { broken = true; return func() { broken = false } },
		}
	})
}
