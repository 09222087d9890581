package web

import (
	"io"
	"mime"
	"net/http"
	"time"
)

// download writes a file that is saved and never shown. Its headers are sent with the
// first bytes, so that there can be a page if there are none, and whoever reads slowly has
// time for as long as they read.
type download struct {
	v                 *visit
	name, contentType string
	begun             bool
}

// download answers with a file that f writes. What f fails at becomes a page, until there
// are bytes: then the browser sees that they are not all.
func (v *visit) download(name, contentType string, f func(io.Writer) error) error {
	d := &download{v: v, name: name, contentType: contentType}
	err := f(d)
	switch {
	case err == nil:
		d.begin()
	case d.begun:
		v.site.Log.Debug("a download was broken off", "path", v.r.URL.Path, "error", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

func (d *download) begin() {
	if d.begun {
		return
	}
	d.begun = true
	h := d.v.w.Header()
	h.Set("Content-Type", d.contentType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.name}))
}

// Write implements [io.Writer].
func (d *download) Write(p []byte) (int, error) {
	d.begin()
	// Where there are no deadlines, none need to be moved.
	_ = http.NewResponseController(d.v.w).SetWriteDeadline(time.Now().Add(d.v.site.Stall))
	return d.v.w.Write(p)
}
