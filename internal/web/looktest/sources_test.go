package looktest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/events/tokens"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/registries"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/browsertest"
	"github.com/franela/pocketci/internal/web/webtest"
)

// What comes in by other ways than forges can be looked at as well as runs.
func TestSourcePages(t *testing.T) {
	t.Parallel()
	for _, world := range []struct {
		name string
		n    int
		// text is a part of all names and reasons.
		text string
	}{{"empty", 0, ""}, {"one", 1, "shop"}, {"many", 120, "shop"}, {"longest", 3, longName + " " + longText + hostile}} {
		t.Run(world.name, func(t *testing.T) {
			t.Parallel()
			w := webtest.New(t, webtest.Options{API: func(o *api.Options) { sources(t, o, world.n, world.text) }})
			paths := []string{"/schedules", "/registries", "/mirrors", "/signed", "/modules", "/settings/webhooks"}
			if world.n > 0 {
				deploy(t, w, world.n, world.text)
				paths = append(paths, "/registries/w0", "/registries/w0/reset", "/modules/m0", "/modules/m0/delete")
			}
			b := browsertest.Start(t)
			b.SignIn(t, w.URL, w.Keys[v1.ScopeAdmin])
			for _, path := range paths {
				name := strings.ReplaceAll(path[1:], "/", "-") + "-" + world.name
				t.Run(name, func(t *testing.T) { look(t, b, path, name) })
			}
		})
	}
}

// sources configures n of each kind, which fare differently.
func sources(t *testing.T, o *api.Options, n int, text string) {
	t.Helper()
	var (
		kept    webtest.Schedules
		shelf   webtest.Shelf
		mirrors []v1.Mirror
		pulled  []tokens.Status
		at      = time.Now().Add(-time.Hour)
		later   = time.Now().Add(time.Minute)
	)
	key, err := signed.ParseKey("ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=:build")
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		expression := []string{"TZ=Europe/Berlin 30 2 * * 1-5", "@every 90s", "3,17 */5 1-7 * *"}[i%3]
		s, err := schedule.Parse(expression, nil)
		if err != nil {
			t.Fatal(err)
		}
		fails := i%3 == 2
		reason := ""
		if fails || n == 1 {
			reason = "it cannot be reached: " + text
		}
		l := schedules.Listed{Entry: schedules.Entry{Name: fmt.Sprintf("acme/%s#%d", text, i), Filter: text, Schedule: s, Of: schedule.OfFunctions, Repository: "acme/" + text,
			Functions: []dispatcher.FunctionName{{Module: "ci", Function: "syncOnTimeTick" + text}}}, Told: at, Error: reason}
		if i%3 == 1 {
			l.Paused = "disabled by mona: " + text
			l.Policy.Jitter = 20 * time.Second
		}
		kept = append(kept, l)
		watch := registries.Status{
			Watch:        registry.Watch{Name: fmt.Sprintf("w%d", i), Host: "registry.example.com", Repository: "acme/" + text, Interval: time.Minute},
			RegistryName: "images", Calls: settings.Target{Repository: "acme/" + text}, Newest: "v1.1.0", Wanted: "v1.1.0",
			State: registry.State{AutoDeploy: i%2 == 0, Deployed: &registry.Deployed{Tag: "v1.0.0", Digest: "sha256:" + strings.Repeat("a", 64), At: at, Run: 3}},
		}
		for tag := range min(20*n, 2000) {
			watch.State.Tags = append(watch.State.Tags, fmt.Sprintf("v1.%d.0", tag))
		}
		if n != 1 {
			watch.State.Pinned = "v1.0.0"
			watch.State.Attempt = &registry.Attempt{Tag: "v1.1.0", Digest: "sha256:b", Cause: registry.CauseRelease, Number: 2, Progress: registry.Failing, Reason: "run 4 is failed: " + text, Run: 4, Retry: &later}
			watch.Polled = poll.State{Name: watch.Name, LastPoll: at, Next: later, Failures: 1, Error: reason}
		}
		shelf.Watches = append(shelf.Watches, watch)
		m := v1.Mirror{Name: fmt.Sprintf("mirror-%d", i), Agent: "agent-1", URL: "https://git.example.com/acme/" + text + ".git", Directory: "/srv/" + text, Ref: "refs/heads/" + text,
			SHA: webtest.SHA, Phase: "idle", LookedAt: &at, Next: &later, ChangedAt: &at}
		if fails {
			m.Error, m.FailedAt, m.Failures = reason, &at, 3
		}
		mirrors = append(mirrors, m)
		pulled = append(pulled, tokens.Status{Name: fmt.Sprintf("source-%d", i), Push: i%2 == 0, Keys: []signed.Key{key, key}, Newest: at, AcceptedAt: at,
			Paths: []string{"/srv/" + text}, Every: 5 * time.Minute, Pulling: poll.State{Failures: i % 3, Error: reason, LastPoll: at, Next: later}})
	}
	var hooks []v1.Webhook
	for i := range n {
		hooks = append(hooks, v1.Webhook{Name: fmt.Sprintf("hook-%d", i), Path: fmt.Sprintf("/webhooks/hook-%d", i), Vendor: "webhook", Methods: []string{"POST"},
			Last: &v1.WebhookDelivery{At: at, Status: 202 + i%2*199, Event: "e1", Run: 7, Reason: text}})
	}
	o.Webhooks = func() []v1.Webhook { return hooks }
	o.Schedules, o.Registries = kept, &shelf
	o.Mirrors = func(context.Context) ([]v1.Mirror, error) { return mirrors, nil }
	o.Signed = func(context.Context) ([]tokens.Status, error) { return pulled, nil }
}

// deploy stores n modules.
func deploy(t *testing.T, w *webtest.World, n int, text string) {
	t.Helper()
	declared := v1.DeclaredModule{Module: ".", Name: text, Checks: []v1.DeclaredCheck{}}
	for i := range min(n, 20) {
		declared.Functions = append(declared.Functions, v1.DeclaredFunction{Name: fmt.Sprintf("greet%d%s", i, text), Description: "Greets. " + text, Returns: "String!",
			Args: []v1.DeclaredArg{{Name: "name", Type: "String!", Kind: "string"}, {Name: "eventTrigger", Type: "File!", Kind: "file"}}})
	}
	functions, err := json.Marshal([]v1.DeclaredModule{declared})
	if err != nil {
		t.Fatal(err)
	}
	var list []store.NewModule
	for i := range n {
		list = append(list, store.NewModule{Name: fmt.Sprintf("m%d", i), SHA: fmt.Sprintf("%040d", i), Archive: []byte("files"), Files: 3, Size: 1234567, Functions: functions})
	}
	if err := w.Store.DeployModules(t.Context(), list, store.Actor{Person: "mona " + text}); err != nil {
		t.Fatal(err)
	}
}
