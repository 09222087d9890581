package client_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFunctionsAtAndRefs(t *testing.T) {
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		io.WriteString(w, `{"default_branch": "main", "refs": [{"ref": "refs/tags/v1"}], "functions": [{"function": "x"}]}`)
	})
	list, err := c.FunctionsAt(t.Context(), "a/b", "refs/heads/ü&x")
	if err != nil || len(list.Functions) != 1 {
		t.Errorf("functions are %+v (%v)", list, err)
	}
	refs, err := c.Refs(t.Context(), "a/b")
	if err != nil || refs.DefaultBranch != "main" || refs.Refs[0].Ref != "refs/tags/v1" {
		t.Errorf("refs are %+v (%v)", refs, err)
	}
	want := []string{"/api/v1/functions?ref=refs%2Fheads%2F%C3%BC%26x&repository=a%2Fb", "/api/v1/refs?repository=a%2Fb"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}
