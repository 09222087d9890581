package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"sync"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

//go:embed templates/*.html
var templates embed.FS

// page is the templates of one page: its own file, with those that pages share. They are
// read when somebody first looks at the page: all of them together take seven megabytes.
type page struct {
	templates func() (*template.Template, error)
}

// newPages finds the pages. Each file is one, except for those that others use, whose names
// begin with an underscore. A test reads them all.
func newPages(a *assets) (map[string]*page, error) {
	files, err := templates.ReadDir("templates")
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	shared := template.New("").Funcs(functions(a))
	if shared, err = shared.ParseFS(templates, "templates/_*.html"); err != nil {
		return nil, fmt.Errorf("read shared templates: %w", err)
	}
	pages := map[string]*page{}
	for _, f := range files {
		name, isPage := strings.CutSuffix(f.Name(), ".html")
		if !isPage || strings.HasPrefix(name, "_") {
			continue
		}
		pages[name] = &page{sync.OnceValues(func() (*template.Template, error) {
			own, err := shared.Clone()
			if err == nil {
				own, err = own.ParseFS(templates, path.Join("templates", f.Name()))
			}
			if err != nil {
				return nil, fmt.Errorf("read the template %s: %w", f.Name(), err)
			}
			return own, nil
		})}
	}
	return pages, nil
}

// part renders one template of a page.
func (p *page) part(name string, data any) ([]byte, error) {
	t, err := p.templates()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// frame is what a page's templates get: what the page shows, and what is around it.
type frame struct {
	// Page is what the handler gave.
	Page any
	// Me is the key of the session, nil for a stranger.
	Me *v1.Me
	// Note is shown once, after something was done.
	Note string
	// Path is that of the request. Section is its first part.
	Path, Section string
	may           func(v1.Scope) bool
}

// May reports whether the visitor's key has a scope.
func (f *frame) May(scope string) bool { return f.may(v1.Scope(scope)) }

// show answers with a page.
func (v *visit) show(name string, data any) error { return v.showStatus(http.StatusOK, name, data) }

// showStatus answers with a page under a status of its own. Nothing has been answered if
// it fails.
func (v *visit) showStatus(status int, name string, data any) error {
	p, known := v.site.pages[name]
	if !known {
		return fmt.Errorf("there is no page %s", name)
	}
	section, _, _ := strings.Cut(strings.TrimPrefix(v.r.URL.Path, "/"), "/")
	out, err := p.part("layout", &frame{Page: data, Me: v.me, Note: v.note(), Path: v.r.URL.Path, Section: section, may: v.may})
	if err != nil {
		return err
	}
	v.send(status, out)
	return nil
}

// fragment answers with one template of a page, for scripts that put it into the page.
func (v *visit) fragment(name, part string, data any) error {
	p, known := v.site.pages[name]
	if !known {
		return fmt.Errorf("there is no page %s", name)
	}
	out, err := p.part(part, data)
	if err != nil {
		return err
	}
	v.send(http.StatusOK, out)
	return nil
}
