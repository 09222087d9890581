package client_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/client"
)

func TestOverviewAndBadge(t *testing.T) {
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		io.WriteString(w, `{"state": "failed", "more_waiting": 7}`)
	})
	o, err := c.Overview(t.Context(), client.Page{Cursor: "x", Limit: 3})
	if err != nil || o.MoreWaiting != 7 {
		t.Errorf("the overview is %+v (%v)", o, err)
	}
	b, err := c.Badge(t.Context(), client.BadgeFilter{Repository: "a/b", Branch: "feature/ü&x", Function: "f"})
	if err != nil || b.State != "failed" {
		t.Errorf("the badge is %+v (%v)", b, err)
	}
	want := []string{"/api/v1/overview?cursor=x&limit=3", "/api/v1/badge?branch=feature%2F%C3%BC%26x&function=f&repository=a%2Fb"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

// The overview goes on after a break, until nobody wants more.
func TestWatchOverview(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "data: {\"more_running\": 1}\n\n:\n\ndata: {\"more_running\": 2}\n\n")
	})
	var got []string
	for o, err := range c.WatchOverview(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, o); len(got) == 3 {
			break
		}
	}
	if diff := cmp.Diff([]string{`{"more_running": 1}`, `{"more_running": 2}`, `{"more_running": 1}`}, got); diff != "" {
		t.Error(diff)
	}
}
