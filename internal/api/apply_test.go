package api_test

import (
	"net/http"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

func TestApply(t *testing.T) {
	f := newFixture(t)
	f.accept(push("a/b"))
	for name, tc := range map[string]struct {
		request          v1.ApplyRequest
		module, ref, sha string
	}{
		"the default branch": {v1.ApplyRequest{Module: "./deploy/"}, "deploy", "refs/heads/main", ""},
		"a branch":           {v1.ApplyRequest{Module: ".", Ref: "main"}, ".", "refs/heads/main", ""},
		"a commit":           {v1.ApplyRequest{Module: "deploy", Ref: sha}, "deploy", "", sha},
	} {
		t.Run(name, func(t *testing.T) {
			tc.request.Repository = "a/b"
			var made v1.Accepted
			f.do(v1.ScopeRun, http.MethodPost, "/apply", tc.request, http.StatusAccepted, &made)
			e, err := f.store.Event(t.Context(), made.Event)
			if err != nil {
				t.Fatal(err)
			}
			if !e.IsApply() || e.Filter != tc.module || e.Ref != tc.ref || e.SHA != tc.sha || e.Sender != "runner" || !e.Trusted || e.Repository.CloneURL != "https://github.com/a/b.git" {
				t.Errorf("made %+v", e.Event)
			}
		})
	}
	for name, tc := range map[string]struct {
		request v1.ApplyRequest
		status  int
		says    string
	}{
		"a commit of anybody":   {v1.ApplyRequest{Repository: "a/b", Module: "deploy", Ref: strings.Repeat("9", 40)}, http.StatusConflict, "cannot push"},
		"a pull request":        {v1.ApplyRequest{Repository: "a/b", Module: "deploy", Ref: "refs/pull/7/head"}, http.StatusConflict, "cannot push"},
		"an unknown repository": {v1.ApplyRequest{Repository: "a/c", Module: "deploy"}, http.StatusNotFound, "a/c"},
		"what is no ref":        {v1.ApplyRequest{Repository: "a/b", Module: "deploy", Ref: "refs/heads/a..b"}, http.StatusUnprocessableEntity, "body.ref"},
		"without a module":      {v1.ApplyRequest{Repository: "a/b"}, http.StatusUnprocessableEntity, "module"},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.do(v1.ScopeRun, http.MethodPost, "/apply", tc.request, tc.status, nil)
			if a.problem(t); !strings.Contains(string(a.body), tc.says) {
				t.Errorf("says %s, want %q in it", a.body, tc.says)
			}
		})
	}
}
