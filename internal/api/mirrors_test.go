package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/reaction"
)

func TestMirrors(t *testing.T) {
	var synced []string
	failing := false
	f := newFixture(t, func(o *api.Options, _ *http.Server) {
		o.Mirrors = func(context.Context) ([]v1.Mirror, error) {
			if failing {
				return nil, errors.New("hunter2")
			}
			return []v1.Mirror{{Name: "shop", Agent: "here", Ref: "refs/heads/main"}}, nil
		}
		o.SyncMirror = func(name string, touch bool) error {
			if name != "shop" {
				return fmt.Errorf("sync: %w", reaction.ErrUnknown)
			}
			synced = append(synced, fmt.Sprint(name, touch))
			return nil
		}
	})
	var list v1.Mirrors
	if f.get("/mirrors", &list); len(list.Mirrors) != 1 || list.Mirrors[0].Name != "shop" {
		t.Errorf("mirrors are %+v", list)
	}
	f.do(v1.ScopeRun, http.MethodPost, "/mirrors/shop/sync", v1.SyncMirror{Touch: true}, http.StatusAccepted, nil)
	f.do(v1.ScopeRun, http.MethodPost, "/mirrors/shop/sync", v1.SyncMirror{}, http.StatusAccepted, nil)
	f.do(v1.ScopeRead, http.MethodPost, "/mirrors/shop/sync", v1.SyncMirror{}, http.StatusForbidden, nil)
	unknown := f.do(v1.ScopeRun, http.MethodPost, "/mirrors/none/sync", v1.SyncMirror{}, http.StatusNotFound, nil)
	if p := unknown.problem(t); !strings.Contains(p.Detail, "no mirror of this name") {
		t.Errorf("the problem is %+v", p)
	}
	if got := fmt.Sprint(synced); got != "[shoptrue shopfalse]" {
		t.Errorf("synced %s", got)
	}
	var audit v1.Audit
	f.do(v1.ScopeAdmin, http.MethodGet, "/audit", nil, http.StatusOK, &audit)
	synced = nil
	for _, e := range audit.Entries {
		if e.Action == "sync" {
			synced = append(synced, fmt.Sprintf("%s %s: %s", e.Person, e.Object, e.Detail))
		}
	}
	if got := fmt.Sprintf("%q", synced); got != `["runner mirror shop: " "runner mirror shop: touches its trigger file"]` {
		t.Errorf("the audit log has %s", got)
	}
	failing = true
	f.do(v1.ScopeRead, http.MethodGet, "/mirrors", nil, http.StatusInternalServerError, nil)
}

func TestNoMirrors(t *testing.T) {
	f := newFixture(t)
	if got := string(f.get("/mirrors", nil).body); !strings.Contains(got, `"mirrors":[]`) {
		t.Errorf("without mirrors the answer is %s", got)
	}
	without := newFixture(t, func(o *api.Options, _ *http.Server) { o.SyncMirror = nil })
	without.do(v1.ScopeRun, http.MethodPost, "/mirrors/shop/sync", v1.SyncMirror{}, http.StatusNotFound, nil)
}
