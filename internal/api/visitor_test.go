package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// as sends a request as a visitor.
func (f *fixture) as(v api.Visitor, method, path string, body []byte) (status int, answer string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, "http://localhost"+v1.Prefix+path, bytes.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := f.api.As(v).RoundTrip(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, string(data)
}

// public is a stranger to whom a/b is shown.
var public = api.Visitor{Remote: "192.0.2.1", Public: func(repository string) bool { return repository == "a/b" }}

func TestSignIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	session, token, err := f.api.SignIn(t.Context(), "192.0.2.1", f.keys[v1.ScopeRun])
	if err != nil || session.Key.Name != "runner" {
		t.Fatalf("%+v (%v)", session, err)
	}
	visitor := api.Visitor{Session: token, Remote: "192.0.2.1"}
	r := f.accept(push("a/b"))
	if status, text := f.as(visitor, http.MethodGet, "/me", nil); status != http.StatusOK || !strings.Contains(text, `"runner"`) {
		t.Errorf("%d: %s", status, text)
	}
	if status, text := f.as(visitor, http.MethodPost, "/runs/"+r.Run+"/abort", []byte(`{"reason":"no"}`)); status != http.StatusOK {
		t.Errorf("aborting gives %d: %s", status, text)
	}
	if status, _ := f.as(visitor, http.MethodGet, "/audit", nil); status != http.StatusForbidden {
		t.Errorf("the audit log gives %d", status)
	}
	entries, err := f.store.Audit(t.Context(), store.AuditFilter{Limit: 1})
	if err != nil || entries[0].Action != "abort" || entries[0].Key != session.Key.ID || entries[0].Remote != "192.0.2.1" {
		t.Errorf("the audit log has %+v (%v)", entries, err)
	}
	// Neither is one the other.
	if a := f.send(f.request(token, http.MethodGet, "/me", nil)); a.status != http.StatusUnauthorized {
		t.Errorf("the token as a key gives %d", a.status)
	}
	if status, _ := f.as(api.Visitor{Session: f.keys[v1.ScopeRun]}, http.MethodGet, "/me", nil); status != http.StatusUnauthorized {
		t.Errorf("a key as a token gives %d", status)
	}
	if err := f.api.SignOut(t.Context(), token, "192.0.2.1"); err != nil {
		t.Error(err)
	}
	if status, _ := f.as(visitor, http.MethodGet, "/me", nil); status != http.StatusUnauthorized {
		t.Errorf("after signing out it gives %d", status)
	}
}

// Whoever tries keys is slowed down like everybody else who does.
func TestSignInIsLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	refused := func(secret string) int {
		_, _, err := f.api.SignIn(t.Context(), "192.0.2.1", secret)
		var status huma.StatusError
		if !errors.As(err, &status) {
			t.Fatalf("error is %v", err)
		}
		return status.GetStatus()
	}
	for range 10 {
		if got := refused("pci_wrong"); got != http.StatusUnauthorized {
			t.Fatalf("a wrong key gives %d", got)
		}
	}
	if got := refused(f.keys[v1.ScopeRead]); got != http.StatusTooManyRequests {
		t.Errorf("a key after ten wrong ones gives %d", got)
	}
	if _, _, err := f.api.SignIn(t.Context(), "198.51.100.1", f.keys[v1.ScopeRead]); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
}

// Every operation, as a stranger: what is not public he gets nothing of.
func TestStrangers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	open, shut := f.planned("a/b", "x"), f.planned("a/secret", "x")
	call := func(r store.Receipt) string {
		c := f.claimed(r)
		f.write(c, output(1))
		f.finish(c, store.StateSucceeded)
		return c.Call
	}
	openCall, shutCall := call(open), call(shut)
	document, err := api.Document()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	// What may be asked for, with what is to be seen and what is not.
	may := map[string][2]string{
		"list-runs":       {"/runs?repository=a/b", "/runs?repository=a/secret"},
		"get-run":         {"/runs/" + open.Run, "/runs/" + shut.Run},
		"stream-run":      {"/runs/" + open.Run + "/stream", "/runs/" + shut.Run + "/stream"},
		"get-call":        {"/calls/" + openCall, "/calls/" + shutCall},
		"get-call-log":    {"/calls/" + openCall + "/log", "/calls/" + shutCall + "/log"},
		"stream-call-log": {"/calls/" + openCall + "/log/stream", "/calls/" + shutCall + "/log/stream"},
		"list-log-lines":  {"/calls/" + openCall + "/log/lines", "/calls/" + shutCall + "/log/lines"},
		"list-log-steps":  {"/calls/" + openCall + "/log/steps", "/calls/" + shutCall + "/log/steps"},
		"list-refs":       {"/refs?repository=a/b", "/refs?repository=a/secret"},
		"get-badge":       {"/badge?repository=a/b", "/badge?repository=a/secret"},
	}
	tried := 0
	for path, methods := range doc.Paths {
		for method, o := range methods {
			method = strings.ToUpper(method)
			tried++
			if strings.HasSuffix(o.OperationID, "-overview") {
				continue // TestOverviewOfStrangers has them
			}
			one, ok := may[o.OperationID]
			if !ok {
				concrete := strings.NewReplacer("{id}", "1", "{name}", "shop", "{source}", "x").Replace(strings.TrimPrefix(path, v1.Prefix))
				if status, text := f.as(public, method, concrete, nil); status != http.StatusUnauthorized && o.OperationID != "push-signed-token" {
					t.Errorf("%s gives a stranger %d: %s", o.OperationID, status, text)
				}
				continue
			}
			delete(may, o.OperationID)
			if status, text := f.as(public, method, one[0], nil); status != http.StatusOK || strings.Contains(text, "a/secret") || strings.Contains(text, "agent-1") {
				t.Errorf("%s of what is public gives %d: %s", o.OperationID, status, text)
			}
			if status, text := f.as(public, method, one[1], nil); status != http.StatusNotFound || strings.Contains(text, "a/secret") {
				t.Errorf("%s of what is not gives %d: %s", o.OperationID, status, text)
			}
			if status, _ := f.as(api.Visitor{}, method, one[0], nil); status != http.StatusNotFound {
				t.Errorf("%s gives %d where nothing is public", o.OperationID, status)
			}
			if a := f.send(f.request("", method, one[0], nil)); a.status != http.StatusUnauthorized {
				t.Errorf("%s gives %d over the network", o.OperationID, a.status)
			}
		}
	}
	if tried < 30 || len(may) > 0 {
		t.Errorf("%d operations were tried, not %v", tried, may)
	}
	for _, path := range []string{"/runs", "/runs?repository=", "/runs/2"} {
		if status, text := f.as(public, http.MethodGet, path, nil); status != http.StatusNotFound {
			t.Errorf("%s gives a stranger %d: %s", path, status, text)
		}
	}
}

// A stream that nobody reads any more ends, and one whose session has ended too.
func TestStreamsOfVisitors(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *api.Options, _ *http.Server) { o.KeepAlive = 10 * time.Millisecond })
	r := f.accept(push("a/b"))
	_, token, err := f.api.SignIn(t.Context(), "", f.keys[v1.ScopeRead])
	if err != nil {
		t.Fatal(err)
	}
	stream := func(ctx context.Context) *http.Response {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+v1.Prefix+"/runs/"+r.Run+"/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := f.api.As(api.Visitor{Session: token}).RoundTrip(request)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(res, err)
		}
		return res
	}
	ctx, cancel := context.WithCancel(t.Context())
	closed, left, ended := stream(t.Context()), stream(ctx), stream(t.Context())
	if err := closed.Body.Close(); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(closed.Body); err == nil {
		t.Error("what is closed can be read")
	}
	cancel()
	if _, err := io.ReadAll(left.Body); err != nil {
		t.Logf("left: %v", err)
	}
	if err := f.api.SignOut(t.Context(), token, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(ended.Body); err != nil {
		t.Logf("ended: %v", err)
	}
}

// Strangers see what became of a run, and not who of those who work here had a part in it.
func TestRunsOfStrangersNameNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mona := store.Actor{Person: "mona"}
	aborted := f.planned("a/b", "x")
	c := f.claimed(aborted)
	f.write(c, output(1))
	f.finish(c, store.StateFailed)
	if _, err := f.store.Restart(t.Context(), aborted.Run, store.RestartAll, mona); err != nil {
		t.Fatal(err)
	}
	if err := f.store.Abort(t.Context(), aborted.Run, mona, "mona's reason"); err != nil {
		t.Fatal(err)
	}
	approved := f.accept(fork("a/b"))
	if err := f.store.Approve(t.Context(), approved.Run, sha, false, mona); err != nil {
		t.Fatal(err)
	}
	skipped := f.accept(push("a/b"))
	for {
		claim, _, err := f.agent.ClaimRun(t.Context(), store.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		view := dispatcher.View{Skipped: []dispatcher.Skipped{{Module: "ci", Function: "y", Reason: "disabled by mona: mona's reason"}}}
		plan, err := json.Marshal(map[string]any{"view": view})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.agent.Planned(t.Context(), claim, store.Plan{SHA: sha, Plan: plan, Reason: "the repository is disabled by mona: mona's reason"}); err != nil {
			t.Fatal(err)
		}
		if claim.Run == skipped.Run {
			break
		}
	}
	for path, want := range map[string]string{
		"/runs/" + aborted.Run: `"restart"`, "/runs/" + approved.Run: sha, "/runs/" + skipped.Run: `"disabled"`, "/calls/" + c.Call: `"aborted"`,
		"/runs?repository=a/b": `"the repository is disabled"`, "/overview": `"a/b"`,
	} {
		status, text := f.as(public, http.MethodGet, path, nil)
		if status != http.StatusOK || strings.Contains(text, "mona") || strings.Contains(text, "agent-1") || !strings.Contains(text, want) {
			t.Errorf("%s gives a stranger %d: %s", path, status, text)
		}
	}
	if text := string(f.get("/runs/"+aborted.Run, nil).body); !strings.Contains(text, "mona") {
		t.Errorf("others do not see who aborted it: %s", text)
	}
}
