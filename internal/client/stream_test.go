package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// texts reads a log to its end.
func texts(lines func(func(v1.LogLine, error) bool)) (list []string, err error) {
	for line, err := range lines {
		if err != nil {
			return list, err
		}
		list = append(list, line.Text)
	}
	return list, nil
}

// Each answer is one that a broken network gives; the log is whole in the end.
func TestFollowLogOverBreaks(t *testing.T) {
	answers := []func(http.ResponseWriter, *http.Request){
		func(w http.ResponseWriter, _ *http.Request) { // ends in the middle of a message
			io.WriteString(w, ":\n\nid: 10\ndata: {\"text\": \"one\"}\n\nid: 20\ndata: {\"text\": \"tw")
		},
		func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "gone for lunch", http.StatusServiceUnavailable)
		},
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		func(w http.ResponseWriter, _ *http.Request) { // ends in order, but without the end
			io.WriteString(w, "id: 20\ndata: {\"text\": \"two\"}\n\n")
		},
		func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "id: 30\r\ndata: {\"text\":\r\ndata:  \"three\"}\r\n\r\nevent: end\r\ndata: {}\r\n\r\n")
		},
	}
	wanted := []string{"", "10", "10", "10", "20"}
	var n atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/calls/7") {
			io.WriteString(w, `{"id": "7", "attempt": 2}`)
			return
		}
		i := int(n.Add(1)) - 1
		if i >= len(answers) {
			t.Errorf("request %d", i)
			return
		}
		if q := r.URL.Query(); q.Get("attempt") != "2" || q.Get("from") != wanted[i] {
			t.Errorf("request %d has the query %s", i, r.URL.RawQuery)
		}
		answers[i](w, r)
	})
	var told []error
	got, err := texts(c.FollowLog(t.Context(), "7", 0, func(err error, _ time.Duration) { told = append(told, err) }))
	if diff := cmp.Diff([]string{"one", "two", "three"}, got); diff != "" || err != nil {
		t.Errorf("error %v, lines (-want +got):\n%s", err, diff)
	}
	// One of the four may be tried again by net/http itself.
	if len(told) < 3 {
		t.Errorf("told of %v", told)
	}
}

func TestFollowLogGivesUp(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"denied":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, "status 401"},
		"gone":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }, "status 410"},
		"no JSON":   {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "id: 1\ndata: x\n\n") }, "not one of a pocketci agent"},
		"no offset": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "data: {}\n\n") }, "has the offset"},
		"offset goes back": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "id: 9\ndata: {}\n\nid: 8\ndata: {}\n\n")
		}, "has the offset"},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			part := []byte("data: " + strings.Repeat("x", 1<<20) + "\n")
			for err := error(nil); err == nil; {
				_, err = w.Write(part)
			}
		}, "larger than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, test.answer)
			_, err := texts(c.FollowLog(t.Context(), "7", 1, func(err error, _ time.Duration) { t.Errorf("tries again after %v", err) }))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

// Whoever has enough, or no time any more, is not kept.
func TestFollowLogEnds(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "id: 1\ndata: {\"text\": \"one\"}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	for range c.FollowLog(t.Context(), "7", 1, nil) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range c.FollowLog(ctx, "7", 1, nil) {
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		cancel()
	}
}

// A run is watched until the attempt that is meant has ended.
func TestWatchRun(t *testing.T) {
	var n atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			io.WriteString(w, "data: {\"state\": \"failed\", \"attempt\": 1}\n\nevent: end\ndata: {}\n\n")
			return
		}
		for _, state := range []string{"queued", "running", "succeeded"} {
			fmt.Fprintf(w, "data: {\"state\": %q, \"attempt\": 2}\n\n", state)
		}
	})
	var got []string
	for run, err := range c.WatchRun(t.Context(), "7", 2, nil) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(run.Attempt, run.State))
	}
	if diff := cmp.Diff([]string{"1failed", "2queued", "2running", "2succeeded"}, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

// A log that is not followed ends with its last whole line.
func TestLog(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.URL.RawQuery, "attempt=3&format=ndjson"; got != want {
			t.Errorf("query is %s, want %s", got, want)
		}
		io.WriteString(w, "{\"text\": \"one\"}\n\n{\"text\": \"two\"}\n{\"te")
	})
	got, err := texts(c.Log(t.Context(), "7", 3))
	if diff := cmp.Diff([]string{"one", "two"}, got); diff != "" || err != nil {
		t.Errorf("error %v, lines (-want +got):\n%s", err, diff)
	}
}

// Whatever a server sends, a stream ends, and has no more lines than were sent.
func FuzzFollowLog(f *testing.F) {
	f.Add("id: 10\ndata: {\"text\": \"one\"}\n\nevent: end\ndata: {}\n\n")
	f.Add("\ufeffdata: {}\r\nid\r\n\r\n:\n\nevent:end\n\n")
	f.Add("id: 1\ndata: {}\n\nid: 1\ndata: {}\n\nretry: 1\nid: \x00\ndata\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := 0
		for _, err := range c.FollowLog(ctx, "7", 1, func(error, time.Duration) { cancel() }) {
			if n++; err == nil && n > strings.Count(text, "data") {
				t.Fatalf("%d lines of %q", n, text)
			}
		}
	})
}
