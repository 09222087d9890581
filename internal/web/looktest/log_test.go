package looktest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/browsertest"
	"github.com/franela/pocketci/internal/web/webtest"
)

// said is a line of a step, as long after the beginning of the log as its number says.
func said(n int, state, id, parent, step, text string) v1.LogLine {
	l := v1.LogLine{Time: time.Now().UTC().Add(time.Duration(n)*10*time.Millisecond - time.Hour), State: state, StepID: id, Parent: parent, Step: step, Text: text}
	if state != "started" && state != "output" {
		l.Seconds = float64(n) / 100
	}
	return l
}

// printing is what a tool prints.
func printing(n int, id string) v1.LogLine {
	return said(n, "output", id, "", "withExec", fmt.Sprintf("\x1b[32m✔\x1b[0m \x1b[1mexample.com/shop/part%d\x1b[0m \x1b[2m(0.%03d s)\x1b[0m line of the log", n, n%1000))
}

// grown is a call with so many lines in its log, in steps of which one failed.
func grown(w *webtest.World, lines int) store.Claim {
	c := w.Claim(w.Planned("acme/shop", "test"))
	log := []v1.LogLine{said(0, "started", "1", "", "test(source: Directory)", ""), said(1, "started", "2", "1", "withExec go build ./...", "")}
	for n := 2; n < 12; n++ {
		log = append(log, printing(n, "2"))
	}
	log = append(log, said(13, "done", "2", "1", "withExec go build ./...", ""), said(14, "cached", "4", "1", "withExec apk add git", ""),
		said(15, "started", "3", "1", "withExec go test -race ./... "+strings.Repeat("--a-long-flag ", 30), ""))
	for n := 15; n < lines-2; n++ {
		log = append(log, printing(n, "3"))
	}
	log = append(log, said(lines, "failed", "3", "1", "withExec go test", "exit code 1"), said(lines, "failed", "1", "", "test", "withExec go test: exit code 1"))
	for len(log) > 0 {
		n := min(20_000, len(log))
		w.Log(c, log[:n]...)
		log = log[n:]
	}
	return c
}

// A log of 100,000 lines is scrolled through like any other: only what is near is there.
func TestLogOfManyLines(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	w.Finish(grown(w, 100_000), store.StateFailed)
	b := browsertest.Start(t)
	b.SignIn(t, w.URL, w.Keys[v1.ScopeRead])
	b.Open(t, "/runs/1/calls/test?view=order")
	b.Find(t, "#L100", "line of the log")
	b.Until(t, "a height of all lines", `document.querySelector("#log").getBoundingClientRect().height > 100000 * 19`)
	b.Until(t, "a jump to a line in the middle", `(location.hash = "#L50000-L50003", document.querySelectorAll(".l.marked").length === 4)`)
	b.Find(t, "#L50000", "part49999")
	for range 5 {
		b.Until(t, "the end", `(scrollTo(0, document.documentElement.scrollHeight), document.querySelector("#L100000") !== null)`)
		b.Find(t, "#L99999", "failed: ")
		b.Until(t, "the beginning", `(scrollTo(0, 0), document.querySelector("#L1") !== null)`)
		b.Find(t, "#L1", "started: test")
	}
	b.Until(t, "that only what is near is there", `document.querySelectorAll(".l").length < 2000`)
	// Who opens such a link sees the line.
	b.Open(t, "/runs/1/calls/test#L60000-L60001")
	b.Find(t, "#L60000", "part59999")
	b.Until(t, "two marked lines in the middle of the window", `(() => {
  const r = document.querySelector("#L60000").getBoundingClientRect();
  return document.querySelectorAll(".l.marked").length === 2 && r.top > 100 && r.bottom < innerHeight - 100;
})()`)
	b.Click(t, "#L60005 a", "60005")
	b.Until(t, "the line in the address", `location.hash === "#L60005"`)
	b.Until(t, "the lines in the address", `(document.querySelector("#L60002 a").dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey: true })), location.hash === "#L60002-L60005")`)
	b.Until(t, "four marked lines", `document.querySelectorAll(".l.marked").length === 4`)
	b.Settle(t)
	b.Shot(t, "log-lines")
}

// What is written is seen within a second, the end is followed, and who has scrolled away
// is left alone.
func TestLogIsFollowed(t *testing.T) {
	t.Parallel()
	for _, view := range []string{"order", "steps"} {
		t.Run(view, func(t *testing.T) {
			t.Parallel()
			w := webtest.New(t)
			c := w.Claim(w.Planned("acme/shop", "test"))
			w.Log(c, said(0, "started", "1", "", "test", ""))
			b := browsertest.Start(t)
			b.SignIn(t, w.URL, w.Keys[v1.ScopeRead])
			b.Open(t, "/runs/1/calls/test?view="+view)
			b.Find(t, "#callhead", "running")
			b.Until(t, "the stream", `performance.getEntriesByType("resource").length >= 0 && document.readyState === "complete"`)
			n := 1
			say := func(lines int) {
				var log []v1.LogLine
				for range lines {
					n++
					log = append(log, printing(n, "1"))
				}
				w.Log(c, log...)
			}
			began := time.Now()
			say(1)
			b.Find(t, "#L2", "line of the log")
			t.Logf("the first line was seen after %s", time.Since(began).Round(time.Millisecond))
			say(300)
			b.Find(t, fmt.Sprint("#L", n), "line of the log")
			b.Keys(t, browsertest.End)
			b.Until(t, "the end", `innerHeight + scrollY >= document.documentElement.scrollHeight - 40`)
			say(50)
			b.Find(t, fmt.Sprint("#L", n), "line of the log")
			b.Until(t, "the end again", `innerHeight + scrollY >= document.documentElement.scrollHeight - 40`)
			b.Until(t, "some lines above", `(scrollBy(0, -1500), true)`)
			b.Find(t, "#follow", "Follow the log")
			b.Until(t, "a place", `(window.placeBefore = scrollY, true)`)
			say(400)
			b.Until(t, "the lines", fmt.Sprintf(`document.documentElement.scrollHeight > %d`, n*18))
			b.Until(t, "the same place", `scrollY === window.placeBefore`)
			b.Shot(t, "log-scrolled-"+view)
			b.Click(t, "#follow", "")
			b.Find(t, fmt.Sprint("#L", n), "line of the log")
			w.Log(c, said(n+1, "started", "2", "1", "withExec make", ""), said(n+2, "output", "2", "", "withExec make", "the last \x1b[31mwords"), said(n+3, "failed", "2", "1", "withExec make", "exit code 2"))
			w.Finish(c, store.StateFailed)
			b.See(t, "the last words")
			b.Find(t, "#callhead", "exit code 1")
			b.Until(t, "no button any more", `document.querySelector("#follow").hidden`)
			if n := b.Count(t, ".step"); view == "steps" && n != 2 {
				t.Errorf("there are %d steps", n)
			}
			b.Settle(t)
			b.Shot(t, "log-ended-"+view)
		})
	}
}

func TestLogBySteps(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	c := grown(w, 1000)
	w.Finish(c, store.StateFailed)
	if _, err := w.Store.Restart(t.Context(), c.Run, store.RestartAll, w.Actor); err != nil {
		t.Fatal(err)
	}
	again := w.Claim(store.Receipt{Run: c.Run})
	w.Log(again, said(0, "started", "1", "", "test(source: Directory)", ""), printing(1, "1"), said(2, "done", "1", "", "test(source: Directory)", ""))
	w.Finish(again, store.StateSucceeded)
	b := browsertest.Start(t)
	b.SignIn(t, w.URL, w.Keys[v1.ScopeRead])
	look(t, b, "/runs/1/calls/test?attempt=1", "call-steps")
	look(t, b, "/runs/1/calls/test?attempt=1&view=order&line=990", "call-order")
	look(t, b, "/runs/1/calls/test?attempt=1&q=part5", "call-search")
	look(t, b, "/runs/1/calls/test?attempt=1&beside=2", "call-beside")
	b.Size(t, browsertest.Wide)
	b.Open(t, "/runs/1/calls/test?attempt=1&beside=2")
	b.Click(t, ".sides section:first-child .wait a", "lines") // of the step that failed
	b.Find(t, ".sides section:first-child .l", "line of the log")
	b.Click(t, ".sides section:last-child summary", "test(")
	b.Find(t, ".sides section:last-child .l", "line of the log")
	b.Follow(t, ".sides section:last-child .l a", "2")
	b.Find(t, ".l.marked", "line of the log")
	b.Open(t, "/runs/1/calls/test?attempt=1")
	b.Click(t, "#s2-head", "go build")
	b.Find(t, "#L4", "line of the log")
	b.Click(t, "#s3 .earlier a", "Earlier lines")
	b.Find(t, "#L850", "line of the log")
	b.Click(t, "#times", "")
	b.Find(t, "#L850 time", "")
	b.Follow(t, ".logbar a", "First error")
	b.Find(t, ".l.marked", "exit code 1")
	b.Fill(t, "Search the log", "PART77")
	b.Submit(t)
	b.Find(t, ".hits", "part77")
	b.Follow(t, ".hits a", "Next")
	b.Find(t, ".l.marked", "part77")
}
