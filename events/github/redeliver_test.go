package github_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events/github"
)

const hookToken = "ghp_token_of_the_test"

// hub answers as api.github.com does for the webhooks of octo/hello, and is
// strict about what it is asked.
type hub struct {
	t      *testing.T
	hooks  []map[string]any
	pages  map[string][]map[string]any // by cursor
	next   map[string]string
	denied bool

	mu    sync.Mutex
	asked []string
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+hookToken || !strings.Contains(r.Header.Get("Accept"), "application/vnd.github") {
		h.t.Errorf("%s %s with the headers %v", r.Method, r.URL, r.Header)
	}
	if strings.Contains(r.URL.String(), hookToken) {
		h.t.Errorf("the token is in the address %s", r.URL)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	answer := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	switch {
	case h.denied:
		w.WriteHeader(http.StatusNotFound)
		answer(map[string]string{"message": "Not Found"})
	case r.Method == http.MethodGet && r.URL.Path == "/repos/octo/hello/hooks":
		answer(h.hooks)
	case r.Method == http.MethodGet && r.URL.Path == "/repos/octo/hello/hooks/7/deliveries":
		cursor := r.URL.Query().Get("cursor")
		page, known := h.pages[cursor]
		if !known || r.URL.Query().Get("per_page") != "100" {
			h.t.Errorf("asked for deliveries with %s", r.URL.RawQuery)
		}
		if next := h.next[cursor]; next != "" {
			w.Header().Set("Link", fmt.Sprintf(`<https://api.github.com/repositories/1/hooks/7/deliveries?per_page=100&cursor=%s>; rel="next"`, next))
		}
		answer(page)
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/attempts"):
		h.mu.Lock()
		h.asked = append(h.asked, strings.TrimPrefix(r.URL.Path, "/repos/octo/hello/hooks/"))
		h.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
		answer(map[string]any{})
	default:
		h.t.Errorf("asked for %s %s", r.Method, r.URL)
		w.WriteHeader(http.StatusNotFound)
	}
}

func TestRedeliver(t *testing.T) {
	since := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	delivery := func(id int, guid string, minutes, code int) map[string]any {
		return map[string]any{"id": id, "guid": guid, "delivered_at": since.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339), "status_code": code, "event": "push"}
	}
	own := []map[string]any{
		{"id": 5, "active": true, "config": map[string]string{"url": "https://elsewhere.example.com/webhooks/github"}},
		{"id": 6, "active": false, "config": map[string]string{"url": "https://ci.example.com/webhooks/github"}},
		{"id": 7, "active": true, "config": map[string]string{"url": "https://ci.example.com/webhooks/github"}},
		{"id": 8, "active": true, "config": map[string]string{"url": "https://ci.example.com/other"}},
	}
	for name, c := range map[string]struct {
		hub  *hub
		want []string
	}{
		"nothing was missed":   {&hub{hooks: own, pages: map[string][]map[string]any{"": {delivery(1, "a", 1, 202)}}}, nil},
		"other people's hooks": {&hub{hooks: own[:2]}, nil},
		"failed, over two pages, the oldest first": {&hub{hooks: own,
			pages: map[string][]map[string]any{"": {delivery(9, "c", 9, 503), delivery(8, "b", 8, 202)}, "x": {delivery(7, "a", 7, 0), delivery(6, "z", -1, 503)}},
			next:  map[string]string{"": "x", "x": "y"}}, []string{"7/deliveries/7/attempts", "7/deliveries/9/attempts"}},
		"failed and succeeded later": {&hub{hooks: own, pages: map[string][]map[string]any{"": {delivery(3, "a", 3, 202), delivery(2, "a", 2, 503)}}}, nil},
		"failed twice":               {&hub{hooks: own, pages: map[string][]map[string]any{"": {delivery(3, "a", 3, 502), delivery(2, "a", 2, 503)}}}, []string{"7/deliveries/3/attempts"}},
		"refused for good reason":    {&hub{hooks: own, pages: map[string][]map[string]any{"": {delivery(3, "a", 3, 401)}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := c.hub
			h.t = t
			web := httptest.NewServer(h)
			defer web.Close()
			d, err := github.NewDeliveries(hookToken, "https://ci.example.com/", web.URL)
			if err != nil {
				t.Fatal(err)
			}
			n, err := d.Redeliver(t.Context(), "octo/hello", since)
			if err != nil || n != len(c.want) || !slices.Equal(h.asked, c.want) {
				t.Errorf("asked for %v (%d, %v), want %v", h.asked, n, err, c.want)
			}
		})
	}
}

func TestRedeliverWithoutPermission(t *testing.T) {
	web := httptest.NewServer(&hub{t: t, denied: true})
	defer web.Close()
	d, err := github.NewDeliveries(hookToken, "https://ci.example.com", web.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Redeliver(t.Context(), "octo/hello", time.Now())
	var denied *github.DeniedError
	if !errors.As(err, &denied) || !strings.Contains(err.Error(), "admin:repo_hook") || strings.Contains(err.Error(), hookToken) {
		t.Errorf("the error is %v", err)
	}
	web.Close()
	if _, err := d.Redeliver(t.Context(), "octo/hello", time.Now()); err == nil || strings.Contains(err.Error(), hookToken) {
		t.Errorf("without a server the error is %v", err)
	}
	if _, err := github.NewDeliveries(hookToken, "ci.example.com", ""); err == nil {
		t.Error("an address without a host is taken")
	}
}
