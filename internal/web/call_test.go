package web_test

import (
	"bufio"
	"context"
	"fmt"
	"golang.org/x/net/html"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web"
	"github.com/franela/pocketci/internal/web/webtest"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// printed is what a step could print.
const printed = "<img src=x onerror=alert(1)>\x1b]8;;https://evil.example/\x1b\\link\x1b]8;;\x1b\\\x1b]1338;url=https://evil.example/x.png;alt=x\x07"

// stepLine is a line of a step.
func stepLine(state, id, parent, name, text string) v1.LogLine {
	l := v1.LogLine{Time: noon, State: state, StepID: id, Parent: parent, Step: name, Text: text}
	if state != "started" && state != "output" {
		l.Seconds = 1.5
	}
	return l
}

// logged is a call with a log of some lines in steps, one of which failed.
func logged(w *webtest.World, lines int) store.Claim {
	c := w.Claim(w.Planned("acme/shop", "test"))
	log := []v1.LogLine{
		stepLine("started", "1", "", "test", ""), stepLine("started", "2", "1", "withExec go build", ""), stepLine("started", "3", "1", "withExec go test "+printed, ""),
	}
	for n := range lines {
		log = append(log, stepLine("output", fmt.Sprint(2+n%2), "", "x", fmt.Sprintf("line \x1b[31m%d\x1b[0m %s", n+4, printed)))
	}
	w.Log(c, append(log, stepLine("done", "2", "1", "withExec go build", ""), stepLine("failed", "3", "1", "x", "exit code 1 "+printed), stepLine("failed", "1", "", "test", "it failed"))...)
	return c
}

func TestCallBySteps(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	c := logged(w, 300)
	w.Finish(c, store.StateFailed)
	b := w.SignIn(v1.ScopeRead)
	page := b.Page("/runs/1/calls/test")
	harmless(t, page)
	for _, want := range []string{"failed", "exit code 1", "dagger -m ci call test", "go build", "Timeline of 3 steps"} {
		if !strings.Contains(page.Main(), want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	failed, fine := page.ByID("s3"), page.ByID("s2")
	if failed == nil || fine == nil || page.ByID("s1-parts") != failed.Parent {
		t.Fatal("the steps are not in each other")
	}
	part := func(id string) *webtest.Page { return &webtest.Page{Node: page.ByID(id)} }
	if d := part("s3").Tag("details"); !slices.ContainsFunc(d[0].Attr, func(a html.Attribute) bool { return a.Key == "open" }) || len(part("s3").Class("l")) == 0 {
		t.Error("the step that failed is folded")
	}
	if d := part("s2").Tag("details"); slices.ContainsFunc(d[0].Attr, func(a html.Attribute) bool { return a.Key == "open" }) || len(part("s2").Class("l")) != 0 {
		t.Error("the step that succeeded is unfolded")
	}
	if page.ByID("L303") == nil || page.ByID("L5") != nil || !strings.Contains(webtest.Text(page.ByID("L303")), "line 303") {
		t.Error("the last lines of the step are not there, or all of them are")
	}
	if !slices.Contains(page.Links(), "/runs/1/calls/test?line=305&view=order#L305") {
		t.Errorf("nothing leads to the first error: %v", page.Links())
	}
	rows := b.Get("/runs/1/calls/test/lines?attempt=1&step=2").Page(t)
	harmless(t, rows)
	if n := len(rows.Class("l")); n != 98 { // of 100 two tell of start and end
		t.Logf("%d lines of the step", n)
	}
	if size := len(page.Source); size > 100_000 {
		t.Errorf("the page has %d bytes", size)
	}
}

func TestCallInOrder(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	w.Finish(logged(w, 1000), store.StateFailed) // 1,006 lines
	b := w.SignIn(v1.ScopeRead)
	for query, want := range map[string]struct {
		first, last, marked string
		links               []string
	}{
		"view=order":                  {"L1", "L250", "", []string{"line=251&view=order", "line=1006&view=order"}},
		"view=order&line=251":         {"L251", "L500", "L251", []string{"line=1&view=order", "line=501&view=order"}},
		"line=1006":                   {"L1001", "L1006", "L1006", []string{"line=751&view=order"}},
		"line=5000":                   {"", "", "", nil},
		"view=order&step=3":           {"L3", "L501", "", []string{"first=502&step=3&view=order"}},
		"view=order&step=3&first=503": {"L503", "L1001", "", []string{"first=1002&step=3&view=order"}},
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			page := b.Page("/runs/1/calls/test?" + query)
			harmless(t, page)
			rows, marked := page.Class("l"), page.Class("marked")
			if want.first == "" {
				if len(rows) != 0 {
					t.Errorf("there are %d lines", len(rows))
				}
				return
			}
			first, last := webtest.Attr(rows[0], "id"), webtest.Attr(rows[len(rows)-1], "id")
			if first != want.first || last != want.last {
				t.Errorf("lines %s to %s, want %s to %s", first, last, want.first, want.last)
			}
			if want.marked != "" && (len(marked) != 1 || webtest.Attr(marked[0], "id") != want.marked) {
				t.Errorf("marked are %d lines", len(marked))
			}
			for _, to := range want.links {
				if !slices.Contains(page.Links(), "/runs/1/calls/test?"+to) {
					t.Errorf("nothing leads to %s: %v", to, page.Links())
				}
			}
			if size := len(page.Source); size > 100_000 {
				t.Errorf("the page has %d bytes", size)
			}
		})
	}
	for query, status := range map[string]int{
		"line=0": http.StatusUnprocessableEntity, "line=x": http.StatusUnprocessableEntity, "attempt=2": http.StatusNotFound, "step=9&view=order": http.StatusNotFound,
		"module=none": http.StatusNotFound, "beside=9": http.StatusNotFound, "first=-1&step=3": http.StatusUnprocessableEntity,
	} {
		if a := b.Get("/runs/1/calls/test?" + query); a.Status != status {
			t.Errorf("%s gives %d, want %d", query, a.Status, status)
		}
	}
	if a := b.Get("/runs/1/calls/none"); a.Status != http.StatusNotFound {
		t.Errorf("a function that is none gives %d", a.Status)
	}
}

// A log without steps is read in order, and one that is empty says so.
func TestCallWithoutSteps(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	c := w.Claim(w.Planned("acme/shop", "test"))
	b := w.SignIn(v1.ScopeRead)
	if page := b.Page("/runs/1/calls/test"); page.ByID("log") == nil || !strings.Contains(page.Main(), "running") {
		t.Errorf("the empty log is shown as %s", page.Main())
	}
	w.Log(c, v1.LogLine{Time: noon, State: "output", Text: "of no step"})
	w.Finish(c, store.StateSucceeded)
	if page := b.Page("/runs/1/calls/test"); page.ByID("L1") == nil {
		t.Errorf("the line is not there: %s", page.Main())
	}
	w.Ran("acme/shop", "test", store.StateAborted)
	if page := b.Page("/runs/2/calls/test"); !strings.Contains(page.Main(), "tells of no steps") {
		t.Errorf("the log without lines is shown as %s", page.Main())
	}
	if page := b.Page("/runs/2/calls/test?view=order"); !strings.Contains(page.Main(), "no such lines") {
		t.Errorf("the log without lines is shown as %s", page.Main())
	}
}

func TestCallSearch(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	w.Finish(logged(w, 600), store.StateFailed)
	b := w.SignIn(v1.ScopeRead)
	page := b.Page("/runs/1/calls/test?q=LINE+10")
	harmless(t, page)
	hits := page.Class("hits")
	if len(hits) != 1 || !strings.Contains(webtest.Text(hits[0]), "line 100") {
		t.Fatalf("there are no hits: %s", page.Main())
	}
	list := &webtest.Page{Node: hits[0]}
	if n := len(list.Class("l")); n != 11 { // 10, 100 to 109
		t.Errorf("%d hits", n)
	}
	if to := list.Links(); !slices.Contains(to, "/runs/1/calls/test?line=10&q=LINE+10&view=order#L10") {
		t.Errorf("nothing leads to the first one: %v", to)
	}
	page = b.Page("/runs/1/calls/test?q=LINE+10&line=100&view=order")
	list = &webtest.Page{Node: page.Class("hits")[0]}
	for _, n := range []int{10, 101} {
		if to := fmt.Sprintf("/runs/1/calls/test?line=%d&q=LINE+10&view=order#L%d", n, n); !slices.Contains(list.Links(), to) {
			t.Errorf("nothing leads to %d: %v", n, list.Links())
		}
	}
	page = b.Page("/runs/1/calls/test?q=" + "%3Cscript%3E%22")
	harmless(t, page)
	if !strings.Contains(page.Main(), "No line has") {
		t.Error("it does not say that there is nothing")
	}
	if n := len(b.Page("/runs/1/calls/test?q=line").Class("hits")); n != 1 {
		t.Error("there are no hits")
	}
}

func TestCallAttempts(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	c := logged(w, 10)
	w.Finish(c, store.StateFailed)
	if _, err := w.Store.Restart(t.Context(), c.Run, store.RestartFailed, w.Actor); err != nil {
		t.Fatal(err)
	}
	again := w.Claim(store.Receipt{Run: c.Run})
	w.Log(again, stepLine("started", "1", "", "test", ""), stepLine("output", "1", "", "test", "better"), stepLine("done", "1", "", "test", ""))
	w.Finish(again, store.StateSucceeded)
	b := w.SignIn(v1.ScopeRead)
	page := b.Page("/runs/1/calls/test")
	if !slices.Contains(page.Links(), "/runs/1/calls/test?attempt=1") || !slices.Contains(page.Links(), "/runs/1/calls/test?attempt=1&beside=2") {
		t.Errorf("nothing leads to the first attempt: %v", page.Links())
	}
	if page = b.Page("/runs/1/calls/test?attempt=1"); !strings.Contains(page.Main(), "exit code 1") || strings.Contains(page.Main(), "done ✔") {
		t.Errorf("the first attempt is shown as %s", page.Main())
	}
	page = b.Page("/runs/1/calls/test?attempt=1&beside=2")
	harmless(t, page)
	if page.ByID("a1-s3") == nil || page.ByID("a2-s1") == nil {
		if page.ByID("s3") == nil || page.ByID("a2-s1") == nil {
			t.Errorf("the steps of both are not there: %s", page.Main())
		}
	}
	ids := map[string]bool{}
	for n := range page.All(func(n *html.Node) bool { return webtest.Attr(n, "id") != "" }) {
		if id := webtest.Attr(n, "id"); ids[id] {
			t.Errorf("there are two %s", id)
		} else {
			ids[id] = true
		}
	}
}

func TestCallRaw(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	c := w.Claim(w.Planned("acme/shop", "test"))
	w.Log(c, stepLine("output", "1", "", "x", "\x1b[31mone\x1b[0m<b>"), stepLine("output", "1", "", "x", "two"))
	b := w.SignIn(v1.ScopeRead)
	a := b.Get("/runs/1/calls/test/log")
	if a.Text != "\x1b[31mone\x1b[0m<b>\ntwo\n" || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" ||
		a.Header.Get("Content-Disposition") != `attachment; filename=run-1-test-1.log` {
		t.Errorf("it is %q as %v", a.Text, a.Header)
	}
	if a := b.Get("/runs/1/calls/test/log?attempt=2"); a.Status != http.StatusNotFound {
		t.Errorf("an attempt that is none gives %d", a.Status)
	}
}

// Strangers see the calls of repositories that are public, and of no others.
func TestCallOfStrangers(t *testing.T) {
	t.Parallel()
	w := webtest.New(t, webtest.Options{Site: func(o *web.Options) { o.Public = func(repository string) bool { return repository == "acme/shop" } }})
	w.Finish(logged(w, 1), store.StateFailed)
	w.Ran("acme/secret", "test", store.StateFailed)
	b := w.Stranger()
	for _, below := range []string{"", "?view=order", "/log", "/lines?first=1", "?attempt=1", "?q=line"} {
		if a := b.Get("/runs/1/calls/test" + below); a.Status != http.StatusOK {
			t.Errorf("%s of what is public gives %d", below, a.Status)
		}
		if a := b.Get("/runs/2/calls/test" + below); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, "/sign-in") {
			t.Errorf("%s of what is not gives %d to %s", below, a.Status, a.Location)
		}
	}
}

func TestCallLive(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	c := w.Claim(w.Planned("acme/shop", "test"))
	w.Log(c, stepLine("started", "1", "", "test", ""))
	b := w.SignIn(v1.ScopeRead)
	for _, view := range []string{"order", "steps"} {
		page := b.Page("/runs/1/calls/test?view=" + view)
		log := page.ByID("log")
		if log == nil || webtest.Attr(log, "data-follow") == "" {
			t.Fatalf("the page %s is not followed: %s", view, page.Main())
		}
	}
	type answer struct {
		view  string
		lines []string
	}
	answers := make(chan answer, 2)
	for _, view := range []string{"order", "steps"} {
		url := webtest.Attr(b.Page("/runs/1/calls/test?view="+view).ByID("log"), "data-follow")
		go func() { answers <- answer{view, follow(t, b, w.URL+url, "event: end")} }()
	}
	w.Log(c, stepLine("started", "2", "1", "withExec "+printed, ""), stepLine("output", "2", "", "x", "hello "+printed+"\nid: 99\n\nevent: end"))
	w.Log(c, stepLine("failed", "2", "1", "withExec "+printed, "exit code 7"))
	w.Finish(c, store.StateFailed)
	for range 2 {
		a := <-answers
		text := strings.Join(a.lines, "\n")
		want := []string{"id: 4", "event: rows", "hello", "exit code 7", "event: patch", "callhead"}
		if a.view == "steps" {
			want = append(want, `data-in="s1-parts"`, `data-into="s2-lines"`, `id="s2-head"`)
		} else {
			want = append(want, `id="L2"`, `id="L4"`)
		}
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q is not in\n%s", a.view, part, text)
			}
		}
		if slices.Contains(a.lines, "id: 99") || strings.Contains(text, "<img") || strings.Contains(text, "evil.example/\">") || strings.Count(text, "\nevent: end") != 1 {
			t.Errorf("%s: what was printed got out:\n%s", a.view, text)
		}
	}
}

// An attempt may end without its log telling of the ends of its steps: its agent was killed.
func TestCallLiveEndsSteps(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	c := w.Claim(w.Planned("acme/shop", "test"))
	begun := stepLine("started", "1", "", "test", "")
	begun.Time = time.Now().Add(-90 * time.Minute)
	w.Log(c, begun, stepLine("started", "2", "1", "withExec go test", ""), stepLine("failed", "2", "1", "withExec go test", "exit code 7"))
	b := w.SignIn(v1.ScopeRead)
	page := b.Page("/runs/1/calls/test?view=steps")
	says(t, "the timeline", section(page, "timeline"), "Timeline of 2 steps in the first")
	url := webtest.Attr(page.ByID("log"), "data-follow")
	lines := make(chan []string, 1)
	go func() { lines <- follow(t, b, w.URL+url, "event: end") }()
	w.Finish(c, store.StateAborted)
	text := strings.Join(<-lines, "\n")
	says(t, "the end", text, `<summary id="s1-head"><span class="state is-aborted"`, "1 h 30 min", "Timeline of 2 steps over", `id="first-error" href="/runs/1/calls/test?line=3`)
	if strings.Contains(text, `id="s2-head"`) {
		t.Error("a step that ended is sent again")
	}
}

// Those who follow a log share what is made for them, and none depends on another.
func TestCallLiveIsShared(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	c := w.Claim(w.Planned("acme/shop", "test"))
	w.Log(c, stepLine("started", "1", "", "test", ""))
	b := w.SignIn(v1.ScopeRead)
	// read follows the log and tells of each of its lines, until its context ends.
	read := func(ctx context.Context) <-chan string {
		seen := make(chan string, 100)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+"/runs/1/calls/test/live?view=order&first=2", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := b.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer close(seen)
			defer res.Body.Close()
			for scan := bufio.NewScanner(res.Body); scan.Scan(); {
				if _, rest, ok := strings.Cut(scan.Text(), `id="L`); ok {
					number, _, _ := strings.Cut(rest, `"`)
					seen <- number
				}
			}
		}()
		return seen
	}
	next := func(seen <-chan string, want string) {
		t.Helper()
		select {
		case got := <-seen:
			if got != want {
				t.Errorf("line %s came, want %s", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("line %s does not come", want)
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	first := read(ctx)
	var others []<-chan string
	for range 5 {
		others = append(others, read(t.Context()))
	}
	w.Log(c, stepLine("output", "1", "", "test", "two"))
	for _, seen := range append(others, first) {
		next(seen, "2")
	}
	leave() // who may be the one that waits for the next line for all
	for range first {
	}
	late := read(t.Context())
	w.Log(c, stepLine("output", "1", "", "test", "three"))
	w.Finish(c, store.StateSucceeded)
	next(late, "2")
	for _, seen := range append(others, late) {
		next(seen, "3")
		if more, ok := <-seen; ok {
			t.Errorf("line %s came after the end", more)
		}
	}
}
