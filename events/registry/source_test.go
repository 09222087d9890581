package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/events/registry/registrytest"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/poll/polltest"
)

func TestConformance(t *testing.T) {
	for name, database := range databases {
		t.Run(name, func(t *testing.T) { polltest.Run(t, database, shopWorld) })
	}
}

// shopWorld is a real registry, in which each thing that happens is a new version.
func shopWorld(t *testing.T) polltest.World {
	real := registrytest.Start(t)
	number := 0
	return polltest.World{
		New: func(t *testing.T) poll.Source {
			return &registry.Source{
				Watch:    registry.Watch{Name: "shop", Host: real.Host, Repository: "acme/shop", Interval: time.Minute, AutoDeploy: true, Attempts: 3},
				Registry: openRemote(t, registry.Where{Host: real.Host, Repository: "acme/shop", Insecure: true}),
				Outcome: func(context.Context, string) (registry.Outcome, error) {
					return registry.Outcome{Ending: registry.Succeeded}, nil
				},
				Aim: func(context.Context, *events.Event) error { return nil },
			}
		},
		Happen: func(*testing.T) string {
			number++
			tag := fmt.Sprintf("v1.0.%d", number)
			real.Push("acme/shop", tag)
			return "acme/shop:" + tag
		},
		Now: time.Now,
		Break: func(*testing.T) func() {
			real.Down()
			return real.Up
		},
	}
}

// shelf is a registry in memory: digests by tags.
type shelf struct {
	tags map[string]string
	err  error
	// asked counts requests for digests.
	asked int
}

func (s *shelf) Tags(context.Context) ([]string, error) {
	if s.err != nil {
		return nil, s.err
	}
	if len(s.tags) == 0 {
		return nil, registry.ErrNoRepository
	}
	var tags []string
	for tag := range s.tags {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags, nil
}

func (s *shelf) Digest(_ context.Context, tag string) (string, error) {
	s.asked++
	if digest := s.tags[tag]; digest != "" {
		return digest, s.err
	}
	return "", registry.ErrNoTag
}

// bed is a source with a registry and runs that do as a test says.
type bed struct {
	*testing.T
	shelf    *shelf
	source   *registry.Source
	position json.RawMessage
	now      time.Time
	// outcomes are by delivery, deliveries those of the deployments, the latest
	// last.
	outcomes   map[string]registry.Outcome
	deliveries []string
	keys       map[string]bool
	next       time.Time
}

func newBed(t *testing.T, change ...func(*registry.Watch)) *bed {
	b := &bed{T: t, shelf: &shelf{tags: map[string]string{}}, now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), outcomes: map[string]registry.Outcome{}, keys: map[string]bool{}}
	w := registry.Watch{Name: "shop", Host: "registry.example.com", Repository: "acme/shop", Interval: time.Minute, AutoDeploy: true, Attempts: 3}
	for _, c := range change {
		c(&w)
	}
	b.source = &registry.Source{
		Watch: w, Registry: b.shelf,
		Outcome: func(_ context.Context, delivery string) (registry.Outcome, error) { return b.outcomes[delivery], nil },
		Aim:     func(_ context.Context, e *events.Event) error { e.Ref = "refs/heads/main"; return nil },
	}
	return b
}

// look looks until nothing is left to be told at this time, and returns what was
// told, as NAME TAG, with the cause of a deployment.
func (b *bed) look() []string {
	b.Helper()
	told := []string{}
	for range 200 {
		found, err := b.source.Poll(b.Context(), poll.At{Now: b.now, Position: b.position})
		if err != nil {
			b.Fatal(err)
		}
		b.position, b.next = found.Position, found.Next
		for _, e := range found.Events {
			var p registry.Payload
			if err := json.Unmarshal(e.Payload, &p); err != nil {
				b.Fatal(err)
			}
			if b.keys[e.Delivery] {
				b.Errorf("the key %s is used twice", e.Delivery)
			}
			b.keys[e.Delivery] = true
			if e.Vendor != "registry" || e.Filter != "acme/shop:"+p.Tag || !e.Trusted || e.Ref != "refs/heads/main" ||
				p.Image != "registry.example.com/acme/shop:"+p.Tag || p.Digest != b.shelf.tags[p.Tag] || p.ImageDigest != "registry.example.com/acme/shop@"+p.Digest {
				b.Errorf("the event is %+v, %s", e, e.Payload)
			}
			line := e.Name + " " + p.Tag
			if e.Name == registry.NameDeploy {
				line += " " + string(p.Cause)
				b.deliveries = append(b.deliveries, e.Delivery)
			}
			told = append(told, line)
		}
		if found.Next.After(b.now) {
			return told
		}
	}
	b.Fatal("it never comes to an end")
	return nil
}

// want looks and compares.
func (b *bed) want(what string, told ...string) {
	b.Helper()
	if diff := cmp.Diff(append([]string{}, told...), b.look()); diff != "" {
		b.Errorf("%s:\n%s", what, diff)
	}
}

// end has the last deployment end.
func (b *bed) end(ending registry.Ending) {
	b.Helper()
	if len(b.deliveries) == 0 {
		b.Fatal("nothing is deployed")
	}
	b.outcomes[b.deliveries[len(b.deliveries)-1]] = registry.Outcome{Run: int64(len(b.deliveries)), Ending: ending, Reason: "because", At: b.now}
}

func (b *bed) state() registry.State {
	b.Helper()
	s, err := b.source.Watch.ReadState(b.position, b.now)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// set changes the state as a person does.
func (b *bed) set(change func(*registry.State)) {
	b.Helper()
	s := b.state()
	change(&s)
	value, err := json.Marshal(s)
	if err != nil {
		b.Fatal(err)
	}
	b.position = value
}

func (b *bed) deployed(tag, digest string) {
	b.Helper()
	if d := b.state().Deployed; d == nil || d.Tag != tag || d.Digest != digest {
		b.Errorf("deployed is %+v, want %s %s", d, tag, digest)
	}
}

func TestReleases(t *testing.T) {
	b := newBed(t)
	b.want("nobody has pushed yet")
	b.shelf.tags["main"] = "sha256:m"
	b.want("a tag that is no version", "tag main")
	b.shelf.tags["v1.0.0"] = "sha256:1"
	b.want("the first release ever counts", "tag v1.0.0", "release v1.0.0", "deploy v1.0.0 release")
	b.want("the same again")
	b.shelf.tags["v1.1.0"] = "sha256:2"
	b.want("while the first is being deployed", "tag v1.1.0", "release v1.1.0")
	b.end(registry.Succeeded)
	b.want("once it is deployed", "deploy v1.1.0 release")
	b.deployed("v1.0.0", "sha256:1")
	b.end(registry.Succeeded)
	b.want("and that is deployed")
	b.deployed("v1.1.0", "sha256:2")
	b.shelf.tags["v0.9.0"] = "sha256:3"
	b.want("an older version", "tag v0.9.0")
	b.shelf.tags["v1.1.0"] = "sha256:4"
	b.want("the newest is overwritten", "digest v1.1.0", "deploy v1.1.0 digest")
	b.end(registry.Succeeded)
	delete(b.shelf.tags, "v1.1.0")
	b.want("the newest is deleted: nothing older is deployed")
	b.deployed("v1.1.0", "sha256:4")
	b.shelf.tags["v1.1.0"] = "sha256:5"
	b.want("and is pushed again", "tag v1.1.0", "deploy v1.1.0 digest")
	b.shelf.tags["main"] = "sha256:n"
	b.want("a tag that nobody waits for is overwritten")
}

// What is there at first is deployed if nothing else is, since that is compared
// with what is deployed, which is nothing.
func TestFirstLook(t *testing.T) {
	b := newBed(t)
	b.shelf.tags = map[string]string{"v1.0.0": "sha256:1", "v1.2.0": "sha256:2", "main": "sha256:m"}
	b.want("the first look", "release v1.2.0", "deploy v1.2.0 release")
	b = newBed(t, func(w *registry.Watch) { w.AutoDeploy = false })
	b.shelf.tags = map[string]string{"v1.0.0": "sha256:1"}
	b.want("without auto-deploy", "release v1.0.0")
	b = newBed(t, func(w *registry.Watch) { w.Pinned = "main" })
	b.shelf.tags = map[string]string{"v1.0.0": "sha256:1", "main": "sha256:m"}
	b.want("with a pin", "release v1.0.0", "deploy main pin")
	b = newBed(t, func(w *registry.Watch) { w.Pinned = "later" })
	b.want("with a pin of what is not there")
	b.shelf.tags["later"] = "sha256:l"
	b.want("until it is", "tag later", "deploy later pin")
}

func TestPinned(t *testing.T) {
	b := newBed(t, func(w *registry.Watch) { w.Pinned = "main" })
	b.shelf.tags = map[string]string{"main": "sha256:1"}
	b.want("at first", "deploy main pin")
	b.end(registry.Succeeded)
	for i, digest := range []string{"sha256:2", "sha256:1", "sha256:2", "sha256:1"} {
		b.shelf.tags["main"] = digest
		b.want(fmt.Sprintf("overwritten %d times, also with what was there before", i), "digest main", "deploy main digest")
		b.end(registry.Succeeded)
	}
	b.shelf.tags["v9.0.0"] = "sha256:9"
	b.want("a release does not matter while something is pinned", "tag v9.0.0", "release v9.0.0")
	b.set(func(s *registry.State) { s.Pinned = "" })
	b.want("until nothing is", "deploy v9.0.0 release")
}

// What happens while auto-deploy is off is delivered once it is on again.
func TestAutoDeployWindow(t *testing.T) {
	b := newBed(t)
	b.shelf.tags["v1.0.0"] = "sha256:1"
	b.look()
	b.end(registry.Succeeded)
	b.look()
	b.set(func(s *registry.State) { s.AutoDeploy = false })
	b.shelf.tags["v2.0.0"] = "sha256:2"
	b.want("a release while it is off", "tag v2.0.0", "release v2.0.0")
	b.shelf.tags["v2.0.0"] = "sha256:3"
	b.want("and its digest", "digest v2.0.0")
	b.now = b.now.Add(240 * time.Hour)
	b.want("much later")
	b.set(func(s *registry.State) { s.AutoDeploy = true })
	b.want("on again", "deploy v2.0.0 release")
	b.end(registry.Succeeded)
	b.look()
	b.deployed("v2.0.0", "sha256:3")
	b.set(func(s *registry.State) { s.AutoDeploy = false })
	b.shelf.tags["v2.0.0"] = "sha256:4"
	b.want("another digest while it is off", "digest v2.0.0")
	b.set(func(s *registry.State) { s.AutoDeploy = true })
	b.want("on once more", "deploy v2.0.0 digest")
}

func TestRetries(t *testing.T) {
	b := newBed(t)
	b.shelf.tags["v1.0.0"] = "sha256:1"
	b.want("a release", "release v1.0.0", "deploy v1.0.0 release")
	b.end(registry.Failed)
	b.want("it fails")
	if a := b.state().Attempt; a == nil || a.Progress != registry.Failing || a.Reason != "because" || a.Run != 1 || !a.Retry.Equal(b.now.Add(time.Minute)) {
		b.Errorf("the attempt is %+v", a)
	}
	if b.next.After(b.now.Add(66 * time.Second)) {
		b.Errorf("the next look is at %s", b.next)
	}
	b.now = b.now.Add(59 * time.Second)
	b.want("too early")
	b.now = b.now.Add(time.Second)
	b.want("tried again", "deploy v1.0.0 release")
	b.end(registry.Failed)
	b.now = b.now.Add(time.Minute)
	b.want("the second pause is longer")
	b.now = b.now.Add(time.Minute)
	b.want("the last one", "deploy v1.0.0 release")
	b.end(registry.Failed)
	b.now = b.now.Add(24 * time.Hour)
	b.want("no more")
	if a := b.state().Attempt; a == nil || a.Progress != registry.GivenUp || a.Number != 3 || b.state().Deployed != nil {
		b.Errorf("the attempt is %+v", a)
	}
	b.shelf.tags["v1.0.0"] = "sha256:2"
	b.want("what is new is tried", "digest v1.0.0", "deploy v1.0.0 release")
	b.end(registry.Failed)
	b.look()
	b.shelf.tags["v1.0.1"] = "sha256:3"
	b.want("and comes before what failed", "tag v1.0.1", "release v1.0.1", "deploy v1.0.1 release")
	b.end(registry.Failed)
	b.look()
	b.set(func(s *registry.State) { s.AutoDeploy = false })
	b.now = b.now.Add(time.Hour)
	b.want("not while auto-deploy is off")
	b.set(func(s *registry.State) { s.AutoDeploy = true })
	b.want("but then", "deploy v1.0.1 release")
	b.end(registry.Succeeded)
	b.want("until it succeeds")
	b.deployed("v1.0.1", "sha256:3")
}

func TestOtherEndings(t *testing.T) {
	for ending, want := range map[registry.Ending]registry.Progress{registry.Skipped: registry.NotCalled, registry.Ended: registry.GivenUp} {
		b := newBed(t)
		b.shelf.tags["v1.0.0"] = "sha256:1"
		b.look()
		b.end(ending)
		b.want("it ends")
		b.now = b.now.Add(24 * time.Hour)
		b.want("it is not tried again")
		if s := b.state(); s.Attempt == nil || s.Attempt.Progress != want || s.Attempt.Retry != nil || s.Deployed != nil {
			b.Errorf("%s: the state is %+v", ending, s.Attempt)
		}
		b.end(registry.Unended) // somebody restarts the run
		b.want("restarted")
		if a := b.state().Attempt; a.Progress != registry.Deploying {
			b.Errorf("%s: restarted it is %s", ending, a.Progress)
		}
		b.end(registry.Succeeded)
		b.want("and it succeeds")
		b.deployed("v1.0.0", "sha256:1")
		b.shelf.tags["v1.0.1"] = "sha256:2"
		b.want("the next release", "tag v1.0.1", "release v1.0.1", "deploy v1.0.1 release")
	}
}

// A person's wish is tried again also where nothing is deployed of itself.
func TestRetriesOfWhatWasAskedFor(t *testing.T) {
	b := newBed(t, func(w *registry.Watch) { w.AutoDeploy = false })
	b.shelf.tags["main"] = "sha256:1"
	b.look()
	b.set(func(s *registry.State) {
		s.Pinned, s.Digests = "main", map[string]string{"main": "sha256:1"}
		s.Attempt = &registry.Attempt{Tag: "main", Digest: "sha256:1", Cause: registry.CausePin, Delivery: "x", Number: 1}
	})
	b.outcomes["x"] = registry.Outcome{Ending: registry.Failed, At: b.now}
	b.want("it fails")
	b.shelf.tags["main"] = "sha256:2"
	b.now = b.now.Add(time.Minute)
	b.want("and is tried again with what is there now", "digest main", "deploy main pin")
}

// With many tags there is not a request for each, and not all is told at once.
func TestManyNewTags(t *testing.T) {
	b := newBed(t)
	for i := range 1000 {
		b.shelf.tags[fmt.Sprintf("t%d", i)] = "sha256:t"
	}
	b.shelf.tags["v1.0.0"] = "sha256:1"
	b.want("the first look", "release v1.0.0", "deploy v1.0.0 release")
	if b.shelf.asked != 1 {
		t.Errorf("asked for %d digests, want 1", b.shelf.asked)
	}
	b.end(registry.Succeeded)
	b.look()
	b.shelf.asked = 0
	b.look()
	if b.shelf.asked != 1 {
		t.Errorf("asked for %d digests, want 1", b.shelf.asked)
	}
	for i := range 1000 {
		b.shelf.tags[fmt.Sprintf("u%d", i)] = "sha256:u"
	}
	b.shelf.tags["v9.0.0"] = "sha256:9"
	found, err := b.source.Poll(t.Context(), poll.At{Now: b.now, Position: b.position})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(found.Events); n != 27 || found.Events[26].Name != "deploy" || !found.Next.Equal(b.now) {
		t.Errorf("one look tells of %d events, the next is at %s", n, found.Next)
	}
	told := b.look()
	slices.Sort(told)
	if len(told) != 1003 || len(slices.Compact(told)) != 1003 {
		t.Errorf("%d events are told, want 1,003", len(told))
	}
	if len(b.position) > 64<<10 {
		t.Errorf("the position has %d bytes", len(b.position))
	}
}

func TestIgnoredTags(t *testing.T) {
	b := newBed(t, func(w *registry.Watch) { w.Ignore = regexp.MustCompile(`^sha-|-rc`) })
	b.look()
	b.shelf.tags = map[string]string{"sha-1": "sha256:1", "v1.0.0-rc1": "sha256:2", "main": "sha256:3"}
	b.want("only what is not ignored", "tag main")
	if diff := cmp.Diff([]string{"main"}, b.state().Tags); diff != "" {
		t.Error(diff)
	}
}

// What the configuration says about another repository begins anew.
func TestStateOfAnotherRepository(t *testing.T) {
	b := newBed(t)
	b.shelf.tags["v1.0.0"] = "sha256:1"
	b.look()
	b.end(registry.Succeeded)
	b.look()
	b.source.Watch.Pinned, b.source.Watch.AutoDeploy = "main", false
	if s := b.state(); s.Pinned != "" || !s.AutoDeploy {
		t.Errorf("what people set is overruled: %+v", s)
	}
	b.source.Watch.Repository = "acme/other"
	if s := b.state(); s.Deployed != nil || s.Looked || s.Pinned != "main" || s.AutoDeploy {
		t.Errorf("the state is %+v", s)
	}
}

// A repository that has gone is an error: its tags are not new when it is back.
func TestRepositoryGone(t *testing.T) {
	b := newBed(t)
	b.shelf.tags["v1.0.0"] = "sha256:1"
	b.look()
	tags := b.shelf.tags
	b.shelf.tags = nil
	if _, err := b.source.Poll(t.Context(), poll.At{Now: b.now, Position: b.position}); !errors.Is(err, registry.ErrNoRepository) {
		t.Errorf("got %v", err)
	}
	b.shelf.tags = tags
	b.want("back again")
}

// What became of a deployment is noted also while the registry is away.
func TestSettledWithoutRegistry(t *testing.T) {
	b := newBed(t)
	b.shelf.tags["v1.0.0"] = "sha256:1"
	b.look()
	b.end(registry.Succeeded)
	b.shelf.err = errors.New("the registry is away")
	found, err := b.source.Poll(t.Context(), poll.At{Now: b.now, Position: b.position})
	if err != nil {
		t.Fatal(err)
	}
	b.position = found.Position
	b.deployed("v1.0.0", "sha256:1")
	if _, err := b.source.Poll(t.Context(), poll.At{Now: b.now, Position: b.position}); !errors.Is(err, b.shelf.err) {
		t.Errorf("got %v", err)
	}
}

// An event is not stored before it is known whose functions it calls.
func TestAimFails(t *testing.T) {
	b := newBed(t)
	b.shelf.tags["v1.0.0"] = "sha256:1"
	b.source.Aim = func(context.Context, *events.Event) error { return errors.New("nobody knows acme/shop") }
	if _, err := b.source.Poll(t.Context(), poll.At{Now: b.now}); err == nil || !strings.Contains(err.Error(), "nobody knows") {
		t.Errorf("got %v", err)
	}
}
