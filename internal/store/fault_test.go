package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/store"
)

func TestPostgreSQLGoesAndComesBack(t *testing.T) {
	t.Parallel()
	server, options := ownServer(t)
	s := open(t, options)
	a := join(t, s, "a")
	r := accept(t, s, push("r", "1"))
	plan(t, a, planOf("f"))
	c, _ := claimCall(t, a)
	woken, unwatch := s.Watch("anything")
	defer unwatch()
	for round := range 3 {
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := s.Accept(t.Context(), push("r", fmt.Sprint("lost ", round))); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("accept gives %v, want %v", err, store.ErrUnavailable)
		}
		if err := s.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("ping gives %v, want %v", err, store.ErrUnavailable)
		}
		if _, err := s.Run(t.Context(), r.Run); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("reading gives %v, want %v", err, store.ErrUnavailable)
		}
		if err := a.Beat(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("heartbeat gives %v, want %v", err, store.ErrUnavailable)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("it took %s to say so", took)
		}
		for len(woken) > 0 {
			<-woken
		}
		if err := server.Launch(); err != nil {
			t.Fatal(err)
		}
		accept(t, s, push("r", fmt.Sprint("back ", round)))
		beat(t, a)
		select {
		case <-woken: // listens again, and says that something may have been missed
		case <-time.After(time.Minute):
			t.Error("does not listen again")
		}
	}
	finish(t, a, c, store.StateSucceeded)
	if got := queued(t, s); got != 3 {
		t.Errorf("%d runs are queued, want those of the 3 events that were accepted", got)
	}
}

func TestSQLiteLockedBySomebodyElse(t *testing.T) {
	t.Parallel()
	o := sqliteOptions(t)
	s := open(t, o)
	accept(t, s, push("r", "1"))
	conn, err := raw(t, o).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(t.Context(), push("r", "2")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("accept gives %v, want %v", err, store.ErrUnavailable)
	}
	if _, err := s.Runs(t.Context(), store.RunFilter{}); err != nil {
		t.Errorf("reading gives %v", err)
	}
	if _, err := conn.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	accept(t, s, push("r", "2"))
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	o := sqliteOptions(t)
	c := startChild(t, o, "full", "sh", "-c", `ulimit -f 20000; exec "$0"`) // blocks of 512 bytes
	var acked []string
	refused := 0
	for line := range c.lines {
		switch word, id, _ := strings.Cut(line, " "); word {
		case "ack":
			acked = append(acked, id)
		case "unavailable":
			refused++
		default:
			t.Errorf("child says %q", line)
		}
	}
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("child: %v", err)
	}
	if len(acked) == 0 || refused == 0 {
		t.Errorf("%d events were accepted and %d refused, want some of both", len(acked), refused)
	}
	s := open(t, o)
	for _, id := range acked {
		if _, err := s.Event(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	accept(t, s, push("r", "with space again"))
	if got := queued(t, s); got != len(acked)+1 {
		t.Errorf("%d runs are queued, want %d", got, len(acked)+1)
	}
}
