package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/webtest"
)

// deployModule stores a module as a deployment would.
func deployModule(t *testing.T, w *webtest.World, name, sha string, functions ...v1.DeclaredFunction) {
	t.Helper()
	declared, err := json.Marshal([]v1.DeclaredModule{{Module: ".", Name: name, Functions: functions, Checks: []v1.DeclaredCheck{}}})
	if err != nil {
		t.Fatal(err)
	}
	by := store.Actor{Person: "mona " + evil}
	if err := w.Store.DeployModules(t.Context(), []store.NewModule{{Name: name, SHA: sha, Archive: []byte("files of " + sha), Files: 3, Size: 1234, Functions: declared}}, by); err != nil {
		t.Fatal(err)
	}
}

func TestModulePages(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	old, sha := strings.Repeat("1", 40), strings.Repeat("2", 40)
	greet := v1.DeclaredFunction{Name: "greet", Description: "Greets. " + evil, Returns: "String!", Args: []v1.DeclaredArg{{Name: "name", Type: "String!", Kind: "string"}}}
	deployModule(t, w, "greeter", old, greet)
	deployModule(t, w, "greeter", sha, greet)

	reader := w.SignIn(v1.ScopeRead)
	list := reader.Page("/modules")
	shownAsText(t, list)
	if !strings.Contains(list.Main(), "on greeter version 2, 3 files 2222222") || !slices.Contains(list.Links(), "/modules/greeter") {
		t.Errorf("the list is %s", list.Main())
	}
	page := reader.Page("/modules/greeter")
	shownAsText(t, page)
	for _, want := range []string{"Version 2 " + sha, "3 files, 1.2 kB", "greet(name: String!): String!", "called now", "pocketci module deploy greeter"} {
		if !strings.Contains(page.Main(), want) {
			t.Errorf("the page has no %q: %s", want, page.Main())
		}
	}
	if forms := page.Actions(); len(forms) != 1 {
		t.Errorf("who may only read has forms %q", forms)
	}
	for _, link := range page.Links() {
		if strings.HasPrefix(link, "/functions/run") || strings.HasSuffix(link, "/delete") {
			t.Errorf("who may only read is led to %s", link)
		}
	}
	for _, version := range []string{old, sha} {
		path := "/modules/greeter/archive?sha=" + version
		a := reader.Get(path)
		if !slices.Contains(page.Links(), path) || a.Status != http.StatusOK || a.Text != "files of "+version || a.Header.Get("Content-Type") != "application/gzip" ||
			a.Header.Get("Content-Disposition") != "attachment; filename=greeter-"+version[:7]+".tar.gz" {
			t.Errorf("%s gives %d %q: %q", path, a.Status, a.Header, a.Text)
		}
	}
	if a := reader.Get("/modules/greeter/archive?sha=none"); a.Status != http.StatusNotFound || a.Header.Get("Content-Disposition") != "" {
		t.Errorf("a version that there is not gives %d", a.Status)
	}
	if links := w.SignIn(v1.ScopeRun).Page("/modules/greeter").Links(); !slices.Contains(links, "/functions/run?function=greet&module=.&repository=.modules%2Fgreeter") {
		t.Errorf("the function cannot be called: %q", links)
	}
	for _, path := range []string{"rename", "delete"} {
		if a := w.SignIn(v1.ScopeRun).Post("/modules/greeter/"+path, url.Values{"name": {"else"}}); a.Status != http.StatusForbidden {
			t.Errorf("%s by a key that may not gives %d", path, a.Status)
		}
	}
}

func TestModuleChanges(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	deployModule(t, w, "greeter", strings.Repeat("1", 40))
	deployModule(t, w, "other", strings.Repeat("2", 40))
	b := w.SignIn(v1.ScopeAdmin)
	for name, status := range map[string]int{"other": http.StatusConflict, `No "good" name`: http.StatusUnprocessableEntity} {
		a := b.Post("/modules/greeter/rename", url.Values{"name": {name}})
		page := a.Page(t)
		if a.Status != status || len(page.Class("fault")) != 1 || !strings.Contains(page.Main(), "greeter") {
			t.Errorf("renaming to %q gives %d: %s", name, a.Status, page.Main())
		}
		if inputs := page.Tag("input"); len(inputs) != 1 || webtest.Attr(inputs[0], "value") != name {
			t.Errorf("what was typed is gone: %q", name)
		}
	}
	if a := b.Post("/modules/greeter/rename", url.Values{"name": {" hello "}}); a.Status != http.StatusSeeOther || a.Location != "/modules/hello" {
		t.Errorf("renaming gives %d to %s: %s", a.Status, a.Location, a.Text)
	}
	if text := b.Page("/modules/hello").Main(); !strings.Contains(text, "The module greeter is called hello now.") {
		t.Errorf("nothing is said about it: %s", text)
	}
	question := b.Page("/modules/hello/delete")
	if !strings.Contains(question.Main(), "Delete the module hello?") || !slices.Contains(question.Actions(), "/modules/hello/delete") || !slices.Contains(question.Links(), "/modules/hello") {
		t.Errorf("the question is %s", question.Main())
	}
	b.Page("/modules/hello") // it is still there
	if a := b.Post("/modules/hello/delete", nil); a.Status != http.StatusSeeOther || a.Location != "/modules" {
		t.Errorf("deleting gives %d to %s: %s", a.Status, a.Location, a.Text)
	}
	if text := b.Page("/modules").Main(); !strings.Contains(text, "The module hello is deleted.") || !strings.Contains(text, "other") {
		t.Errorf("the list is %s", text)
	}
	if a := b.Post("/modules/hello/delete", nil); a.Status != http.StatusNotFound {
		t.Errorf("deleting it again gives %d", a.Status)
	}
}
