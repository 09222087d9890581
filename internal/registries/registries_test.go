package registries_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/internal/registries"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

// From the first release on: push, overwrite, pin, toggle, reset, delete, with the
// agent and the registry away in between.
func TestLife(t *testing.T) {
	w := newWorld(t)
	w.quiet("before the first push")
	first := w.registry.Push("acme/shop", "v1.0.0")
	if p := w.deploys("v1.0.0", registry.CauseRelease); p.Digest != first || p.PreviousTag != "" || p.Image != w.registry.Host+"/acme/shop:v1.0.0" {
		t.Errorf("the payload is %+v", p)
	}
	w.quiet("nothing new")

	second := w.registry.Push("acme/shop", "v1.0.0")
	if p := w.deploys("v1.0.0", registry.CauseDigest); p.Digest != second || p.PreviousTag != "v1.0.0" || p.PreviousDigest != first {
		t.Errorf("the payload is %+v", p)
	}
	w.registry.Push("acme/shop", "v0.9.0")
	w.quiet("an older version")

	w.registry.Push("acme/shop", "main")
	changed, err := w.set.Change(t.Context(), "shop", text("main"), nil, mona)
	if err != nil || changed.Tag != "main" || changed.Run == 0 || changed.Event == "" {
		t.Fatalf("pinned: %+v, %v", changed, err)
	}
	w.deploys("main", registry.CausePin)
	event, err := w.store.Event(t.Context(), changed.Event)
	if err != nil || event.Sender != "mona" {
		t.Errorf("the event is %+v, %v", event, err)
	}
	if _, err := w.set.Change(t.Context(), "acme/shop", text("main"), nil, mona); err != nil {
		t.Fatal(err)
	}
	w.deploys("main", registry.CausePin) // though it is
	w.registry.Push("acme/shop", "v1.1.0")
	w.quiet("a release while something is pinned")

	if _, err := w.set.Change(t.Context(), "shop", nil, truth(false), mona); err != nil {
		t.Fatal(err)
	}
	w.registry.Push("acme/shop", "main")
	w.quiet("auto-deploy is off")
	w.stop()
	w.start()
	w.quiet("and is after a restart")
	if _, err := w.set.Change(t.Context(), "shop", text("v0.9.0"), nil, mona); err != nil {
		t.Fatal(err)
	}
	w.deploys("v0.9.0", registry.CausePin) // asked for, it deploys
	if _, err := w.set.Change(t.Context(), "shop", text("main"), nil, mona); err != nil {
		t.Fatal(err)
	}
	w.deploys("main", registry.CausePin)
	w.registry.Push("acme/shop", "main")
	w.quiet("auto-deploy is off still")
	if _, err := w.set.Change(t.Context(), "shop", nil, truth(true), mona); err != nil {
		t.Fatal(err)
	}
	w.deploys("main", registry.CauseDigest)

	if _, err := w.set.Change(t.Context(), "shop", nil, truth(false), mona); err != nil {
		t.Fatal(err)
	}
	if _, err := w.set.Reset(t.Context(), "shop", mona); err != nil {
		t.Fatal(err)
	}
	w.deploys("v1.1.0", registry.CauseReset)
	if s := w.status().State; !s.AutoDeploy || s.Pinned != "" {
		t.Errorf("after a reset the state is %+v", s)
	}
	if _, err := w.set.Change(t.Context(), "shop", nil, truth(false), mona); err != nil {
		t.Fatal(err)
	}
	if _, err := w.set.Reset(t.Context(), "shop", mona); err != nil || !w.status().State.AutoDeploy {
		t.Errorf("a second reset leaves auto-deploy off (%v)", err)
	}
	w.deploys("v1.1.0", registry.CauseReset)
	if _, err := w.set.Redeploy(t.Context(), "shop", mona); err != nil {
		t.Fatal(err)
	}
	w.deploys("v1.1.0", registry.CauseRedeploy)

	// Away, and back with what happened meanwhile.
	w.stop()
	third := w.registry.Push("acme/shop", "v2.0.0")
	w.start()
	w.deploys("v2.0.0", registry.CauseRelease)
	w.registry.Down()
	w.until("a failure", func() bool { return w.status().Polled.Failures > 0 && w.status().Polled.Error != "" })
	if _, err := w.set.Change(t.Context(), "shop", text("v1.1.0"), truth(false), mona); err == nil || !w.status().State.AutoDeploy {
		t.Errorf("a registry that is down has v1.1.0 pinned (%v): %+v", err, w.status().State)
	}
	w.registry.Up()
	w.registry.Delete("acme/shop", third)
	w.quiet("the newest version is deleted")
	if got := w.status(); got.Newest != "v1.1.0" || got.State.Deployed.Tag != "v2.0.0" {
		t.Errorf("the newest is %s, deployed %+v", got.Newest, got.State.Deployed)
	}
	w.registry.Push("acme/shop", "v2.0.0")
	w.deploys("v2.0.0", registry.CauseDigest)

	entries, err := w.store.Audit(t.Context(), store.AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}
	actions := map[string]int{}
	for _, e := range entries {
		actions[e.Action]++
		if e.Person != "mona" || e.Object != "registry shop" {
			t.Errorf("the audit log has %+v", e)
		}
	}
	if actions["pin"] != 4 || actions["reset"] != 2 || actions["redeploy"] != 1 || actions["auto-deploy"] != 4 {
		t.Errorf("the audit log has %v", actions)
	}
}

// What is deployed moves only when the functions have succeeded.
func TestDeployedMovesWithSuccess(t *testing.T) {
	w := newWorld(t)
	w.registry.Push("acme/shop", "v1.0.0")
	w.deploys("v1.0.0", registry.CauseRelease)
	w.registry.Push("acme/shop", "v1.1.0")
	_, claim := w.next("v1.1.0", registry.CauseRelease)
	w.until("the deployment", func() bool { a := w.status().State.Attempt; return a != nil && a.Progress == registry.Deploying })
	w.end(claim, store.StateFailed)
	w.until("the failure", func() bool { a := w.status().State.Attempt; return a != nil && a.Progress == registry.Failing })
	s := w.status().State
	if s.Deployed.Tag != "v1.0.0" || s.Attempt.Retry == nil || s.Attempt.Retry.Before(time.Now()) || s.Attempt.Reason == "" || s.Attempt.Run == 0 {
		t.Errorf("the state is %+v, %+v", s.Deployed, s.Attempt)
	}
	w.quiet("before it is time")
	// Somebody repairs it and restarts the run.
	run, err := w.store.RunByNumber(t.Context(), s.Attempt.Run)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Restart(t.Context(), run.ID, store.RestartAll, mona); err != nil {
		t.Fatal(err)
	}
	if claim, _, err = w.worker.ClaimCall(t.Context(), store.Limits{}); err != nil {
		t.Fatal(err)
	}
	w.end(claim, store.StateSucceeded)
	w.until("success", func() bool { return w.status().State.Deployed.Tag == "v1.1.0" && w.status().State.Attempt == nil })
}

func TestOtherEnds(t *testing.T) {
	w := newWorld(t)
	w.registry.Push("acme/shop", "v1.0.0")
	_, claim := w.next("v1.0.0", registry.CauseRelease)
	w.end(claim, store.StateAborted)
	w.until("the end", func() bool { a := w.status().State.Attempt; return a != nil && a.Progress == registry.GivenUp })
	w.quiet("somebody ended it")
	w.registry.Push("acme/shop", "v1.0.1")
	_, claim = w.next("v1.0.1", registry.CauseRelease)
	w.end(claim, store.StateTimedOut)
	w.until("the end", func() bool { a := w.status().State.Attempt; return a != nil && a.Progress == registry.Failing })
}

// A watch that calls nobody is watched all the same, and says that nobody was called.
func TestNobodyIsCalled(t *testing.T) {
	w := newWorld(t, func(w *settings.Watch) { w.Calls = settings.Target{} })
	w.registry.Push("acme/shop", "v1.0.0")
	w.until("the end", func() bool {
		a := w.status().State.Attempt
		return a != nil && a.Progress == registry.NotCalled && a.Reason != ""
	})
	w.quiet("nothing is tried again")
	if w.status().State.Deployed != nil {
		t.Error("something is deployed that nobody was called for")
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	if _, err := w.set.Redeploy(t.Context(), "shop", mona); !errors.Is(err, registry.ErrNoVersion) {
		t.Errorf("redeploy of nothing: %v", err)
	}
	for _, change := range []func() (registries.Changed, error){
		func() (registries.Changed, error) { return w.set.Reset(t.Context(), "shop", mona) },
		func() (registries.Changed, error) {
			return w.set.Change(t.Context(), "shop", text(""), truth(true), mona)
		},
	} {
		if changed, err := change(); err != nil || changed.Tag != "" || !changed.AutoDeploy {
			t.Errorf("without a version: %+v, %v", changed, err)
		}
	}
	w.registry.Push("acme/shop", "main")
	if _, err := w.set.Change(t.Context(), "shop", nil, nil, mona); !errors.Is(err, registries.ErrNothingAsked) {
		t.Errorf("a change of nothing: %v", err)
	}
	if _, err := w.set.Change(t.Context(), "other", text("main"), nil, mona); !isA[*registries.UnknownError](err) {
		t.Errorf("a watch that there is not: %v", err)
	}
	if _, err := w.set.Get(t.Context(), "other"); !isA[*registries.UnknownError](err) {
		t.Errorf("a watch that there is not: %v", err)
	}
	if _, err := w.set.Change(t.Context(), "shop", text("v1"), truth(false), mona); !isA[*registries.TagError](err) {
		t.Errorf("a tag that there is not: %v", err)
	}
	if s := w.status().State; s.Pinned != "" || !s.AutoDeploy {
		t.Errorf("what was refused is kept: %+v", s)
	}
	w.registry.Down()
	if _, err := w.set.Change(t.Context(), "shop", text("main"), nil, mona); !isA[*registries.AwayError](err) {
		t.Errorf("a registry that is down: %v", err)
	}
	w.conf[0].Host = "no host"
	if _, _, err := w.set.Prepare(w.conf, func(settings.Secret) (string, error) { return "secret", nil }); err == nil {
		t.Error("a bad host is prepared")
	}
	if _, _, err := w.set.Prepare(w.conf, func(settings.Secret) (string, error) { return "", errors.New("no secret") }); err == nil {
		t.Error("a missing secret is no error")
	}
}

func isA[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// Several agents and people at once make one deployment of each thing that happens,
// and lose no wish.
func TestSeveralAgents(t *testing.T) {
	w := newWorld(t)
	_, _, second, poller, stop := w.agent("other")
	defer stop()
	w.registry.Push("acme/shop", "v1.0.0")
	w.deploys("v1.0.0", registry.CauseRelease)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			set := w.set
			if i%2 == 1 {
				set = second
			}
			if _, err := set.Redeploy(t.Context(), "shop", mona); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.registry.Push("acme/shop", "v1.1.0")
	poller.Nudge(registry.Kind, "shop")
	for range 4 {
		_, claim := w.next("v1.0.0", registry.CauseRedeploy)
		w.end(claim, store.StateSucceeded)
	}
	w.deploys("v1.1.0", registry.CauseRelease)
	w.quiet("everything is deployed")
	list, err := w.store.Events(t.Context(), store.EventFilter{Name: registry.NameDeploy})
	if err != nil || len(list) != 6 {
		t.Errorf("%d deployments (%v), want 6", len(list), err)
	}
}

// A registry's notification has it asked now, not when it is time.
func TestNotifications(t *testing.T) {
	w := newWorld(t, func(w *settings.Watch) { w.Interval = time.Hour })
	hooks := w.use(w.set, w.poller)
	if len(hooks) != 1 || hooks[0].Name != "local" {
		t.Fatalf("the hooks are %+v", hooks)
	}
	w.until("the first look", func() bool { return w.status().State.Looked })
	w.registry.Push("acme/shop", "v1.0.0")
	header := map[string][]string{"Authorization": {"Bearer value-of-HOOK"}}
	body := fmt.Sprintf(`{"events": [{"action": "push", "target": {"repository": %q, "tag": "v9.9.9"}}]}`, "acme/shop")
	_, _ = hooks[0].Source.Receive(header, []byte(body))
	w.deploys("v1.0.0", registry.CauseRelease) // and not what the notification says
}

// A watch that is taken away and comes back goes on from where it was.
func TestReload(t *testing.T) {
	w := newWorld(t)
	w.registry.Push("acme/shop", "v1.0.0")
	w.deploys("v1.0.0", registry.CauseRelease)
	conf := w.conf
	w.conf = nil
	w.use(w.set, w.poller)
	if list, err := w.set.List(t.Context()); err != nil || len(list) != 0 || !w.set.Empty() {
		t.Errorf("watched is %v (%v)", list, err)
	}
	w.registry.Push("acme/shop", "v1.1.0")
	w.conf = slices.Clone(conf)
	w.use(w.set, w.poller)
	w.deploys("v1.1.0", registry.CauseRelease)
}
