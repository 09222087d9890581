package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

const hookToken = "ghp_pocketciStandIn"

// hookWorld stands in for what GitHub's API has of webhooks ("REST API endpoints
// for repository webhooks" and "… organization webhooks", version 2022-11-28).
// Every request that is not of that form is the test's failure.
type hookWorld struct {
	t      testing.TB
	mu     sync.Mutex
	next   int64
	hooks  map[int64]*worldHook
	denied bool
	missed int
	again  int
	asked  int
}

// worldHook is a webhook at its owner, such as /repos/octo/hello or /orgs/octo.
type worldHook struct {
	owner  string
	Events []string
	Active bool
	Config map[string]string
}

func (h *worldHook) answer(id int64) any {
	config := maps.Clone(h.Config)
	if config["secret"] != "" {
		config["secret"] = "********"
	}
	return map[string]any{"id": id, "name": "web", "active": h.Active, "events": h.Events, "config": config}
}

func (w *hookWorld) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	for name, want := range map[string]string{
		"Authorization": "Bearer " + hookToken, "Accept": "application/vnd.github+json",
		"X-Github-Api-Version": "2022-11-28", "User-Agent": "pocketci",
	} {
		if got := r.Header.Get(name); got != want {
			w.t.Errorf("%s %s has %s %q, want %q", r.Method, r.URL.Path, name, got, want)
		}
	}
	code, answer := http.StatusForbidden, any(map[string]string{"message": "Resource not accessible by personal access token"})
	if !w.denied {
		code, answer = w.answer(r)
	}
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(code)
	if err := json.NewEncoder(rw).Encode(answer); err != nil {
		w.t.Error(err)
	}
}

func (w *hookWorld) answer(r *http.Request) (int, any) {
	owner, rest, ok := strings.Cut(r.URL.Path, "/hooks")
	if !ok || !slices.Contains([]string{"/repos/octo/hello", "/orgs/octo"}, owner) {
		return http.StatusNotFound, map[string]string{"message": "Not Found"}
	}
	parts := strings.Split(rest, "/") // "", ID, deliveries, DELIVERY, attempts
	if len(parts) == 1 {
		switch r.Method {
		case http.MethodGet:
			list := []any{}
			for _, id := range slices.Sorted(maps.Keys(w.hooks)) {
				if w.hooks[id].owner == owner {
					list = append(list, w.hooks[id].answer(id))
				}
			}
			return http.StatusOK, list
		case http.MethodPost:
			w.next++
			w.hooks[w.next] = w.read(r, owner, true)
			return http.StatusCreated, w.hooks[w.next].answer(w.next)
		}
	}
	id, _ := strconv.ParseInt(parts[min(1, len(parts)-1)], 10, 64)
	hook := w.hooks[id]
	switch {
	case hook == nil || hook.owner != owner:
		return http.StatusNotFound, map[string]string{"message": "Not Found"}
	case len(parts) == 2 && r.Method == http.MethodPatch:
		w.hooks[id] = w.read(r, owner, false)
		return http.StatusOK, w.hooks[id].answer(id)
	case len(parts) == 3 && parts[2] == "deliveries" && r.Method == http.MethodGet:
		list := []any{}
		for i := range w.missed {
			list = append(list, map[string]any{
				"id": 100 + i, "guid": fmt.Sprint("guid-", i), "delivered_at": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339),
				"status": "failed to connect to host", "status_code": 0, "event": "push",
			})
		}
		return http.StatusOK, list
	case len(parts) == 5 && parts[4] == "attempts" && r.Method == http.MethodPost:
		w.again++
		return http.StatusAccepted, map[string]any{}
	}
	w.t.Errorf("there is no %s %s", r.Method, r.URL.Path)
	return http.StatusNotFound, map[string]string{"message": "Not Found"}
}

// read reads a webhook to be, which has to have every field that one needs and no
// other.
func (w *hookWorld) read(r *http.Request, owner string, create bool) *worldHook {
	var sent struct {
		Name   string
		Active bool
		Events []string
		Config map[string]string
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&sent); err != nil {
		w.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		w.t.Errorf("%s %s has the content type %q", r.Method, r.URL.Path, got)
	}
	fields := []string{"content_type", "insecure_ssl", "secret", "url"}
	if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(sent.Config))); diff != "" {
		w.t.Errorf("the config of a webhook (-want +got):\n%s", diff)
	}
	if create != (sent.Name == "web") || !sent.Active || len(sent.Events) == 0 || sent.Config["content_type"] != "json" || sent.Config["insecure_ssl"] != "0" {
		w.t.Errorf("%s %s sends %+v", r.Method, r.URL.Path, sent.Events)
	}
	return &worldHook{owner, sent.Events, sent.Active, sent.Config}
}

// forgeCommand is the script's command forge:
//
//	forge add OWNER URL       adds a webhook that is not active, at /repos/… or /orgs/…
//	forge secret ID FILE      checks that a webhook has the secret in a file
//	forge missed N            has N deliveries failed
//	forge again N             checks how many were asked for again
//	forge denied, forge open  answers with 403, and no longer
//	forge asked               checks that there were requests since; ! that there were none
func forgeCommand(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(hookWorldKey{}).(*hookWorld)
	w.mu.Lock()
	defer w.mu.Unlock()
	number := func(i int) int {
		n, err := strconv.Atoi(args[i])
		ts.Check(err)
		return n
	}
	switch args[0] {
	case "add":
		w.next++
		w.hooks[w.next] = &worldHook{args[1], []string{"watch"}, false, map[string]string{"url": args[2], "content_type": "form", "insecure_ssl": "0"}}
	case "secret":
		hook := w.hooks[int64(number(1))]
		want := strings.TrimSpace(ts.ReadFile(args[2]))
		_, line, ok := strings.Cut(want, "=")
		if ok {
			want = line
		}
		if hook == nil || hook.Config["secret"] != want || len(want) < 4 {
			ts.Fatalf("webhook %s has another secret than %s", args[1], args[2])
		}
	case "missed":
		w.missed, w.again = number(1), 0
	case "again":
		if w.again != number(1) {
			ts.Fatalf("%d deliveries were asked for", w.again)
		}
	case "denied", "open":
		w.denied = args[0] == "denied"
	case "asked":
		if (w.asked > 0) == neg {
			ts.Fatalf("%d requests", w.asked)
		}
		w.asked = 0
	default:
		ts.Fatalf("forge %s: no such command", args[0])
	}
}

type hookWorldKey struct{}

// TestHookScripts runs the commands for webhooks against a stand-in for GitHub.
// Each script says in its comments what it shows.
func TestHookScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "hook"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			w := &hookWorld{t: t, next: 10, hooks: map[int64]*worldHook{}}
			server := httptest.NewServer(w)
			env.Defer(server.Close)
			env.Values[hookWorldKey{}] = w
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "share"))
			env.Setenv("POCKETCI_GITHUB_API", server.URL)
			env.Setenv("POCKETCI_PUBLIC_URL", "https://ci.example.com")
			env.Setenv("GITHUB_TOKEN", hookToken)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"expand": expand,
			"forge":  forgeCommand,
			"mode":   mode,
		},
	})
}
