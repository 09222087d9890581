package tokens_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/tokens"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/store"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// eventually waits for what another goroutine does.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen")
		}
	}
}

func TestPush(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir()})
	signer := newSigner(t)
	c := conf(signer)
	if err := json.Unmarshal([]byte(`[{"path": "/claims/sub", "is-not-equal-to": "dry"}]`), &c.Filters); err != nil {
		t.Fatal(err)
	}
	source := newSource(t, c, tokens.Options{})
	module := "github.com/acme/ci@9e107d9d372bb6826bd81d3542a419d6e277c9b1"
	issued := time.Now().Truncate(time.Second).UTC()
	text := signAs(t, signer, signed.Claims{
		ID: "one", Subject: "real", IssuedAt: issued, Expires: issued.Add(time.Hour), Content: signed.Content{Source: "web", Module: module, Payload: json.RawMessage(`{"version":2}`)},
	})
	receipt, err := source.Push(t.Context(), s, text, time.Now())
	if err != nil || receipt.Outcome != store.Accepted {
		t.Fatalf("got %+v, %v", receipt, err)
	}
	e, err := s.Event(t.Context(), receipt.Event)
	if err != nil {
		t.Fatal(err)
	}
	want := events.Event{
		ID: e.ID, ReceivedAt: e.ReceivedAt, Payload: e.Payload,
		Vendor: "signed", Name: "push", Kind: "push", Filter: "web", Delivery: "one", Trusted: true, OccurredAt: issued, Module: module,
		Repository: shop, Ref: "refs/heads/main", Branch: "main",
	}
	if diff := cmp.Diff(want, e.Event); diff != "" {
		t.Error(diff)
	}
	var payload struct {
		Key    string
		Claims struct {
			JTI, Sub string
			Iat      int64
			Pocketci struct{ Payload map[string]int }
		}
	}
	if err := json.Unmarshal(e.Payload, &payload); err != nil {
		t.Fatal(err)
	}
	if payload.Key != signer.Public().String() || payload.Claims.JTI != "one" || payload.Claims.Pocketci.Payload["version"] != 2 || payload.Claims.Iat != issued.Unix() {
		t.Errorf("the payload is %s", e.Payload)
	}
	if signature := text[strings.LastIndexByte(text, '.')+1:]; strings.Contains(string(e.Payload), signature) {
		t.Error("the payload has the token, with which one can push")
	}
	dry := signAs(t, signer, signed.Claims{ID: "two", Subject: "dry", Expires: issued.Add(time.Hour), Content: signed.Content{Source: "web"}})
	if receipt, err = source.Push(t.Context(), s, dry, time.Now()); err != nil {
		t.Fatal(err)
	}
	if run, err := s.Run(t.Context(), receipt.Run); err != nil || run.State != store.StateSkipped || !strings.Contains(run.Reason, "/claims/sub") {
		t.Errorf("what the filters do not let pass is %s: %s (%v)", run.State, run.Reason, err)
	}
}

// A token that is refused changes nothing, and strangers learn nothing about sources.
func TestPushRefuses(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir()})
	signer, other := newSigner(t), newSigner(t)
	only := conf(other)
	only.Name, only.Push = "pulled", false
	set, err := tokens.NewSet([]settings.SignedSource{conf(signer), only}, tokens.Options{Aim: aim})
	if err != nil {
		t.Fatal(err)
	}
	push := func(source, text string) error {
		_, err := set.Push(t.Context(), s, source, text, time.Now())
		return err
	}
	first, second := sign(t, signer, "first", 0), sign(t, signer, "second", 10*time.Second)
	for _, text := range []string{first, second} {
		if err := push("web", text); err != nil {
			t.Fatal(err)
		}
	}
	all, before := stored(t, s), guard(t, s)
	ago := time.Now().Add(-2 * time.Hour)
	for what, c := range map[string]struct {
		source, text string
		want         error
	}{
		"replayed":           {"web", first, signed.ErrReplayed},
		"the last again":     {"web", second, signed.ErrReplayed},
		"its jti again":      {"web", sign(t, signer, "first", 20*time.Second), signed.ErrReplayed},
		"older":              {"web", sign(t, signer, "x", 0), signed.ErrOlder},
		"expired":            {"web", signAs(t, signer, signed.Claims{IssuedAt: ago, Expires: ago, Content: signed.Content{Source: "web"}}), signed.ErrExpired},
		"from the future":    {"web", sign(t, signer, "x", time.Hour), signed.ErrNotYetValid},
		"another key":        {"web", sign(t, other, "x", 20*time.Second), signed.ErrKey},
		"for another source": {"pulled", signAs(t, other, signed.Claims{Expires: time.Now().Add(time.Hour), Content: signed.Content{Source: "web"}}), signed.ErrSource},
		"which takes none":   {"pulled", signAs(t, other, signed.Claims{Expires: time.Now().Add(time.Hour), Content: signed.Content{Source: "pulled"}}), tokens.ErrNoPush},
		"to a stranger":      {"pulled", sign(t, signer, "x", 20*time.Second), signed.ErrKey},
		"for no source":      {"nobody", sign(t, signer, "x", 20*time.Second), signed.ErrKey},
		"garbage":            {"web", "garbage", signed.ErrMalformed},
		"for no one":         {"nobody", "garbage", signed.ErrMalformed},
	} {
		t.Run(what, func(t *testing.T) {
			if err := push(c.source, c.text); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if diff := cmp.Diff(all, stored(t, s)); diff != "" || guard(t, s) != before {
				t.Errorf("something changed: %s", diff)
			}
		})
	}
	unknown, stranger := push("nobody", sign(t, other, "x", 0)), push("web", sign(t, other, "x", 0))
	if unknown.Error() != stranger.Error() {
		t.Errorf("who knows no key is told %q and %q", unknown, stranger)
	}
	if err := push("web", sign(t, signer, "fine", 20*time.Second)); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// Keys are rotated by trusting both for a while.
func TestPushRotatedKeys(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir()})
	old, new := newSigner(t), newSigner(t)
	for i, step := range []struct {
		trusted []signed.Signer
		by      signed.Signer
		want    error
	}{
		{[]signed.Signer{old}, old, nil}, {[]signed.Signer{old}, new, signed.ErrKey},
		{[]signed.Signer{old, new}, old, nil}, {[]signed.Signer{old, new}, new, nil},
		{[]signed.Signer{new}, new, nil}, {[]signed.Signer{new}, old, signed.ErrKey},
	} {
		source := newSource(t, conf(step.trusted...), tokens.Options{})
		_, err := source.Push(t.Context(), s, sign(t, step.by, fmt.Sprint("t", i), time.Duration(i)*time.Second), time.Now())
		if !errors.Is(err, step.want) || (err != nil) != (step.want != nil) {
			t.Errorf("step %d: got %v, want %v", i, err, step.want)
		}
	}
}

// What was pushed cannot be pulled as well, nor the other way round.
func TestPushAndPullShareWhatWasAccepted(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir()})
	signer, name := newSigner(t), file(t)
	c := pulled(signer, name)
	c.Push = true
	source := newSource(t, c, tokens.Options{})
	first, second := sign(t, signer, "first", 0), sign(t, signer, "second", time.Second)
	if _, err := source.Push(t.Context(), s, first, time.Now()); err != nil {
		t.Fatal(err)
	}
	write(t, name, first)
	if err := poll1(t, s, source); err != nil {
		t.Error(err)
	}
	write(t, name, second)
	if err := poll1(t, s, source); err != nil {
		t.Error(err)
	}
	if _, err := source.Push(t.Context(), s, second, time.Now()); !errors.Is(err, signed.ErrReplayed) {
		t.Errorf("got %v", err)
	}
	write(t, name, first)
	if err := poll1(t, s, source); !errors.Is(err, signed.ErrReplayed) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"push web first", "pull web second"}, stored(t, s)); diff != "" {
		t.Error(diff)
	}
}

// failing is a store in which an advance fails, before or after it is done.
type failing struct {
	*store.Store
	after bool
}

func (f *failing) Advance(ctx context.Context, p store.Position, deliveries ...store.Delivery) ([]store.Receipt, int64, error) {
	if f.after {
		if _, _, err := f.Store.Advance(ctx, p, deliveries...); err != nil {
			return nil, 0, err
		}
	}
	return nil, 0, store.ErrUnavailable
}

// Pushed tokens pass the rules that hold for every source: stored before moved, once,
// across restarts and among agents.
func TestPushConformance(t *testing.T) {
	for name, database := range databases(t) {
		t.Run(name+", stored before moved", func(t *testing.T) {
			s, signer := open(t, database(t)), newSigner(t)
			source, text := newSource(t, conf(signer), tokens.Options{}), sign(t, signer, "a", 0)
			for range 2 {
				if _, err := source.Push(t.Context(), &failing{Store: s}, text, time.Now()); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
			}
			if got := guard(t, s); len(stored(t, s)) != 0 || got != "0" {
				t.Errorf("stored is %q, the guard is %s", stored(t, s), got)
			}
			if _, err := source.Push(t.Context(), s, text, time.Now()); err != nil {
				t.Error(err)
			}
		})
		t.Run(name+", a crash after storing", func(t *testing.T) {
			o := database(t)
			s, signer := open(t, o), newSigner(t)
			text := sign(t, signer, "a", 0)
			if _, err := newSource(t, conf(signer), tokens.Options{}).Push(t.Context(), &failing{s, true}, text, time.Now()); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, o)
			source := newSource(t, conf(signer), tokens.Options{})
			if _, err := source.Push(t.Context(), s, text, time.Now()); !errors.Is(err, signed.ErrReplayed) {
				t.Errorf("after the start: %v", err)
			}
			if _, err := source.Push(t.Context(), s, sign(t, signer, "b", time.Second), time.Now()); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff([]string{"push web a", "push web b"}, stored(t, s)); diff != "" {
				t.Error(diff)
			}
			// Without its position the event is known by its delivery.
			if err := s.Forget(t.Context(), tokens.Kind, "web"); err != nil {
				t.Fatal(err)
			}
			receipt, err := source.Push(t.Context(), s, text, time.Now())
			if err != nil || receipt.Outcome != store.Duplicate || len(stored(t, s)) != 2 {
				t.Errorf("without a position: %+v, %v", receipt, err)
			}
		})
		t.Run(name+", two agents", func(t *testing.T) {
			o := database(t)
			signer := newSigner(t)
			agents := []*store.Store{open(t, o), open(t, o)}
			for round := range 3 {
				// One token that both are sent, and one for each.
				text := sign(t, signer, fmt.Sprint("same", round), 0)
				var all sync.WaitGroup
				var mu sync.Mutex
				accepted := 0
				for i, s := range agents {
					source := newSource(t, conf(signer), tokens.Options{})
					own := sign(t, signer, fmt.Sprintf("own%d-%d", round, i), 0)
					all.Go(func() {
						_, err := source.Push(t.Context(), s, text, time.Now())
						mu.Lock()
						defer mu.Unlock()
						switch {
						case err == nil:
							accepted++
						case !errors.Is(err, signed.ErrReplayed) && !errors.Is(err, signed.ErrOlder):
							t.Error(err)
						}
					})
					all.Go(func() {
						if _, err := source.Push(t.Context(), s, own, time.Now()); err != nil && !errors.Is(err, signed.ErrOlder) {
							t.Error(err)
						}
					})
				}
				all.Wait()
				if accepted > 1 {
					t.Errorf("it was accepted %d times", accepted)
				}
			}
			seen := map[string]bool{}
			for _, e := range stored(t, agents[0]) {
				if seen[e] {
					t.Errorf("%s is stored twice", e)
				}
				seen[e] = true
			}
		})
	}
}

// Filters are those of the poller, too.
func TestFilters(t *testing.T) {
	c := pulled(newSigner(t), "/a")
	c.Filters = []predicate.Filter{{}}
	var filtered poll.Filtered = newSource(t, c, tokens.Options{})
	if len(filtered.Filters()) != 1 {
		t.Error("it has none")
	}
}
