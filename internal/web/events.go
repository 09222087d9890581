package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

// eventsPage is a list of events and what it is of.
type eventsPage struct {
	Filter  eventsFilter
	Vendors []string
	Events  []v1.Event
	// Older is the address of the next page, Live that which keeps the first one up to
	// date.
	Older, Live string
	Error       string
}

// eventsFilter is what somebody typed to select events, as it was typed.
type eventsFilter struct{ Vendor, Repository, Event, Branch, Since, Until string }

// vendors are those of events, as they are known by name.
var vendors = []string{"github", "gitlab", "gitea", "bitbucket", "manual", "time", "registry", "webhook", "signed", "mirror", "converge"}

// Given reports whether anything was typed.
func (f eventsFilter) Given() bool { return f != eventsFilter{} }

func eventsFilterOf(q url.Values) eventsFilter {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	return eventsFilter{get("vendor"), get("repository"), get("event"), get("branch"), get("since"), get("until")}
}

// path is the address of the filter's list or of something beside it.
func (f eventsFilter) path(base string, more ...string) string {
	return address(base, append([]string{
		"vendor", f.Vendor, "repository", f.Repository, "event", f.Event, "branch", f.Branch, "since", f.Since, "until", f.Until,
	}, more...)...)
}

// ask is the filter as the API takes it. Its error is a sentence for who typed it.
func (f eventsFilter) ask() (client.EventFilter, error) {
	out := client.EventFilter{Vendor: f.Vendor, Repository: f.Repository, Name: f.Event, Ref: fullRef(f.Branch)}
	var err error
	if out.Since, err = dayOf(f.Since, 0); err != nil {
		return out, err
	}
	out.Until, err = dayOf(f.Until, 24*time.Hour) // the last day is one of them
	return out, err
}

func (s *Site) events(v *visit) error {
	q := v.r.URL.Query()
	page := eventsPage{Filter: eventsFilterOf(q), Vendors: vendors}
	filter, err := page.Filter.ask()
	if err == nil {
		filter.Cursor = q.Get("cursor")
		var found v1.Events
		if found, err = v.api.Events(v.ctx(), filter); err == nil {
			page.Events = found.Events
			if found.Next != "" {
				page.Older = page.Filter.path("/events", "cursor", found.Next)
			}
			if filter.Cursor == "" {
				page.Live = page.Filter.path("/events/live")
			}
			return v.show("events", page)
		}
	}
	status, text := v.told(err)
	if status != http.StatusUnprocessableEntity {
		return err
	}
	page.Error = text
	return v.showStatus(status, "events", page)
}

// eventsLive keeps the first page of a list up to date. That something has come is known
// from the overview, since every event has a run.
func (s *Site) eventsLive(v *visit) error {
	page := eventsPage{Filter: eventsFilterOf(v.r.URL.Query())}
	filter, err := page.Filter.ask()
	if err != nil {
		return err
	}
	return v.live("events", func(ctx context.Context, send push) error {
		for _, err := range v.api.WatchOverview(ctx, nil) {
			if err != nil {
				return err
			}
			found, err := v.api.Events(ctx, filter)
			if err != nil {
				return err
			}
			page.Events = found.Events
			if err := send("list", "", page); err != nil {
				return err
			}
		}
		return nil
	})
}
