package web_test

import (
	"net/http"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/web/webtest"
)

// What cannot be downloaded is a page, and no file.
func TestDownloadOfWhatIsNot(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.SignIn(v1.ScopeRead)
	for _, path := range []string{"/events/x/payload", "/events/01a213c9-4c2b-7b13-9592-198d3ce0da06/payload", "/modules/none/archive", "/modules/a%0Ab/archive?sha=x", "/runs/1/calls/x/log"} {
		a := b.Get(path)
		if a.Status != http.StatusNotFound && a.Status != http.StatusUnprocessableEntity || a.Header.Get("Content-Disposition") != "" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s gives %d as %v", path, a.Status, a.Header)
		}
	}
}

// Why a form was not taken, and what was done, may be told in the words of strangers.
func TestHostileTextOfForms(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	w.Planned("acme/"+malice, "test")
	b := w.SignIn(v1.ScopeAdmin)
	for path, form := range map[string]map[string][]string{
		"/functions/disable":                         {"repository": {"acme/" + malice}, "reason": {malice}},
		"/functions/apply":                           {"repository": {"acme/" + malice}, "module": {malice}, "ref": {malice}},
		"/settings/keys":                             {"name": {malice}, "scope": {malice}},
		"/mirrors/" + "%E2%80%AE%1B%5B31m" + "/sync": {},
	} {
		a := b.Post(path, form)
		if a.Status == http.StatusSeeOther {
			harmless(t, b.Page(a.Location))
			continue
		}
		harmless(t, a.Page(t))
	}
}
