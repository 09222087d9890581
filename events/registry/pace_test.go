package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/internal/poll"
)

// once looks once and fails if that came to nothing, and is to be done again at once.
func (b *bed) once() poll.Found {
	b.Helper()
	found, err := b.source.Poll(b.Context(), poll.At{Now: b.now, Position: b.position})
	if err != nil {
		b.Fatal(err)
	}
	if !found.Next.After(b.now) && len(found.Events) == 0 && string(found.Position) == string(b.position) {
		b.Fatalf("nothing comes of it, and it wants to look again at once; it is at %s", b.position)
	}
	b.position = found.Position
	return found
}

// Tags that are listed and stand for nothing have nothing asked without end, and keep
// nobody from hearing of others. They are new once they stand for something.
func TestTagsThatStandForNothing(t *testing.T) {
	b := newBed(t)
	b.shelf.tags = map[string]string{"v1.0.0": "sha256:1"}
	b.want("at first", "release v1.0.0", "deploy v1.0.0 release")
	b.end(registry.Succeeded)
	for i := range 100 {
		b.shelf.tags[fmt.Sprintf("a%02d", i)] = ""
	}
	for range 100 {
		found := b.once()
		if found.Next.After(b.now) && len(b.state().Hollow) == 100 {
			break
		}
	}
	b.shelf.tags["b"] = "sha256:b"
	b.shelf.asked = 0
	b.want("one that stands for something", "tag b")
	if b.shelf.asked > 30 {
		t.Errorf("asked for %d digests", b.shelf.asked)
	}
	position := string(b.position)
	b.want("nothing is new")
	if string(b.position) != position {
		t.Error("the position moved")
	}
	b.shelf.tags["a50"] = "sha256:a"
	var told []string
	for range 200 {
		if b.now = b.now.Add(time.Minute); len(told) == 0 {
			told = b.look()
		}
	}
	if !slices.Equal(told, []string{"tag a50"}) {
		t.Errorf("told is %q", told)
	}
	if s := b.state(); len(s.Hollow) != 99 || !slices.Contains(s.Tags, "a50") || !slices.IsSorted(s.Hollow) || !slices.IsSorted(s.Tags) {
		t.Errorf("the state is %+v", s)
	}
	delete(b.shelf.tags, "a00")
	b.look()
	if n := len(b.state().Hollow); n != 98 {
		t.Errorf("%d are kept, one of which has gone", n)
	}
}

// A version without an image is no release, and does not hide the one before it.
func TestVersionsThatStandForNothing(t *testing.T) {
	for name, first := range map[string]bool{"on the first look": true, "later": false} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			if !first {
				b.look()
			}
			b.shelf.tags["v1.0.0"] = "sha256:1"
			for i := range 60 {
				b.shelf.tags[fmt.Sprintf("v2.0.%d", i)] = ""
			}
			want := []string{"release v1.0.0", "deploy v1.0.0 release"}
			if !first {
				want = append([]string{"tag v1.0.0"}, want...)
			}
			told := []string{}
			for range 10 {
				told = append(told, b.look()...)
				b.now = b.now.Add(time.Minute)
			}
			if !slices.Equal(told, want) {
				t.Errorf("told is %q, want %q", told, want)
			}
			b.end(registry.Succeeded)
			b.shelf.tags["v2.0.7"] = "sha256:2"
			told = nil
			for range 200 {
				b.now = b.now.Add(time.Minute)
				told = append(told, b.look()...)
			}
			if want := []string{"tag v2.0.7", "release v2.0.7", "deploy v2.0.7 release"}; !slices.Equal(told, want) {
				t.Errorf("told is %q, want %q", told, want)
			}
		})
	}
}

// Whatever a run says, it is noted once.
func TestReasonsThatAreNoText(t *testing.T) {
	b := newBed(t)
	b.shelf.tags["v1.0.0"] = "sha256:1"
	b.look()
	for _, ending := range []registry.Ending{registry.Failed, registry.Ended, registry.Skipped} {
		b.outcomes[b.deliveries[0]] = registry.Outcome{Run: 1, Ending: ending, Reason: "no \xff text", At: b.now}
		for n := 0; !b.once().Next.After(b.now); n++ {
			if n > 2 {
				t.Fatalf("%s: it is noted again and again", ending)
			}
		}
		if a := b.state().Attempt; a == nil || a.Reason != "no \uFFFD text" {
			t.Errorf("%s: the attempt is %+v", ending, a)
		}
	}
}

// What a person asked for is tried again also if something newer comes meanwhile that
// is not deployed by itself, as often as all else.
func TestRetriesOfWhatIsNoLongerTheNewest(t *testing.T) {
	for _, cause := range []registry.Cause{registry.CauseReset, registry.CauseRedeploy, registry.CausePin} {
		t.Run(string(cause), func(t *testing.T) {
			b := newBed(t, func(w *registry.Watch) { w.AutoDeploy = false })
			b.shelf.tags["v1.0.0"] = "sha256:1"
			b.look()
			b.grant(registry.Wish{Cause: cause})
			b.end(registry.Failed)
			b.shelf.tags["v1.1.0"] = "sha256:2"
			b.want("something newer", "tag v1.1.0", "release v1.1.0")
			for range 2 {
				b.now = b.now.Add(2 * time.Minute)
				b.want("it is tried again", "deploy v1.0.0 "+string(cause))
				b.end(registry.Failed)
			}
			b.now = b.now.Add(24 * time.Hour)
			b.want("no more")
			if a := b.state().Attempt; a == nil || a.Progress != registry.GivenUp || a.Number != 3 {
				t.Errorf("the attempt is %+v", a)
			}
		})
	}
	b := newBed(t, func(w *registry.Watch) { w.AutoDeploy = false })
	b.shelf.tags["v1.0.0"] = "sha256:1"
	b.look()
	b.grant(registry.Wish{Cause: registry.CauseRedeploy})
	b.end(registry.Failed)
	b.look()
	delete(b.shelf.tags, "v1.0.0")
	b.shelf.tags["v0.1.0"] = "sha256:0"
	b.now = b.now.Add(time.Hour)
	b.want("what is not there is not tried", "tag v0.1.0")
}

// grant does a wish to the state, as package registries does.
func (b *bed) grant(wish registry.Wish) {
	b.Helper()
	s := b.state()
	image, err := b.source.Watch.Look(b.Context(), b.shelf, &s, wish)
	if err != nil {
		b.Fatal(err)
	}
	event, deploys := b.source.Watch.Grant(&s, wish, image, "mona")
	if !deploys {
		b.Fatal("nothing is deployed")
	}
	b.deliveries = append(b.deliveries, event.Delivery)
	if b.position, err = json.Marshal(s); err != nil {
		b.Fatal(err)
	}
}

// Two registries have repositories of one name, and a watch may go from one to the
// other: neither its state nor the keys of its events are the same.
func TestRepositoriesOfOneName(t *testing.T) {
	keys := map[string]string{}
	for _, host := range []string{"registry.example.com", "registry.example.org"} {
		b := newBed(t, func(w *registry.Watch) { w.Host = host })
		b.shelf.tags["v1.0.0"] = "sha256:1"
		for range 3 {
			found := b.once()
			for _, e := range found.Events {
				if other := keys[e.Delivery]; other != "" {
					t.Errorf("%s and %s have the key %s", host, other, e.Delivery)
				}
				keys[e.Delivery] = host
			}
		}
		b.source.Watch.Host = "registry.example.net"
		if s := b.state(); s.Looked || s.Attempt != nil {
			t.Errorf("another host has the state of %s", host)
		}
	}
	if len(keys) != 4 {
		t.Errorf("the keys are %v", keys)
	}
}

// A registry that asks for a pause is left alone, whoever has the source look, and
// what became of a deployment is noted nonetheless.
func TestPauseThatTheRegistryWants(t *testing.T) {
	b := newBed(t)
	b.shelf.tags["v1.0.0"] = "sha256:1"
	b.look()
	b.end(registry.Succeeded)
	b.once()
	tags := 0
	b.source.Registry = &counted{shelf: b.shelf, tags: &tags}
	b.shelf.err = fmt.Errorf("list the tags: %w", &poll.RetryAfterError{After: 10 * time.Minute, Err: errors.New("too many requests")})
	b.outcomes["x"] = registry.Outcome{}
	b.set(func(s *registry.State) {
		s.Attempt = &registry.Attempt{Tag: "v1.0.0", Digest: "sha256:1", Cause: registry.CausePin, Delivery: "x", Number: 1, Progress: registry.Deploying}
	})
	for range 5 {
		_, err := b.source.Poll(t.Context(), poll.At{Now: b.now, Position: b.position})
		asked, ok := errors.AsType[*poll.RetryAfterError](err)
		if !ok || !asked.Nudged || asked.After != 10*time.Minute-b.now.Sub(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)) || !strings.Contains(err.Error(), "too many requests") {
			t.Errorf("got %v", err)
		}
		b.now = b.now.Add(time.Minute)
	}
	if tags != 1 {
		t.Errorf("it was asked %d times", tags)
	}
	b.outcomes["x"] = registry.Outcome{Run: 7, Ending: registry.Succeeded, At: b.now}
	b.once()
	if d := b.state().Deployed; d == nil || d.Run != 7 {
		t.Errorf("deployed is %+v", d)
	}
	b.shelf.err = nil
	b.now = b.now.Add(10 * time.Minute)
	b.want("afterwards")
	if tags != 2 {
		t.Errorf("afterwards it was asked %d times", tags-1)
	}
}

// counted is a shelf whose lists are counted.
type counted struct {
	*shelf
	tags *int
}

func (c *counted) Tags(ctx context.Context) ([]string, error) {
	*c.tags++
	return c.shelf.Tags(ctx)
}

// A repository has no more tags than are kept of one, on how many pages ever.
func TestTooManyTags(t *testing.T) {
	var page strings.Builder
	page.WriteString(`{"tags": ["x"`)
	for i := range 100_000 {
		fmt.Fprintf(&page, `,"t%d"`, i)
	}
	page.WriteString(`]}`)
	host := standIn(t, map[string]http.HandlerFunc{"GET /v2/acme/shop/tags/list": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page.String()) }})
	_, err := openRemote(t, registry.Where{Host: host, Repository: "acme/shop", Insecure: true}).Tags(t.Context())
	if err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v", err)
	}
}
