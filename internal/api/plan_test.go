package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
)

const created = `{"action":"created","sender":{"login":"octocat"},"repository":{"full_name":"a/b","clone_url":"https://github.com/a/b.git","html_url":"https://github.com/a/b","default_branch":"main"}}`

func TestPlan(t *testing.T) {
	var planned events.Event
	var fault error
	f := newFixture(t, func(o *api.Options, _ *http.Server) {
		o.Planner = planner(func(_ context.Context, e events.Event) (*dispatcher.View, error) {
			planned = e
			if fault != nil {
				return nil, fault
			}
			return &dispatcher.View{Calls: []dispatcher.CallView{{Module: "ci", Function: "x", Args: map[string]any{"filter": "main"}}}}, nil
		})
	})
	r := f.planned("a/b", "x")
	var view dispatcher.View
	f.do(v1.ScopeRun, http.MethodPost, "/plan", v1.PlanRequest{Event: r.Event}, http.StatusOK, &view)
	if planned.ID != r.Event || len(planned.Payload) == 0 || len(view.Calls) != 1 || view.Calls[0].Args["filter"] != "main" {
		t.Errorf("planned %+v as %+v", planned, view)
	}
	payload := v1.PlanRequest{Name: "star", Payload: json.RawMessage(created)}
	f.do(v1.ScopeRun, http.MethodPost, "/plan", payload, http.StatusOK, nil)
	if planned.ID == "" || planned.Vendor != "github" || planned.Name != "star" || planned.Filter != "created" || planned.ReceivedAt.IsZero() {
		t.Errorf("planned %+v", planned)
	}
	// Payloads may be as large as deliveries.
	payload.Payload = json.RawMessage(strings.Replace(created, "{", `{"padding":"`+strings.Repeat("x", 5<<20)+`",`, 1))
	f.do(v1.ScopeRun, http.MethodPost, "/plan", payload, http.StatusOK, nil)

	for name, tc := range map[string]struct {
		body   any
		fault  error
		status int
		text   string
	}{
		"nothing":                    {body: `{}`, status: 422, text: "body.payload"},
		"both":                       {body: fmt.Sprintf(`{"event":%q,"payload":{}}`, r.Event), status: 422, text: "body.event"},
		"an event that there is not": {body: `{"event":"x"}`, status: 404, text: "not found"},
		"no name":                    {body: `{"payload":{}}`, status: 422, text: "body.name"},
		"another vendor":             {body: `{"vendor":"sourceforge","name":"push","payload":{}}`, status: 422, text: "sourceforge"},
		"a malformed payload":        {body: `{"name":"push","payload":{"ref":7}}`, status: 422, text: "repository: is missing"},
		"nothing to plan":            {body: `{"name":"ping","payload":{}}`, status: 422, text: "ping only tries"},
		"the event of a fork":        {body: v1.PlanRequest{Event: f.accept(fork("a/b")).Event}, status: 409, text: "stranger/app"},
		"a module that is broken":    {body: v1.PlanRequest{Event: r.Event}, fault: errors.New("pocketci.yaml: line 3"), status: 422, text: "line 3"},
		"an engine that is away":     {body: v1.PlanRequest{Event: r.Event}, fault: fmt.Errorf("load: %w", api.ErrAway), status: 503, text: "away"},
		"planning takes too long":    {body: v1.PlanRequest{Event: r.Event}, fault: context.DeadlineExceeded, status: 504, text: "in time"},
	} {
		t.Run(name, func(t *testing.T) {
			fault = tc.fault
			a := f.do(v1.ScopeRun, http.MethodPost, "/plan", tc.body, tc.status, nil)
			if a.problem(t); !strings.Contains(string(a.body), tc.text) {
				t.Errorf("says %s, want %q in it", a.body, tc.text)
			}
		})
	}
}

// A plan may take longer than the server gives other requests.
func TestPlanThatLasts(t *testing.T) {
	f := newFixture(t, func(o *api.Options, s *http.Server) {
		s.ReadTimeout, s.WriteTimeout = 2*time.Second, 2*time.Second // which other requests keep
		o.Planner = planner(func(ctx context.Context, _ events.Event) (*dispatcher.View, error) {
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-time.After(2500 * time.Millisecond):
				return &dispatcher.View{}, nil
			}
		})
	})
	f.do(v1.ScopeRun, http.MethodPost, "/plan", v1.PlanRequest{Event: f.planned("a/b", "x").Event}, http.StatusOK, nil)
}

func TestCallByHand(t *testing.T) {
	f := newFixture(t)
	f.accept(fork("a/b"))
	tag, both := push("a/b"), push("a/b")
	tag.Event.Name, tag.Event.Ref, tag.Event.Branch, tag.Event.Tag = "tag", "refs/tags/v1.0", "", "v1.0"
	f.accept(tag)
	tag.Event.ID, tag.Event.Delivery, tag.Event.Ref, tag.Event.Tag, tag.Event.SHA = events.NewID(), "2", "refs/tags/both", "both", strings.Repeat("e", 40)
	f.accept(tag)
	both.Event.Ref, both.Event.Branch = "refs/heads/both", "both"
	f.accept(both)
	for name, tc := range map[string]struct {
		request  v1.CallRequest
		ref, sha string
		foreign  bool
		byHand   *events.ByHand
	}{
		"all that match":      {request: v1.CallRequest{}},
		"a branch":            {request: v1.CallRequest{Ref: "feature/größe"}, ref: "refs/heads/feature/größe"},
		"a tag":               {request: v1.CallRequest{Ref: "v1.0"}, ref: "refs/tags/v1.0"},
		"a branch and a tag":  {request: v1.CallRequest{Ref: "both"}, ref: "refs/heads/both"},
		"a full ref":          {request: v1.CallRequest{Ref: "refs/tags/unseen"}, ref: "refs/tags/unseen"},
		"a commit":            {request: v1.CallRequest{Ref: sha}, sha: sha},
		"a commit of anybody": {request: v1.CallRequest{Ref: strings.Repeat("9", 40)}, sha: strings.Repeat("9", 40), foreign: true},
		"a pull request":      {request: v1.CallRequest{Ref: "refs/pull/7/head"}, ref: "refs/pull/7/head", foreign: true},
		"one function":        {request: v1.CallRequest{Function: "deploy"}, byHand: &events.ByHand{Function: "deploy", Args: map[string]string{}}},
		"one with everything": {request: v1.CallRequest{Module: "ci", Function: "deploy", Args: map[string]string{"to": "größe 🚀"}}, byHand: &events.ByHand{Module: "ci", Function: "deploy", Args: map[string]string{"to": "größe 🚀"}}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.request.Repository = "a/b"
			var made v1.Accepted
			f.do(v1.ScopeRun, http.MethodPost, "/call", tc.request, http.StatusAccepted, &made)
			e, err := f.store.Event(t.Context(), made.Event)
			if err != nil {
				t.Fatal(err)
			}
			if e.Vendor != "manual" || e.Name != "run" || e.Ref != tc.ref || e.SHA != tc.sha || e.Sender != "runner" || e.Trusted == tc.foreign || (e.Fork != "") != tc.foreign ||
				e.Repository.CloneURL != "https://github.com/a/b.git" {
				t.Errorf("made %+v", e.Event)
			}
			h, found, err := events.ReadByHand(&e.Event)
			if err != nil || found != (tc.byHand != nil) {
				t.Fatalf("it is by hand: %t (%v)", found, err)
			}
			if found {
				if diff := cmp.Diff(*tc.byHand, h); diff != "" {
					t.Errorf("by hand (-want +got):\n%s", diff)
				}
			}
			var run v1.Run
			if f.get("/runs/"+made.Run, &run); run.State != "queued" || run.Number != made.Number {
				t.Errorf("the run is %+v", run)
			}
		})
	}
	var audit v1.Audit
	f.do(v1.ScopeAdmin, http.MethodGet, "/audit?limit=1", nil, http.StatusOK, &audit)
	if e := audit.Entries[0]; e.Action != "call" || e.Person != "runner" || e.Object != "repository a/b" {
		t.Errorf("the audit log has %+v", e)
	}
}
