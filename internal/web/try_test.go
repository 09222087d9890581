package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/web/webtest"
)

// tried sends a form as the page does. A field that begins with @ is a file.
func tried(t *testing.T, w *webtest.World, b *webtest.Browser, fields ...string) *webtest.Answer {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		var err error
		if name, isFile := strings.CutPrefix(fields[i], "@"); isFile {
			part, ferr := form.CreateFormFile(name, "payload.json")
			if err = ferr; err == nil {
				_, err = part.Write([]byte(fields[i+1]))
			}
		} else {
			err = form.WriteField(fields[i], fields[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/try", &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Origin", w.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.Do(r)
}

// planning is a world whose planner calls one function of everything but of what a test
// has it refuse.
func planning(t *testing.T) *webtest.World {
	t.Helper()
	return webtest.New(t, webtest.Options{API: func(o *api.Options) {
		o.Planner = webtest.Planner(func(_ context.Context, e events.Event) (*dispatcher.View, error) {
			if e.Filter == "broken" {
				return nil, errors.New("the module cannot be loaded: " + malice)
			}
			return &dispatcher.View{
				Event:   dispatcher.EventView{Vendor: e.Vendor, Event: e.Name, Filter: e.Filter, Repository: e.Repository.FullName, Ref: e.Ref},
				Calls:   []dispatcher.CallView{{Module: "ci", Function: "test", Command: "dagger -m ci call test", Why: "it matches"}, {Module: "ci", Function: "deploy", After: []string{"ci:test"}}},
				Skipped: []dispatcher.Skipped{{Module: "ci", Function: "onRelease", Reason: "it is for release"}},
				Invalid: []dispatcher.Invalid{}, Warnings: []string{"a warning"},
			}, nil
		})
	}})
}

func payloadOf(branch string) string {
	data, _ := json.Marshal(map[string]any{"ref": "refs/heads/" + branch, "before": strings.Repeat("b", 40), "after": webtest.SHA,
		"repository": map[string]any{"full_name": "acme/shop", "clone_url": "https://github.com/acme/shop.git", "default_branch": "main"}})
	return string(data)
}

func TestTry(t *testing.T) {
	t.Parallel()
	w := planning(t)
	r := w.Accept(webtest.Push("acme/shop"))
	b := w.SignIn(v1.ScopeRun)
	page := b.Page("/try?event=" + r.Event)
	says(t, "the page", page.Source, `value="`+r.Event+`"`)
	if page.ByID("plan") != nil {
		t.Error("something was planned already")
	}
	for name, fields := range map[string][]string{
		"a stored event": {"of", "event", "event", " " + r.Event + " "},
		"a payload":      {"of", "payload", "vendor", "github", "name", "push", "payload", payloadOf("main")},
		"a file":         {"of", "payload", "vendor", "github", "name", "push", "payload", "", "@file", payloadOf("main")},
	} {
		a := tried(t, w, b, fields...)
		if a.Status != http.StatusOK {
			t.Errorf("%s gives %d: %s", name, a.Status, a.Text)
			continue
		}
		page := a.Page(t)
		says(t, name, page.Main(), "What would be called github push main of acme/shop", "dagger -m ci call test", "it matches", "Not called 1", "it is for release", "a warning")
		if len(page.Class("box")) != 2 {
			t.Errorf("%s has %d boxes", name, len(page.Class("box")))
		}
	}
	// Nothing has come of it.
	if runs := b.Page("/runs"); len(runs.Class("run")) != 1 {
		t.Errorf("there are %d runs", len(runs.Class("run")))
	}
}

func TestTryOfWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := planning(t)
	b := w.SignIn(v1.ScopeRun)
	for name, c := range map[string]struct {
		fields []string
		status int
		want   string
		kept   string
	}{
		"no event":                  {[]string{"of", "event", "event", ""}, http.StatusUnprocessableEntity, "Choose an event", ""},
		"unknown event":             {[]string{"of", "event", "event", "nothing"}, http.StatusNotFound, "nothing", `value="nothing"`},
		"no schedule":               {[]string{"of", "schedule"}, http.StatusUnprocessableEntity, "Choose a schedule", ""},
		"unknown schedule":          {[]string{"of", "schedule", "schedule", "nightly"}, http.StatusNotFound, "no schedules are kept here", ""},
		"no payload":                {[]string{"of", "payload", "name", "push"}, http.StatusUnprocessableEntity, "Paste a payload", ""},
		"no name":                   {[]string{"of", "payload", "payload", "{}"}, http.StatusUnprocessableEntity, "the vendor's own name", "{}</textarea>"},
		"not JSON":                  {[]string{"of", "payload", "name", "push", "payload", "{\n\"a\": x}<img src=x>"}, http.StatusUnprocessableEntity, "not JSON: line 2", "&lt;img src=x"},
		"not a push":                {[]string{"of", "payload", "vendor", "github", "name", "push", "payload", `{"a": 1}`}, http.StatusUnprocessableEntity, "", "{&#34;a&#34;: 1}</textarea>"},
		"no vendor":                 {[]string{"of", "payload", "vendor", "nobody", "name", "push", "payload", `{}`}, http.StatusUnprocessableEntity, "nobody", "{}</textarea>"},
		"not planned":               {[]string{"of", "payload", "vendor", "github", "name", "push", "payload", payloadOf("broken")}, http.StatusUnprocessableEntity, "cannot be loaded", "refs/heads/broken"},
		"a large file that is none": {[]string{"of", "payload", "vendor", "github", "name", "push", "@file", strings.Repeat("x", 2<<20)}, http.StatusUnprocessableEntity, "not JSON", "Choose its file once more"},
	} {
		t.Run(name, func(t *testing.T) {
			a := tried(t, w, b, c.fields...)
			page := a.Page(t)
			harmless(t, page)
			if a.Status != c.status || page.ByID("plan") != nil || len(page.Class("fault")) != 1 {
				t.Errorf("gives %d, want %d: %s", a.Status, c.status, page.Main())
			}
			says(t, "the page", page.Main(), c.want)
			says(t, "the form", page.Source, c.kept)
			if len(a.Text) > 100_000 {
				t.Errorf("the page has %d bytes", len(a.Text))
			}
		})
	}
	if a := b.Post("/try", nil); a.Status != http.StatusUnsupportedMediaType {
		t.Errorf("another form gives %d", a.Status)
	}
	a := tried(t, w, b, "of", "payload", "name", "push", "@file", strings.Repeat(" ", 28<<20))
	if a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form without end gives %d", a.Status)
	}
	if a := w.SignIn(v1.ScopeRead).Get("/try"); a.Status != http.StatusForbidden {
		t.Errorf("a key that reads tries: %d", a.Status)
	}
}
