package gitlabtest

import (
	"cmp"
	"net/http"
	"strconv"

	clientgo "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/franela/pocketci/internal/forge/forgetest"
)

// Hook is a webhook. The owner is empty for one of the project.
type Hook struct {
	ID                         int
	Owner, URL, Token, Signing string
	// Alert is what GitLab thinks of it, executable if empty.
	Alert            string
	Issues, Verifies bool

	push, tag, mr, note, rel bool
}

func (w *World) hookJSON(h *Hook) Object {
	o := Object{
		"id": h.ID, "url": h.URL, "push_events": h.push, "tag_push_events": h.tag, "merge_requests_events": h.mr,
		"note_events": h.note, "releases_events": h.rel, "issues_events": h.Issues, "enable_ssl_verification": h.Verifies,
	}
	if !w.Old {
		o["alert_status"] = cmp.Or(h.Alert, "executable")
		o["token_present"], o["signing_token_present"] = h.Token != "", h.Signing != ""
	}
	return o
}

// hookRoutes are those of projects and of groups, whose request types have the
// same fields.
func (w *World) hookRoutes(handle func(method, path string, h func(http.ResponseWriter, *http.Request)), owner string) {
	find := func(rw http.ResponseWriter, r *http.Request) *Hook {
		id := w.number(r, "hook")
		for _, h := range w.Hooks {
			if h.ID == id && h.Owner == owner {
				return h
			}
		}
		notFound(rw, "")
		return nil
	}
	set := func(h *Hook, r *http.Request) {
		w.query(r, nil)
		var o clientgo.AddProjectHookOptions
		if owner == "" {
			o = *body[clientgo.AddProjectHookOptions](w, r)
		} else {
			g := body[clientgo.AddGroupHookOptions](w, r)
			o = clientgo.AddProjectHookOptions{
				URL: g.URL, PushEvents: g.PushEvents, TagPushEvents: g.TagPushEvents, MergeRequestsEvents: g.MergeRequestsEvents,
				NoteEvents: g.NoteEvents, ReleasesEvents: g.ReleasesEvents, IssuesEvents: g.IssuesEvents,
				EnableSSLVerification: g.EnableSSLVerification, Token: g.Token, SigningToken: g.SigningToken,
			}
		}
		if o.URL == nil {
			w.T.Error("a webhook without an address")
			return
		}
		h.URL = *o.URL
		for _, field := range []struct {
			to   *bool
			from *bool
		}{
			{&h.push, o.PushEvents}, {&h.tag, o.TagPushEvents}, {&h.mr, o.MergeRequestsEvents}, {&h.note, o.NoteEvents},
			{&h.rel, o.ReleasesEvents}, {&h.Issues, o.IssuesEvents}, {&h.Verifies, o.EnableSSLVerification},
		} {
			if field.from != nil {
				*field.to = *field.from
			}
		}
		if o.Token != nil {
			h.Token = *o.Token
		}
		if o.SigningToken != nil && !w.Old {
			h.Signing = *o.SigningToken
		}
	}
	handle("GET", "/hooks", func(rw http.ResponseWriter, r *http.Request) {
		list := []Object{}
		for _, h := range w.Hooks {
			if h.Owner == owner {
				list = append(list, w.hookJSON(h))
			}
		}
		paged(w, rw, r, list, nil)
	})
	handle("POST", "/hooks", func(rw http.ResponseWriter, r *http.Request) {
		h := &Hook{ID: len(w.Hooks) + 1, Owner: owner}
		set(h, r)
		w.Hooks = append(w.Hooks, h)
		forgetest.Answer(rw, http.StatusCreated, w.hookJSON(h))
	})
	handle("GET", "/hooks/{hook}", func(rw http.ResponseWriter, r *http.Request) {
		w.query(r, nil)
		if h := find(rw, r); h != nil {
			forgetest.Answer(rw, http.StatusOK, w.hookJSON(h))
		}
	})
	handle("PUT", "/hooks/{hook}", func(rw http.ResponseWriter, r *http.Request) {
		if h := find(rw, r); h != nil {
			set(h, r)
			forgetest.Answer(rw, http.StatusOK, w.hookJSON(h))
		}
	})
	handle("GET", "/hooks/{hook}/events", func(rw http.ResponseWriter, r *http.Request) {
		if w.Old {
			notFound(rw, "")
			return
		}
		if find(rw, r) != nil {
			paged(w, rw, r, w.Attempts, nil)
		}
	})
	handle("POST", "/hooks/{hook}/events/{event}/resend", func(rw http.ResponseWriter, r *http.Request) {
		w.query(r, nil)
		if r.ContentLength != 0 {
			w.T.Error("a resend has a body")
		}
		if find(rw, r) == nil {
			return
		}
		if len(w.Resent) == w.Resends {
			rw.Header().Set("Retry-After", strconv.Itoa(60))
			forgetest.Answer(rw, http.StatusTooManyRequests, Object{"message": Object{"error": "This endpoint has been requested too many times. Try again later."}})
			return
		}
		w.Resent = append(w.Resent, w.number(r, "event"))
		forgetest.Answer(rw, http.StatusCreated, Object{"response_status": 200})
	})
}
