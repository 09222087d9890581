package outbox_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/franela/pocketci/events/converge"
	"github.com/franela/pocketci/internal/converge/outbox"
)

// agent answers reports with a status, and keeps the ids of those that it was sent.
type agent struct {
	mu     sync.Mutex
	status int
	ids    []string
}

func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids = append(a.ids, r.Header.Get(converge.HeaderDelivery))
	if a.status == http.StatusTemporaryRedirect {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(a.status)
}

func (a *agent) answer(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status, a.ids = status, nil
}

func (a *agent) sent() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.ids)
}

func newOutbox(t *testing.T, a *agent) (*outbox.Outbox, func() int) {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	o := outbox.New(outbox.Config{Dir: dir, URL: server.URL, Secret: "a secret of reports", Log: slog.New(slog.DiscardHandler)})
	return o, func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
}

// What becomes of a report by the agent's answer.
func TestFlush(t *testing.T) {
	for status, c := range map[int]struct {
		err  string
		left int
		sent []string
	}{
		http.StatusAccepted:            {"", 0, []string{"a", "b"}},
		http.StatusOK:                  {"", 0, []string{"a", "b"}},
		http.StatusBadRequest:          {"", 0, []string{"a", "b"}},
		http.StatusUnprocessableEntity: {"", 0, []string{"a", "b"}},
		http.StatusUnauthorized:        {"it answers 401", 2, []string{"a"}},
		http.StatusNotFound:            {"it answers 404", 2, []string{"a"}},
		http.StatusServiceUnavailable:  {"it answers 503", 2, []string{"a"}},
		http.StatusTemporaryRedirect:   {"it answers 307", 2, []string{"a"}},
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			a := &agent{status: status}
			o, left := newOutbox(t, a)
			for _, id := range []string{"b", "a", "a"} {
				if err := o.Put(id, []byte("{}")); err != nil {
					t.Fatal(err)
				}
			}
			err := o.Flush(t.Context())
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if !slices.Equal(a.sent(), c.sent) || left() != c.left {
				t.Errorf("sent %v, %d are left", a.sent(), left())
			}
			a.answer(http.StatusAccepted)
			if err := o.Flush(t.Context()); err != nil || left() != 0 {
				t.Errorf("later: %v, %d are left", err, left())
			}
		})
	}
}

// The oldest make way when too many wait.
func TestBound(t *testing.T) {
	a := &agent{status: http.StatusAccepted}
	o, left := newOutbox(t, a)
	for i := range 1003 {
		if err := o.Put(fmt.Sprintf("r%04d", i), []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if left() != 1000 {
		t.Errorf("%d are kept", left())
	}
	if err := o.Flush(t.Context()); err != nil || a.sent()[0] != "r0003" {
		t.Errorf("error %v, the first is %v", err, a.sent()[:1])
	}
}

// Sources give up reports beside each other while others are sent, and none of them
// fails for it.
func TestBoundAtOnce(t *testing.T) {
	a := &agent{status: http.StatusAccepted}
	o, _ := newOutbox(t, a)
	for i := range 1000 {
		if err := o.Put(fmt.Sprintf("r%04d", i), []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	var sources sync.WaitGroup
	for source := range 4 {
		sources.Go(func() {
			for i := range 25 {
				if err := o.Put(fmt.Sprintf("s%d%02d", source, i), []byte("{}")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if err := o.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	sources.Wait()
}
