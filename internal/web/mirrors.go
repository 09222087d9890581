package web

import (
	"net/http"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// mirrorsPage is the mirrors of all agents.
type mirrorsPage struct {
	Mirrors []*mirrorRow
	More    string
	None    unconfigured
	// Error is why a mirror does not look.
	Error string
}

// mirrorRow is a mirror in the list.
type mirrorRow struct{ v1.Mirror }

// State is what it does or how it fares.
func (r *mirrorRow) State() string {
	switch {
	case r.Phase == "working":
		return "working"
	case r.Phase == "waiting":
		return "queued"
	case r.Error != "":
		return "failing"
	case r.SHA == "":
		return "not-yet"
	}
	return "up-to-date"
}

// Here reports whether it is a mirror of the agent that answers, which alone can be told
// to look.
func (r *mirrorRow) Here() bool { return r.Phase != "" }

func (s *Site) mirrors(v *visit) error { return s.showMirrors(v, http.StatusOK, "") }

func (s *Site) showMirrors(v *visit, status int, fault string) error {
	found, err := v.api.Mirrors(v.ctx())
	if err != nil {
		return err
	}
	page := mirrorsPage{None: noMirrors, Error: fault}
	list, more := part(v, found.Mirrors)
	page.More = more
	for i := range list {
		page.Mirrors = append(page.Mirrors, &mirrorRow{list[i]})
	}
	return v.showStatus(status, "mirrors", page)
}

func (s *Site) syncMirror(v *visit) error {
	name, touch := v.r.PathValue("name"), v.typed("touch") == "true"
	err := v.api.SyncMirror(v.ctx(), name, v1.SyncMirror{Touch: touch})
	if err == nil {
		note := "The mirror " + name + " looks now."
		if touch {
			note += " It touches its trigger and calls functions even if nothing has changed."
		}
		return v.back("/mirrors", note)
	}
	status, text, again := objected(err)
	if !again && status != http.StatusNotFound {
		return err
	}
	return s.showMirrors(v, status, text)
}
