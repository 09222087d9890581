package api_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// Whoever approves may write to the repository, as its forge says at that time, or
// has a key for admin. What cannot be asked is a no.
func TestWhoMayApprove(t *testing.T) {
	yes := func(context.Context, *events.Event, string) (bool, error) { return true, nil }
	no := func(context.Context, *events.Event, string) (bool, error) { return false, nil }
	away := func(context.Context, *events.Event, string) (bool, error) {
		return true, errors.New("the forge is away")
	}
	for name, tc := range map[string]struct {
		key      store.NewKey
		canWrite func(context.Context, *events.Event, string) (bool, error)
		trust    bool
		status   int
		detail   string
	}{
		"a writer":             {store.NewKey{Scope: "run", Login: "mona"}, yes, false, http.StatusOK, ""},
		"a writer who trusts":  {store.NewKey{Scope: "run", Login: "mona"}, yes, true, http.StatusForbidden, "needs a key with the scope admin"},
		"not a writer":         {store.NewKey{Scope: "run", Login: "mona"}, no, false, http.StatusForbidden, "mona, whose key this is, may not write to a/b"},
		"nobody":               {store.NewKey{Scope: "run"}, yes, false, http.StatusForbidden, "pocketci keys create NAME --scope run --login LOGIN"},
		"a forge that is away": {store.NewKey{Scope: "run", Login: "mona"}, away, false, http.StatusForbidden, "could not be asked: the forge is away"},
		"no forge":             {store.NewKey{Scope: "run", Login: "mona"}, nil, false, http.StatusForbidden, "could not be asked: the agent has no token"},
		"a reader who writes":  {store.NewKey{Scope: "read", Login: "mona"}, yes, false, http.StatusForbidden, "this needs a key with the scope run"},
		"an admin":             {store.NewKey{Scope: "admin"}, no, false, http.StatusOK, ""},
		"an admin who trusts":  {store.NewKey{Scope: "admin"}, nil, true, http.StatusOK, ""},
		"an admin with a name": {store.NewKey{Scope: "admin", Login: "mona"}, away, false, http.StatusOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(o *api.Options, _ *http.Server) { o.CanWrite = tc.canWrite })
			tc.key.Name = "somebody"
			_, secret, err := f.store.CreateKey(t.Context(), tc.key, store.Actor{Person: "test"})
			if err != nil {
				t.Fatal(err)
			}
			r := f.accept(fork("a/b"))
			a := f.send(f.request(secret, http.MethodPost, "/runs/"+r.Run+"/approve", v1.Approve{SHA: sha, Trust: tc.trust}))
			if a.status != tc.status {
				t.Fatalf("it gives %d, want %d: %s", a.status, tc.status, a.body)
			}
			if tc.detail != "" && !strings.Contains(a.problem(t).Detail, tc.detail) {
				t.Errorf("it says %s", a.body)
			}
			var run v1.Run
			f.get("/runs/"+r.Run, &run)
			if want := map[bool]string{true: "queued", false: "waiting-approval"}[tc.status == http.StatusOK]; run.State != want {
				t.Errorf("the run is %s, want %s", run.State, want)
			}
		})
	}
}

// The forge is asked about the event's repository and the key's person, each time,
// and not before everything else is right.
func TestApproveAsksTheForge(t *testing.T) {
	var asked []string
	f := newFixture(t, func(o *api.Options, _ *http.Server) {
		o.CanWrite = func(ctx context.Context, event *events.Event, login string) (bool, error) {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("the forge may take for ever")
			}
			asked = append(asked, event.Repository.FullName+" "+login)
			return event.Repository.FullName == "a/b", nil
		}
	})
	mine, other := f.accept(fork("a/b")), f.accept(fork("a/c"))
	f.do(v1.ScopeRun, http.MethodPost, "/runs/"+mine.Run+"/approve", v1.Approve{SHA: strings.Repeat("c", 40)}, http.StatusConflict, nil)
	f.do(v1.ScopeRun, http.MethodPost, "/runs/"+other.Run+"/approve", v1.Approve{SHA: sha}, http.StatusForbidden, nil)
	f.do(v1.ScopeRun, http.MethodPost, "/runs/"+mine.Run+"/approve", v1.Approve{SHA: sha}, http.StatusOK, nil)
	f.do(v1.ScopeRun, http.MethodPost, "/runs/"+mine.Run+"/approve", v1.Approve{SHA: sha}, http.StatusConflict, nil)
	if want := []string{"a/c " + writer, "a/b " + writer}; !slices.Equal(asked, want) {
		t.Errorf("it was asked %q, want %q", asked, want)
	}
}

func TestKeyOfAPerson(t *testing.T) {
	f := newFixture(t)
	var made v1.NewKey
	f.do(v1.ScopeAdmin, http.MethodPost, "/keys", v1.KeyRequest{Name: "ada", Scope: v1.ScopeRun, Login: "ada-lovelace"}, http.StatusCreated, &made)
	var keys v1.Keys
	f.do(v1.ScopeAdmin, http.MethodGet, "/keys", nil, http.StatusOK, &keys)
	i := slices.IndexFunc(keys.Keys, func(k v1.Key) bool { return k.ID == made.ID })
	if made.Login != "ada-lovelace" || i < 0 || keys.Keys[i].Login != "ada-lovelace" {
		t.Errorf("the key is %+v of %+v", made.Key, keys.Keys)
	}
}
