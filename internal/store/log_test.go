package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// readAll reads a log from a byte on.
func readAll(t testing.TB, s *store.Store, call string, attempt int, from int64) []byte {
	t.Helper()
	var all []byte
	for {
		chunks, _, err := s.ReadLog(t.Context(), call, attempt, from)
		if err != nil {
			t.Fatal(err)
		}
		if len(chunks) == 0 {
			return all
		}
		for _, c := range chunks {
			if c.First != from {
				t.Fatalf("chunk begins at %d, want %d", c.First, from)
			}
			all, from = append(all, c.Data...), from+int64(len(c.Data))
		}
	}
}

func TestLogComesBackAsItWas(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		fill(t, s, a, 1, "r")
		c, call := claimCall(t, a)
		var want []byte
		for _, part := range [][]byte{
			[]byte("line\n"), {}, {0, 0xff, '\r', 0x1b}, bytes.Repeat([]byte("10 MB line "), 1<<20), []byte("end"),
		} {
			if err := a.AppendLog(t.Context(), c, part); err != nil {
				t.Fatal(err)
			}
			want = append(want, part...)
		}
		for range 3000 { // many small ones, too
			if err := a.AppendLog(t.Context(), c, []byte(".")); err != nil {
				t.Fatal(err)
			}
			want = append(want, '.')
			if len(want)%16 == 0 {
				break
			}
		}
		for _, from := range []int{0, 1, 5, 65536, 65541, len(want) / 2, len(want) - 2, len(want), len(want) + 10} {
			if got := readAll(t, s, call.ID, 1, int64(from)); !bytes.Equal(got, want[min(from, len(want)):]) {
				t.Errorf("from %d on %d bytes come back, other than the %d that were stored", from, len(got), len(want)-from)
			}
		}
		if _, _, err := s.ReadLog(t.Context(), call.ID, 2, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the log of an attempt to come gives %v", err)
		}
		if _, _, err := s.ReadLog(t.Context(), "nothing", 1, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the log of nothing gives %v", err)
		}
	})
}

func TestLogIsCutAtItsLimit(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		o.LogLimit = 100
		s := open(t, o)
		a := join(t, s, "a")
		fill(t, s, a, 1, "r")
		c, call := claimCall(t, a)
		for range 5 {
			if err := a.AppendLog(t.Context(), c, bytes.Repeat([]byte("x"), 30)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Call(t.Context(), call.ID)
		if err != nil || got.LogSize != 100 || !got.LogCut {
			t.Errorf("log has %d bytes, cut %v (%v)", got.LogSize, got.LogCut, err)
		}
		if n := len(readAll(t, s, call.ID, 1, 0)); n != 100 {
			t.Errorf("%d bytes come back", n)
		}
		finish(t, a, c, store.StateFailed)
		restart(t, s, call.Run, store.RestartAll)
		c, _ = claimCall(t, a)
		if err := a.AppendLog(t.Context(), c, []byte("again")); err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, s, call.ID, 2, 0); string(got) != "again" {
			t.Errorf("the log of the second attempt is %q", got)
		}
	})
}

func TestFollowingALog(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		reader := s
		if o.DSN != "" {
			reader = open(t, o)
		}
		a := join(t, s, "a")
		fill(t, s, a, 1, "r")
		c, call := claimCall(t, a)
		const lines = 200
		var want []byte
		for n := range lines {
			want = append(want, fmt.Sprintln("line", n)...)
		}
		go func() {
			for n := range lines {
				if err := a.AppendLog(t.Context(), c, fmt.Appendln(nil, "line", n)); err != nil {
					t.Error(err)
				}
			}
			if _, err := a.Finish(t.Context(), c, store.Ending{State: store.StateSucceeded}); err != nil {
				t.Error(err)
			}
		}()
		// The reader loses its connection every now and then.
		var got []byte
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for interrupted := true; interrupted; {
			interrupted = false
			for chunk, err := range reader.FollowLog(ctx, call.ID, 1, int64(len(got))) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, chunk.Data...)
				if rand.IntN(10) == 0 {
					interrupted = true
					break
				}
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("followed %d bytes, want %d", len(got), len(want))
		}
	})
}

func TestFollowingEndsWithItsContext(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		fill(t, s, a, 1, "r")
		_, call := claimCall(t, a)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		var last error
		for _, err := range s.FollowLog(ctx, call.ID, 1, 0) {
			last = err
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("ends with %v", last)
		}
	})
}
