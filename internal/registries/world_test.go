package registries_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/events/registry/registrytest"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/registries"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

// world is a real registry with an agent that watches it, whose runs end as a test
// says.
type world struct {
	*testing.T
	registry *registrytest.Registry
	dir      string
	store    *store.Store
	worker   *store.Agent
	set      *registries.Set
	poller   *poll.Poller
	// stop ends the poller and closes the store.
	stop func()
	conf []settings.Registry
}

// watching is a configuration of one watch.
func watching(host string, change ...func(*settings.Watch)) []settings.Registry {
	w := settings.Watch{
		Name: "shop", Repository: "acme/shop", Interval: time.Second, AutoDeploy: true, DeployAttempts: 3,
		Calls: settings.Target{Repository: "acme/deploy"},
	}
	for _, c := range change {
		c(&w)
	}
	return []settings.Registry{{Name: "local", Host: host, Insecure: true, Watch: []settings.Watch{w}, WebhookSecret: &settings.Secret{Env: "HOOK"}}}
}

func newWorld(t *testing.T, change ...func(*settings.Watch)) *world {
	r := registrytest.Start(t)
	w := &world{T: t, registry: r, dir: t.TempDir(), conf: watching(r.Host, change...)}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// start starts an agent on the world's database.
func (w *world) start() {
	w.Helper()
	w.store, w.worker, w.set, w.poller, w.stop = w.agent("agent")
}

// agent starts another agent on the same database.
func (w *world) agent(name string) (*store.Store, *store.Agent, *registries.Set, *poll.Poller, func()) {
	w.Helper()
	log := slog.New(slog.NewTextHandler(w.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	var set *registries.Set
	var s *store.Store
	s, err := store.Open(w.Context(), store.Options{DataDir: w.dir, Log: log, Ended: func(e store.End) {
		go func() { // it must not keep the store
			run, err := s.Run(context.Background(), e.Run)
			if err != nil {
				return // it is closed
			}
			if event, err := s.Event(context.Background(), run.Event); err == nil {
				set.Ended(&event.Event)
			}
		}()
	}})
	if err != nil {
		w.Fatal(err)
	}
	poller := poll.New(poll.Config{Store: s, Log: log})
	set = registries.New(registries.Config{
		Store: s,
		Aim: func(_ context.Context, t settings.Target, e *events.Event) error {
			if t.Repository != "" {
				e.Repository = &events.Repository{FullName: t.Repository, CloneURL: "https://git.example.com/" + t.Repository + ".git", DefaultBranch: "main"}
			}
			return nil
		},
		Nudge:  func(name string) { poller.Nudge(registry.Kind, name) },
		States: func() []poll.State { return poller.States(registry.Kind) },
	})
	w.use(set, poller)
	worker, err := s.Join(w.Context(), name, true)
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		poller.Run(ctx)
	}()
	return s, worker, set, poller, func() {
		cancel()
		<-ended
		if err := s.Close(); err != nil {
			w.Error(err)
		}
	}
}

// use puts the world's configuration into force.
func (w *world) use(set *registries.Set, poller *poll.Poller) []registries.Hook {
	w.Helper()
	watches, hooks, err := set.Prepare(w.conf, func(s settings.Secret) (string, error) { return "value-of-" + s.Env, nil })
	if err != nil {
		w.Fatal(err)
	}
	set.Use(watches)
	poller.Set(registry.Kind, watches.Sources())
	return hooks
}

// until waits for something to be so.
func (w *world) until(what string, so func() bool) {
	w.Helper()
	deadline := time.After(time.Minute)
	for !so() {
		select {
		case <-deadline:
			status, err := w.set.Get(w.Context(), "shop")
			w.Fatalf("it never comes to %s; it is %+v, %v, %v", what, status, status.State.Attempt, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// status is how the watch stands.
func (w *world) status() registries.Status {
	w.Helper()
	status, err := w.set.Get(w.Context(), "shop")
	if err != nil {
		w.Fatal(err)
	}
	return status
}

// looked waits until the registry has been asked after now.
func (w *world) looked() {
	w.Helper()
	from := time.Now()
	w.poller.Nudge(registry.Kind, "shop")
	w.until("a look", func() bool { return w.status().Polled.LastPoll.After(from) && w.status().Polled.Failures == 0 })
	// That look may have been one that settles a deployment and asks nobody.
	from = time.Now()
	w.poller.Nudge(registry.Kind, "shop")
	w.until("another look", func() bool { return w.status().Polled.LastPoll.After(from) && w.status().Polled.Failures == 0 })
}

// next claims the run of the next event that is a deployment, after the runs of all
// other events, and returns what it deploys. It has one call.
func (w *world) next(tag string, cause registry.Cause) (registry.Payload, store.Claim) {
	w.Helper()
	var (
		claim store.Claim
		run   store.Run
		p     registry.Payload
	)
	for {
		w.until("a run", func() (ok bool) {
			var err error
			claim, run, err = w.worker.ClaimRun(w.Context(), store.Limits{})
			if err != nil && !errors.Is(err, store.ErrNoWork) {
				w.Fatal(err)
			}
			return err == nil
		})
		event, err := w.store.Event(w.Context(), run.Event)
		if err != nil {
			w.Fatal(err)
		}
		if event.Name != registry.NameDeploy {
			if err := w.worker.Unplanned(w.Context(), claim, store.StateSkipped, "no function", false); err != nil {
				w.Fatal(err)
			}
			continue
		}
		if err := json.Unmarshal(event.Payload, &p); err != nil {
			w.Fatal(err)
		}
		if p.Tag != tag || p.Cause != cause || event.Repository.FullName != "acme/deploy" {
			w.Fatalf("deployed is %s because of %s for %s, want %s because of %s", p.Tag, p.Cause, event.Repository.FullName, tag, cause)
		}
		break
	}
	plan := store.Plan{Plan: json.RawMessage(`{}`), Calls: []store.NewCall{{Module: "ci", Function: "onRegistryDeploy", Spec: json.RawMessage(`{}`)}}}
	if _, err := w.worker.Planned(w.Context(), claim, plan); err != nil {
		w.Fatal(err)
	}
	claim, _, err := w.worker.ClaimCall(w.Context(), store.Limits{})
	if err != nil {
		w.Fatal(err)
	}
	return p, claim
}

// end ends a call of next.
func (w *world) end(claim store.Claim, state store.State) {
	w.Helper()
	if _, err := w.worker.Finish(w.Context(), claim, store.Ending{State: state}); err != nil {
		w.Fatal(err)
	}
}

// deploys has the next deployment succeed and waits until that is known.
func (w *world) deploys(tag string, cause registry.Cause) registry.Payload {
	w.Helper()
	p, claim := w.next(tag, cause)
	w.end(claim, store.StateSucceeded)
	w.until(tag+" to be deployed", func() bool {
		s := w.status().State
		return s.Attempt == nil && s.Deployed != nil && s.Deployed.Tag == tag && s.Deployed.Digest == p.Digest
	})
	return p
}

// quiet fails if there is a deployment now.
func (w *world) quiet(why string) {
	w.Helper()
	w.looked()
	for {
		claim, run, err := w.worker.ClaimRun(w.Context(), store.Limits{})
		if errors.Is(err, store.ErrNoWork) {
			return
		}
		if err != nil {
			w.Fatal(err)
		}
		if run.Name == registry.NameDeploy {
			w.Fatalf("%s: %s is deployed", why, run.Filter)
		}
		if err := w.worker.Unplanned(w.Context(), claim, store.StateSkipped, "no function", false); err != nil {
			w.Fatal(err)
		}
	}
}

var mona = store.Actor{Person: "mona"}

func text(s string) *string { return &s }

func truth(b bool) *bool { return &b }

// open lets every request pass that says who it is from.
func open(set *registries.Set, w *world) http.Handler {
	type caller struct{}
	return &registries.Watcher{
		Set: set,
		Protect: func(write bool, h http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
				if key != "writer" && (write || key != "reader") {
					http.Error(rw, `{"error": "this needs an API key"}`, http.StatusUnauthorized)
					return
				}
				h.ServeHTTP(rw, r.WithContext(context.WithValue(r.Context(), caller{}, key)))
			})
		},
		Caller: func(ctx context.Context) store.Actor { return store.Actor{Person: ctx.Value(caller{}).(string)} },
		Log:    slog.New(slog.NewTextHandler(w.Output(), nil)),
	}
}

// noSink takes no events: notifications make none.
type noSink struct{}

func (noSink) Accept(context.Context, server.Delivery) (server.Receipt, error) {
	return server.Receipt{}, errors.New("a notification made an event")
}
