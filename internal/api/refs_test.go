package api_test

import (
	"net/http"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

func TestRefsAndRecent(t *testing.T) {
	f := newFixture(t)
	r := f.planned("a/b", "x")
	f.finish(f.claimed(r), store.StateFailed)
	var refs v1.Refs
	f.get("/refs?repository=a/b", &refs)
	if refs.Repository != "a/b" || refs.DefaultBranch != "main" || len(refs.Refs) != 1 || refs.Refs[0].Ref != "refs/heads/main" || refs.Refs[0].Last.State != "failed" {
		t.Errorf("refs are %+v", refs)
	}
	var none v1.Refs
	if f.get("/refs?repository=c/d", &none); len(none.Refs) != 0 {
		t.Errorf("c/d has %+v", none)
	}
	f.do(v1.ScopeRead, http.MethodGet, "/refs", nil, http.StatusUnprocessableEntity, nil)
	for query, want := range map[string]int{"": 0, "?repository=a/b": 1, "?repository=a/b&ref=refs/heads/main": 1, "?repository=a/b&ref=refs/heads/other": 0} {
		var list v1.Functions
		f.get("/functions"+query, &list)
		if len(list.Functions) != 1 || len(list.Functions[0].Recent) != want {
			t.Errorf("%q has %+v", query, list)
		}
	}
}
