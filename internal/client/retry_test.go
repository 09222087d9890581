package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/franela/pocketci/internal/client"
)

var errAway = &client.Error{Status: 503, Title: "away"}

// The waiting times grow up to a limit, and there is an end.
func TestKeepOpenGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var waits []time.Duration
		err := client.KeepOpen(t.Context(), func(_ error, wait time.Duration) { waits = append(waits, wait) },
			func() (bool, error) { return false, errAway })
		if !errors.Is(err, errAway) || !strings.HasPrefix(err.Error(), "gave up after 15m") {
			t.Errorf("error is %v", err)
		}
		if waits[0] != 500*time.Millisecond || waits[1] != time.Second || waits[len(waits)-1] != 30*time.Second {
			t.Errorf("waited %v", waits)
		}
		if took := time.Since(start); took > 16*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

// A stream that was silent for hours is opened again, as is one that breaks off
// again and again and brings something each time.
func TestKeepOpenGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		err := client.KeepOpen(t.Context(), func(_ error, wait time.Duration) {
			if wait != 500*time.Millisecond {
				t.Errorf("waits %s", wait)
			}
		}, func() (bool, error) {
			switch n++; {
			case n == 1000:
				return true, nil
			case n%2 == 0:
				time.Sleep(time.Hour)
				return false, errAway
			}
			return true, errAway
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestKeepOpenEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := client.KeepOpen(ctx, nil, func() (bool, error) { return false, errAway }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
	})
}
