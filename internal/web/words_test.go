package web_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/web"
	"github.com/franela/pocketci/internal/web/browsertest"
	"github.com/franela/pocketci/internal/web/webtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	browsertest.Stop()
	os.Exit(code)
}

// The agent and its script say the same of a time: what a page shows does not change its
// words when the script goes on counting.
func TestTimesInWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var seconds []float64
	var want [][2]string
	for _, s := range []float64{-90000, -3600, -61, -5, 0, 0.4, 9.9, 10, 59.9, 60, 61, 119, 3599, 3600, 3661, 86400, 172799, 172800, 1e7} {
		d := time.Duration(s * float64(time.Second))
		seconds = append(seconds, s)
		took := web.Duration(max(0, d))
		want = append(want, [2]string{web.Ago(now, now.Add(-d)), took})
	}
	for i, s := range []string{"in 25 h", "in 1 h", "in 1 min", "in 5 s", "just now", "just now", "just now", "10 s ago", "59 s ago", "1 min ago"} {
		if want[i][0] != s {
			t.Errorf("%v s are %q, want %q", seconds[i], want[i][0], s)
		}
	}
	list, err := json.Marshal(seconds)
	if err != nil {
		t.Fatal(err)
	}
	words, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	w := webtest.New(t)
	b := browsertest.Start(t)
	b.Open(t, w.URL+"/sign-in")
	b.Until(t, "the script's words to be "+string(words),
		fmt.Sprintf("JSON.stringify(%s.map((s) => [ago(s), duration(Math.max(0, s))])) === %q", list, words))
}
