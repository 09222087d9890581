package moduletest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// nomadJob is a job as Nomad has it, with what a deployment must not touch: meta of
// others, another task, numbers that are no float64, fields that nobody knows.
const nomadJob = `{
  "ID": "shop", "Name": "shop", "Namespace": "apps", "Type": "service", "Version": 7, "JobModifyIndex": 9007199254740993,
  "Meta": {"owner": "mona", "restart": "foo"}, "Unheard": {"of": [1, 2.5, null]},
  "TaskGroups": [
    {"Name": "web", "Count": 3, "Tasks": [
      {"Name": "shop", "Driver": "docker", "Config": {"image": "registry.example.com/acme/shop:v1.0.0", "ports": ["http"]}, "KillTimeout": 5000000000},
      {"Name": "proxy", "Driver": "docker", "Config": {"image": "envoy:v1"}}
    ]},
    {"Name": "batch", "Count": 1, "Tasks": [{"Name": "shop", "Driver": "docker", "Config": {"image": "registry.example.com/acme/shop:v1.0.0"}}]}
  ]
}`

// What the stand-in is told.
const (
	nomadToken = "tok-of-nomad-1234"
	vaultToken = "tok-of-vault-5678"
)

// nomadAPI stands in for Nomad's HTTP API and refuses what the real one would: it
// knows who asks, takes a job only at its present index, and has whoever watches wait.
type nomadAPI struct {
	t   *testing.T
	url string

	mu sync.Mutex
	// job is what is registered, others how often somebody else registers it
	// before a deployment can.
	job    map[string]any
	index  uint64
	others int
	// evaluation and deployment are how they end; an empty deployment is none.
	evaluation, deployment map[string]any
	// faults are how many queries about the deployment fail, hangs has it run for
	// ever.
	faults int
	hangs  bool
	// registered is what was registered by the deployment.
	registered map[string]any
	asked      map[string]int
}

// startNomad serves the API where containers reach it.
func startNomad(t *testing.T) *nomadAPI {
	t.Helper()
	listener, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	n := &nomadAPI{t: t}
	server := &http.Server{Handler: n}
	go server.Serve(listener) // until it is closed
	t.Cleanup(func() { server.Close() })
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if ip, ok := address.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			n.url = "http://" + net.JoinHostPort(ip.IP.String(), fmt.Sprint(listener.Addr().(*net.TCPAddr).Port))
			return n
		}
	}
	t.Fatal("the machine has no address that containers could reach")
	return nil
}

// begin makes the job what it is at first, and all go well.
func (n *nomadAPI) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.job = decodeJob(n.t, nomadJob)
	n.index, n.others, n.faults, n.hangs, n.registered, n.asked = 9007199254740993, 0, 0, false, nil, map[string]int{}
	n.evaluation = map[string]any{"ID": "e1", "Status": "complete", "DeploymentID": "d1"}
	n.deployment = map[string]any{"ID": "d1", "Status": "successful", "StatusDescription": "Deployment completed successfully"}
}

func decodeJob(t *testing.T, text string) (job map[string]any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&job); err != nil {
		t.Fatal(err)
	}
	return job
}

func (n *nomadAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	path := r.Method + " " + r.URL.Path
	n.asked[path]++
	fail := func(status int, text string) { http.Error(w, text, status) }
	answer := func(index uint64, body any) {
		w.Header().Set("X-Nomad-Index", fmt.Sprint(index))
		if err := json.NewEncoder(w).Encode(body); err != nil {
			n.t.Error(err)
		}
	}
	if r.Header.Get("X-Nomad-Token") != nomadToken {
		fail(http.StatusForbidden, "Permission denied")
		return
	}
	if r.FormValue("namespace") != "apps" {
		fail(http.StatusNotFound, "job not found")
		return
	}
	switch path {
	case "GET /v1/job/shop":
		answer(n.index, n.job)
	case "POST /v1/job/shop":
		n.register(w, r, fail, answer)
	case "GET /v1/evaluation/e1":
		n.news(r, 100, map[string]any{"ID": "e1", "Status": "pending"}, n.evaluation, answer)
	case "GET /v1/deployment/d1":
		if n.faults > 0 {
			n.faults--
			fail(http.StatusInternalServerError, "No cluster leader")
			return
		}
		if n.hangs {
			answer(200, map[string]any{"ID": "d1", "Status": "running"})
			return
		}
		n.news(r, 200, map[string]any{"ID": "d1", "Status": "running"}, n.deployment, answer)
	default:
		n.t.Errorf("%s was asked for", path)
		fail(http.StatusNotFound, "Invalid path")
	}
}

// news answers the first query at once and the next, which has to wait for a later
// index, with how it ends.
func (n *nomadAPI) news(r *http.Request, index uint64, first, last map[string]any, answer func(uint64, any)) {
	switch r.FormValue("index") {
	case "":
		answer(index, first)
	case fmt.Sprint(index):
		if r.FormValue("wait") == "" {
			n.t.Error("a query does not say how long it waits")
		}
		answer(index+1, last)
	default:
		n.t.Errorf("asked for news since %s", r.FormValue("index"))
	}
}

// register takes a job as Nomad does.
func (n *nomadAPI) register(_ http.ResponseWriter, r *http.Request, fail func(int, string), answer func(uint64, any)) {
	var in struct {
		Job            map[string]any
		EnforceIndex   bool
		JobModifyIndex uint64
		PreserveCounts bool
		PolicyOverride bool
	}
	decoder := json.NewDecoder(r.Body)
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		fail(http.StatusBadRequest, err.Error())
		return
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		fail(http.StatusBadRequest, "more than one document")
		return
	}
	switch {
	case in.Job["ID"] != "shop" || in.Job["Namespace"] != "apps":
		fail(http.StatusBadRequest, "Job ID does not match name")
		return
	case !in.EnforceIndex || !in.PreserveCounts:
		n.t.Error("what others change meanwhile is undone")
	case n.others > 0:
		n.others--
		n.index++
		n.job["JobModifyIndex"] = json.Number(fmt.Sprint(n.index))
		n.job["Meta"].(map[string]any)["other"] = fmt.Sprint(n.index)
	}
	if in.JobModifyIndex != n.index {
		fail(http.StatusInternalServerError, fmt.Sprintf("Enforcing job modify index %d: job exists with conflicting job modify index: %d", in.JobModifyIndex, n.index))
		return
	}
	n.index++
	n.registered, n.job = in.Job, in.Job
	answer(n.index, map[string]any{"EvalID": "e1", "JobModifyIndex": n.index, "Warnings": ""})
}

// The sample deploys to Nomad as docs/registry.md says, and says why when it does not.
func TestNomad(t *testing.T) {
	api := startNomad(t)
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "ci"), os.DirFS(filepath.Join(root, "testdata", "modules", "nomad"))); err != nil {
		t.Fatal(err)
	}
	const image = "registry.example.com/acme/shop@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	event := encode(t, &events.Event{
		Vendor: events.VendorRegistry, Name: "deploy", Kind: "deploy", Filter: "acme/shop:v1.1.0", Trusted: true,
		Payload: json.RawMessage(`{"tag": "v1.1.0", "image_digest": "` + image + `", "cause": "release"}`),
	}, nil)
	e := enginetest.Start(t)
	s, err := e.Open(t.Context(), engine.Run{Tree: enginetest.Tree(dir), Module: "ci", Event: event, Secret: func(_ context.Context, ref string) (string, error) {
		return map[string]string{"env://NOMAD_TOKEN": nomadToken, "env://VAULT_TOKEN": vaultToken, "env://WRONG": "tok-of-nobody-0000"}[ref], nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	seconds := 60
	deploy := func(t *testing.T, args map[string]any) (string, error) {
		t.Helper()
		seconds++ // a session makes the same call only once
		all := map[string]modules.Value{"eventTrigger": {Kind: modules.ValueEvent}, "token": {Kind: modules.ValueSecret, Secret: "env://NOMAD_TOKEN"}, "vaultToken": {Kind: modules.ValueSecret, Secret: "env://VAULT_TOKEN"}}
		for name, value := range map[string]any{"address": api.url, "job": "shop", "task": "shop", "group": "web", "namespace": "apps", "limit": fmt.Sprint(seconds, "s")} {
			all[name] = modules.Value{Kind: modules.ValueConst, Const: value}
		}
		for name, value := range args {
			v := modules.Value{Kind: modules.ValueConst, Const: value}
			if ref, ok := strings.CutPrefix(fmt.Sprint(value), "secret "); ok {
				v = modules.Value{Kind: modules.ValueSecret, Secret: ref}
			}
			all[name] = v
			if value == nil {
				delete(all, name)
			}
		}
		f := s.Module().Functions[0]
		call := modules.Call{Function: f.Name, Returns: f.Returns}
		for _, arg := range f.Args {
			if v, given := all[arg.Name]; given {
				call.Args = append(call.Args, modules.Bound{Name: arg.Name, Type: arg.Type, Value: v})
			}
		}
		result, err := s.Call(t.Context(), call, nil)
		return result.Output, err
	}

	t.Run("it succeeds", func(t *testing.T) {
		api.begin()
		api.others, api.faults = 2, 1
		out, err := deploy(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := "job shop runs " + image + ": deployment completed successfully"; out != want {
			t.Errorf("it says %q, want %q", out, want)
		}
		want := decodeJob(t, nomadJob)
		web := want["TaskGroups"].([]any)[0].(map[string]any)["Tasks"].([]any)[0].(map[string]any)["Config"].(map[string]any)
		web["image"], web["force_pull"] = image, true
		want["VaultToken"] = vaultToken
		want["JobModifyIndex"] = json.Number("9007199254740995")
		want["Meta"] = map[string]any{"owner": "mona", "restart": "foo", "other": "9007199254740995", "pocketci_event": "019cb0d1-5a00-7000-8000-000000000001"}
		if diff := cmp.Diff(want, api.registered); diff != "" {
			t.Errorf("registered (-want +got):\n%s", diff)
		}
		if n := api.asked["GET /v1/evaluation/e1"] + api.asked["GET /v1/deployment/d1"]; n > 5 {
			t.Errorf("it asked %d times how it stands", n)
		}
	})
	t.Run("every group, no Vault, nothing to wait for", func(t *testing.T) {
		api.begin()
		delete(api.evaluation, "DeploymentID")
		out, err := deploy(t, map[string]any{"group": nil, "vaultToken": nil})
		if err != nil || !strings.Contains(out, "no deployment to wait for") {
			t.Fatalf("it says %q, %v", out, err)
		}
		batch := api.registered["TaskGroups"].([]any)[1].(map[string]any)["Tasks"].([]any)[0].(map[string]any)["Config"].(map[string]any)
		if _, vault := api.registered["VaultToken"]; batch["image"] != image || vault {
			t.Errorf("registered is %v", api.registered)
		}
	})
	for name, c := range map[string]struct {
		set     func()
		args    map[string]any
		problem string
	}{
		"the deployment fails": {set: func() {
			api.deployment = map[string]any{"ID": "d1", "Status": "failed", "StatusDescription": "Failed due to unhealthy allocations - rolling back to job version 7"}
		}, problem: "the deployment is failed: Failed due to unhealthy allocations - rolling back to job version 7"},
		"there is no room":    {set: func() { api.evaluation["FailedTGAllocs"] = map[string]any{"web": map[string]any{}} }, problem: "there is no room for web"},
		"it is cancelled":     {set: func() { api.evaluation["Status"] = "canceled" }, problem: "the evaluation is canceled"},
		"it takes too long":   {set: func() { api.hangs = true }, args: map[string]any{"limit": "2s"}, problem: "it took longer than 2s"},
		"others never let go": {set: func() { api.others = 100 }, problem: "conflicting job modify index"},
		"no such task":        {args: map[string]any{"task": "nobody"}, problem: "there is no task nobody in it"},
		"another group":       {args: map[string]any{"group": "nowhere"}, problem: "there is no task shop in it"},
		"no such namespace":   {args: map[string]any{"namespace": "other"}, problem: "Nomad answers 404: job not found"},
		"a wrong token":       {args: map[string]any{"token": "secret env://WRONG"}, problem: "Nomad answers 403: Permission denied"},
		"nobody listens":      {args: map[string]any{"address": "http://127.0.0.1:1"}, problem: "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			api.begin()
			if c.set != nil {
				c.set()
			}
			begun := time.Now()
			out, err := deploy(t, c.args)
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("it says %q, %v, want %q", out, err, c.problem)
			}
			if err != nil && (strings.Contains(err.Error(), nomadToken) || strings.Contains(err.Error(), vaultToken)) {
				t.Errorf("the error holds a secret: %v", err)
			}
			if took := time.Since(begun); took > time.Minute {
				t.Errorf("it took %s", took)
			}
		})
	}
}
