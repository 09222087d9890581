package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/bundle"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/webtest"
	"github.com/franela/pocketci/modules"
)

// inspector has the functions that a test gives it.
type inspector []dispatcher.Declared

func (i inspector) Functions(context.Context, events.Event) (string, []dispatcher.Declared, error) {
	return webtest.SHA, i, nil
}

func (i inspector) FunctionsOf(context.Context, []bundle.File) ([]dispatcher.Declared, error) {
	return i, nil
}

func optional(t modules.Type) modules.Type { t.Optional = true; return t }

var (
	text     = modules.Type{Kind: modules.KindString}
	markup   = `<img src=x onerror=alert(1)>"'`
	greeting = &modules.Module{Path: "ci", Name: "ci", Functions: []modules.Function{{
		Name: "greet", Description: "Greets.\n" + markup, Returns: text,
		Args: []modules.Arg{
			{Name: "name", Type: text, Description: markup},
			{Name: "title", Type: optional(text), Default: json.RawMessage(`"Dr. ` + "\\u003cb\\u003e" + `"`)},
			{Name: "times", Type: modules.Type{Kind: modules.KindInteger}},
			{Name: "loud", Type: optional(modules.Type{Kind: modules.KindBoolean}), Default: json.RawMessage("true")},
			{Name: "mood", Type: modules.Type{Kind: modules.KindEnum, Name: "Mood", Values: []string{"SAD", "HAPPY"}}},
			{Name: "tags", Type: optional(modules.Type{Kind: modules.KindList, Elem: &text})},
			{Name: "moods", Type: optional(modules.Type{Kind: modules.KindList, Elem: &modules.Type{Kind: modules.KindEnum, Name: "Mood", Values: []string{"SAD", "HAPPY"}}})},
			{Name: "token", Type: optional(modules.Type{Kind: modules.KindObject, Name: "Secret"})},
			{Name: "src", Type: modules.Type{Kind: modules.KindObject, Name: "Directory"}},
		},
	}}}
)

// withForm is a world whose one module has a function to greet somebody.
func withForm(t *testing.T) *webtest.World {
	t.Helper()
	w := webtest.New(t, webtest.Options{API: func(o *api.Options) {
		o.Inspector = inspector{{Path: "ci", Module: greeting}}
		o.Planner = webtest.Planner(func(_ context.Context, e events.Event) (*dispatcher.View, error) {
			view := &dispatcher.View{}
			asked, _, err := events.ReadByHand(&e)
			if err != nil {
				return nil, err
			}
			if _, err := dispatcher.ByHand("ci", &greeting.Functions[0], asked.Args, modules.Tree{}); err != nil {
				argument, reason, _ := strings.Cut(strings.TrimPrefix(err.Error(), "ci:greet: argument "), ": ")
				view.Invalid = append(view.Invalid, dispatcher.Invalid{Module: "ci", Function: "greet", Argument: argument, Error: reason})
			} else {
				view.Calls = append(view.Calls, dispatcher.CallView{Module: "ci", Function: "greet"})
			}
			return view, nil
		})
	}})
	w.Ran("acme/shop", "onGithubPush", store.StateSucceeded)
	return w
}

const greet = "/functions/run?repository=acme%2Fshop&function=greet"

// controls are the names of what a form sends, with what each is.
func controls(p *webtest.Page) map[string]string {
	list := map[string]string{}
	for n := range p.All(func(n *html.Node) bool { return slices.Contains([]string{"input", "select", "textarea"}, n.Data) }) {
		kind := n.Data
		if t := webtest.Attr(n, "type"); t != "" {
			kind = t
		}
		list[webtest.Attr(n, "name")] = kind
	}
	return list
}

func TestForm(t *testing.T) {
	t.Parallel()
	w := withForm(t)
	page := w.SignIn(v1.ScopeRun).Page(greet)
	want := map[string]string{
		"repository": "hidden", "module": "hidden", "function": "hidden", "ref": "hidden",
		"arg.name": "textarea", "arg.title": "textarea", "arg.times": "input", "arg.loud": "select", "arg.mood": "select",
		"arg.tags": "textarea", "arg.moods": "checkbox", "arg.token": "input", "arg.src": "input",
	}
	if diff := cmp.Diff(want, controls(page)); diff != "" {
		t.Error(diff)
	}
	if len(page.Tag("img")) > 0 || !strings.Contains(page.Main(), markup) {
		t.Errorf("what a function says of itself is not shown as text: %s", page.Main())
	}
	if a := w.SignIn(v1.ScopeRead).Get(greet); a.Status != http.StatusForbidden {
		t.Errorf("it gives %d with a key that only reads", a.Status)
	}
	for path, want := range map[string]int{
		"/functions/run": 404, "/functions/run?repository=acme/shop&function=none": 404, "/functions/run?repository=acme/none&function=greet": 404,
		greet + "&module=other": 404,
	} {
		if a := w.SignIn(v1.ScopeRun).Get(path); a.Status != want {
			t.Errorf("%s gives %d, want %d", path, a.Status, want)
		}
	}
}

func TestCallByForm(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change url.Values
		// args are what the run is of, if the form is taken.
		args map[string]string
		// wrong is the argument that it is not taken for, with what is said of it.
		wrong, says string
	}{
		"the least": {url.Values{}, map[string]string{"name": "Ada", "times": "2", "mood": "HAPPY"}, "", ""},
		"all": {
			url.Values{
				"arg.title": {"Countess"}, "arg.loud": {"false"}, "arg.tags": {"a, b\r\n\r\n\"c\"\r\n"}, "arg.moods": {"SAD", "HAPPY"},
				"arg.token": {"env://TOKEN"}, "arg.src": {""},
			},
			map[string]string{
				"name": "Ada", "times": "2", "mood": "HAPPY", "title": "Countess", "loud": "false", "tags": `["a, b","\"c\""]`,
				"moods": `["SAD","HAPPY"]`, "token": "env://TOKEN",
			}, "", "",
		},
		"an empty text":            {url.Values{"arg.name": {""}}, map[string]string{"name": "", "times": "2", "mood": "HAPPY"}, "", ""},
		"no number":                {url.Values{"arg.times": {"two"}}, nil, "arg-2", `"two" is not a whole number`},
		"none where one is needed": {url.Values{"arg.times": {" "}}, nil, "arg-2", "is needed"},
		"no member":                {url.Values{"arg.mood": {"ANGRY"}}, nil, "arg-4", "ANGRY"},
		"a secret with a scheme":   {url.Values{"arg.token": {"postgres://u:hunter2@db"}}, nil, "arg-7", "by reference"},
		"a secret itself":          {url.Values{"arg.token": {"hunter2"}}, nil, "arg-7", "by reference"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withForm(t)
			form := url.Values{
				"repository": {"acme/shop"}, "function": {"greet"}, "module": {"ci"}, "ref": {"main"},
				"arg.name": {"Ada"}, "arg.times": {"2"}, "arg.mood": {"HAPPY"},
			}
			for key, values := range tt.change {
				form[key] = values
			}
			a := w.SignIn(v1.ScopeRun).Post("/functions/run", form)
			if tt.wrong == "" {
				if a.Status != http.StatusSeeOther || a.Location != "/runs/2" {
					t.Fatalf("gives %d to %q: %s", a.Status, a.Location, a.Page(t).Main())
				}
				list, err := w.Store.Events(t.Context(), store.EventFilter{Limit: 1})
				if err != nil {
					t.Fatal(err)
				}
				e, err := w.Store.Event(t.Context(), list[0].ID)
				if err != nil {
					t.Fatal(err)
				}
				asked, _, err := events.ReadByHand(&e.Event)
				if diff := cmp.Diff(tt.args, asked.Args); diff != "" || err != nil {
					t.Errorf("%s (%v)", diff, err)
				}
				if e.Ref != "refs/heads/main" || e.Sender != "key for run" {
					t.Errorf("the event is of %s, by %s", e.Ref, e.Sender)
				}
				return
			}
			page := a.Page(t)
			notes := page.ByID(tt.wrong + "-notes")
			if a.Status != http.StatusUnprocessableEntity || notes == nil || !strings.Contains(webtest.Text(notes), tt.says) {
				t.Fatalf("gives %d: %s", a.Status, page.Main())
			}
			if got := webtest.Attr(page.ByID(tt.wrong), "aria-invalid"); got != "true" {
				t.Error("the control is not marked")
			}
			if got := webtest.Text(page.ByID("arg-0")); got != "Ada" {
				t.Errorf("what was typed is lost: %q", got)
			}
			if strings.Contains(a.Text, "hunter2") {
				t.Error("the secret is shown again")
			}
			if list, err := w.Store.Events(t.Context(), store.EventFilter{}); len(list) != 1 || err != nil {
				t.Errorf("%d events (%v)", len(list), err)
			}
		})
	}
}
