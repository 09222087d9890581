package client

import (
	"net/url"
	"strconv"
	"time"
)

// Page says which part of a list is asked for.
type Page struct {
	// Cursor is the Next of the page before, empty for the first page.
	Cursor string
	// Limit is how many there are on the page at most, 0 for as many as the
	// agent likes.
	Limit int
}

// EventFilter selects events. Zero values select all.
type EventFilter struct {
	Page
	Repository, Ref string
	// Vendor, Name and Filter are the parts of what happened.
	Vendor, Name, Filter string
	// Original is the id of an event that is replayed, Cause that of one that others
	// follow from.
	Original, Cause string
	// Since and Until bound the time of receipt.
	Since, Until time.Time
}

// RunFilter selects runs. Zero values select all.
type RunFilter struct {
	Page
	Repository, Ref string
	State           string
	// Event is the id of an event, Name that of what happened.
	Event, Name string
	// Function is one that the run calls.
	Function string
	// PR is the number of a pull request, Sender the login of who caused the event.
	PR     int
	Sender string
	// Since and Until bound the time at which the run was made.
	Since, Until time.Time
}

// CallFilter selects calls. Zero values select all.
type CallFilter struct {
	Page
	Repository, State string
	// Run is a run's id or number.
	Run              string
	Module, Function string
}

// params are the query of a request. Empty values are left out.
type params url.Values

func (p params) text(name, value string) params {
	if value != "" {
		p[name] = []string{value}
	}
	return p
}

func (p params) number(name string, value int64) params {
	if value != 0 {
		p[name] = []string{strconv.FormatInt(value, 10)}
	}
	return p
}

func (p params) time(name string, value time.Time) params {
	if !value.IsZero() {
		p[name] = []string{value.UTC().Format(time.RFC3339Nano)}
	}
	return p
}

func (p params) page(page Page) params {
	return p.text("cursor", page.Cursor).number("limit", int64(page.Limit))
}

func (f EventFilter) query() params {
	return params{}.page(f.Page).text("repository", f.Repository).text("ref", f.Ref).text("vendor", f.Vendor).
		text("event", f.Name).text("filter", f.Filter).
		text("original", f.Original).text("cause", f.Cause).time("since", f.Since).time("until", f.Until)
}

func (f RunFilter) query() params {
	return params{}.page(f.Page).text("repository", f.Repository).text("ref", f.Ref).text("state", f.State).
		text("event", f.Event).text("name", f.Name).text("function", f.Function).
		number("pr_number", int64(f.PR)).text("sender", f.Sender).time("since", f.Since).time("until", f.Until)
}

func (f CallFilter) query() params {
	return params{}.page(f.Page).text("repository", f.Repository).text("state", f.State).text("run", f.Run).
		text("module", f.Module).text("function", f.Function)
}
