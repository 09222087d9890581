package browsertest_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/web/browsertest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	browsertest.Stop()
	os.Exit(code)
}

// site serves pages by their paths, each with a policy as strict as the real one.
func site(t *testing.T, pages map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'")
		text, known := pages[r.URL.Path]
		switch {
		case r.URL.Path == "/icon.svg":
			w.Header().Set("Content-Type", "image/svg+xml")
			text = `<svg xmlns="http://www.w3.org/2000/svg"/>`
		case !known:
			http.NotFound(w, r)
			return
		case strings.HasSuffix(r.URL.Path, ".js"):
			w.Header().Set("Content-Type", "text/javascript")
		case strings.HasSuffix(r.URL.Path, ".css"):
			w.Header().Set("Content-Type", "text/css")
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			text = "<!doctype html><html lang=en><title>Test</title><meta name=viewport content='width=device-width, initial-scale=1'><link rel=icon href=/icon.svg>" + text
		}
		fmt.Fprint(w, text)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// recorder is a test that may fail. What it does after it has failed for good does not
// run.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (r *recorder) Helper() {}
func (r *recorder) Error(args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprint(args...))
}
func (r *recorder) Errorf(format string, args ...any) { r.Error(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); panic(r) }
func (r *recorder) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }
func (r *recorder) Cleanup(f func())                  { r.cleanups = append(r.cleanups, f) }

// failures is how a test fails that does something in a browser, to the end of its
// cleaning up.
func failures(t *testing.T, test func(t testing.TB, b *browsertest.Browser)) string {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		b := browsertest.Start(r)
		b.Patience = 20 * time.Second
		test(r, b)
	}()
	for _, f := range r.cleanups {
		f()
	}
	return strings.Join(r.failures, "\n")
}

const good = `<link rel=stylesheet href=/style.css><main><h1>Runs</h1><p>All is well.</p>
<form action=/form><label for=f>Name</label> <input id=f name=name> <button>Go on</button></form></main>`

func TestFailures(t *testing.T) {
	t.Parallel()
	at := site(t, map[string]string{
		"/good": good, "/form": "<main><h1>Thank you</h1></main>",
		"/style.css": "body { font: 16px/1.5 sans-serif; color: #111; background: #fff } .on { position: absolute; top: 0; left: 0 } .far { width: 2000px } .cut { width: 3em; overflow: hidden; white-space: nowrap } .dots { text-overflow: ellipsis } .pale { color: #ccc }",
		"/throws":    "<main><h1>Throws</h1></main><script src=/throws.js></script>", "/throws.js": "null.x",
		"/says": "<main><h1>Says</h1></main><script src=/says.js></script>", "/says.js": "console.error('the till', 7)",
		"/dialog": "<main><h1>Dialog</h1></main><script src=/dialog.js></script>", "/dialog.js": "alert('the till')",
		"/inline":  "<main><h1>Inline</h1></main><script>1</script>",
		"/styled":  "<main><h1 style='color: red'>Styled</h1></main>",
		"/foreign": "<main><h1>Foreign</h1></main><script src=http://other.example/x.js></script>",
		"/asks":    "<main><h1>Asks</h1></main><script src=/asks.js></script>", "/asks.js": "location.href = 'http://127.0.0.2:1/'",
		"/lost":    "<main><h1>Lost</h1></main><script src=/nothing.js></script>",
		"/overlap": "<link rel=stylesheet href=/style.css><main><h1>Overlap</h1><p class=on>On it, and long enough</p></main>",
		"/wide":    "<link rel=stylesheet href=/style.css><main><h1>Wide</h1><p class=far>Far</p></main>",
		"/cut":     "<link rel=stylesheet href=/style.css><main><h1>Cut</h1><p class=cut>A text that is cut</p></main>",
		"/dots":    "<link rel=stylesheet href=/style.css><main><h1>Dots</h1><p class='cut dots'>A text that is cut</p></main>",
		"/pale":    "<link rel=stylesheet href=/style.css><main><h1>Pale</h1><p class=pale>Nobody can read this.</p></main>",
		"/unnamed": "<main><h1>Unnamed</h1><form><input name=a></form></main>",
		"/moves":   "<main id=main>" + strings.Repeat("<p>One</p><p>Two</p>", 15) + "</main><script src=/moves.js defer></script>",
		"/moves.js": `requestAnimationFrame(() => setTimeout(() => { const p = document.createElement("h1"); p.textContent = "Zero";
document.getElementById("main").prepend(p) }, 50))`,
		"/fixed": "<main><h1>Wide</h1></main>",
	})
	open := func(path string, then func(testing.TB, *browsertest.Browser)) func(testing.TB, *browsertest.Browser) {
		return func(t testing.TB, b *browsertest.Browser) {
			b.Open(t, at+path)
			then(t, b)
		}
	}
	nothing := func(testing.TB, *browsertest.Browser) {}
	overlap := func(t testing.TB, b *browsertest.Browser) { b.NoOverlap(t) }
	axe := func(t testing.TB, b *browsertest.Browser) { b.Axe(t) }
	for name, c := range map[string]struct {
		test func(testing.TB, *browsertest.Browser)
		want string
	}{
		"nothing is wrong": {open("/good", func(t testing.TB, b *browsertest.Browser) {
			b.Axe(t)
			b.NoOverlap(t)
			b.Size(t, browsertest.Phone)
			b.Dark(t, true)
			b.Axe(t)
			b.NoOverlap(t)
			b.Fill(t, "Name", "octocat")
			b.Follow(t, "button", "Go on")
			b.See(t, "Thank you")
			if path := b.Path(t); path != "/form?name=octocat" {
				t.Errorf("the form leads to %s", path)
			}
		}), ""},
		"an exception":     {open("/throws", nothing), "Cannot read properties of null"},
		"an error":         {open("/says", nothing), `console.error: "the till" 7`},
		"a dialog":         {open("/dialog", nothing), "opens a dialog (alert): the till"},
		"an inline script": {open("/inline", nothing), "Content Security Policy"},
		"an inline style":  {open("/styled", nothing), "Content Security Policy"},
		"a foreign script": {open("/foreign", nothing), "Content Security Policy"},
		"a foreign page": {open("/asks", func(t testing.TB, b *browsertest.Browser) {
			b.Until(t, "it to leave", "location.port !== '"+at[strings.LastIndex(at, ":")+1:]+"'")
		}), "asks another host: http://127.0.0.2:1/"},
		"a file is missing":             {open("/lost", nothing), "404"},
		"texts overlap":                 {open("/overlap", overlap), "lie on each other"},
		"a wide page":                   {open("/wide", overlap), "stands out to the right"},
		"a cut text":                    {open("/cut", overlap), "is cut at the right without a sign"},
		"a text nobody can have all of": {open("/dots", overlap), "no title has all of it"},
		"what moves":                    {open("/moves", func(t testing.TB, b *browsertest.Browser) { b.See(t, "Zero"); b.NoOverlap(t) }), "moves by itself"},
		"too little contrast":           {open("/pale", axe), "color-contrast"},
		"the contrast alone":            {open("/pale", func(t testing.TB, b *browsertest.Browser) { b.Contrast(t) }), "color-contrast"},
		"a field without a label":       {open("/unnamed", axe), "label"},
		"what is not there": {open("/good", func(t testing.TB, b *browsertest.Browser) {
			b.Patience = time.Second
			b.See(t, "All is lost")
		}), "see “All is lost”: not within 1s"},
		"a click on nothing": {open("/good", func(t testing.TB, b *browsertest.Browser) {
			b.Patience = time.Second
			b.Click(t, "button", "Go back")
		}), "click button with “Go back”: not within 1s"},
		"an allowed error": {func(t testing.TB, b *browsertest.Browser) {
			b.AllowErrors("nothing.js")
			b.Open(t, at+"/lost")
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := failures(t, c.test)
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("the test fails with %q, want %q", got, c.want)
			}
		})
	}
}

func TestKeyboard(t *testing.T) {
	t.Parallel()
	at := site(t, map[string]string{"/": strings.ReplaceAll(good, "<link rel=stylesheet href=/style.css>", ""), "/form": "<main><h1>Thank you</h1></main>"})
	b := browsertest.Start(t)
	b.Open(t, at)
	b.TabTo(t, "input", "")
	b.Keys(t, "octocat")
	b.TabTo(t, "button", "Go on")
	b.Submit(t)
	if path := b.Path(t); path != "/form?name=octocat" {
		t.Errorf("the form leads to %s", path)
	}
}

func TestShot(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(browsertest.ShotsVariable, dir)
	at := site(t, map[string]string{"/": strings.Repeat("<p>A line of a long page.</p>", 100)})
	b := browsertest.Start(t)
	b.Size(t, browsertest.Phone)
	b.Open(t, at)
	b.Shot(t, "long")
	data, err := os.ReadFile(filepath.Join(dir, "long.png"))
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil || picture.Width != 360 || picture.Height < 3000 {
		t.Errorf("the picture is %d × %d pixels (%v)", picture.Width, picture.Height, err)
	}
}

func TestPicture(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(browsertest.PicturesVariable, dir)
	at := site(t, map[string]string{"/": "<main><h1>A page</h1>" + strings.Repeat("<p>A line of a long page.</p>", 100) + "</main>"})
	b := browsertest.Start(t)
	b.Open(t, at)
	b.Picture(t, "page")
	data, err := os.ReadFile(filepath.Join(dir, "page.png"))
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	_, few := picture.(*image.Paletted)
	if size := picture.Bounds().Size(); size.X != 1040 || size.Y != 760 || !few || len(data) > 60<<10 {
		t.Errorf("the picture is %v in %d bytes, few colours: %t", size, len(data), few)
	}
}
