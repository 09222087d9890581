package gitlab_test

import (
	"cmp"
	"net/http"
	"strconv"

	clientgo "gitlab.com/gitlab-org/api/client-go/v2"
)

type hook struct {
	id                         int
	owner, url, token, signing string
	alert                      string
	push, tag, mr, note, rel   bool
	issues, verifies           bool
}

func (w *world) hookJSON(h *hook) object {
	o := object{
		"id": h.id, "url": h.url, "push_events": h.push, "tag_push_events": h.tag, "merge_requests_events": h.mr,
		"note_events": h.note, "releases_events": h.rel, "issues_events": h.issues, "enable_ssl_verification": h.verifies,
	}
	if !w.old {
		o["alert_status"] = cmp.Or(h.alert, "executable")
		o["token_present"], o["signing_token_present"] = h.token != "", h.signing != ""
	}
	return o
}

// hookRoutes are those of projects and of groups, whose request types have the
// same fields.
func (w *world) hookRoutes(handle func(method, path string, h func(http.ResponseWriter, *http.Request)), owner string) {
	find := func(rw http.ResponseWriter, r *http.Request) *hook {
		id := w.number(r, "hook")
		for _, h := range w.hooks {
			if h.id == id && h.owner == owner {
				return h
			}
		}
		notFound(rw, "")
		return nil
	}
	set := func(h *hook, r *http.Request) {
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
			w.t.Error("a webhook without an address")
			return
		}
		h.url = *o.URL
		for _, field := range []struct {
			to   *bool
			from *bool
		}{
			{&h.push, o.PushEvents}, {&h.tag, o.TagPushEvents}, {&h.mr, o.MergeRequestsEvents}, {&h.note, o.NoteEvents},
			{&h.rel, o.ReleasesEvents}, {&h.issues, o.IssuesEvents}, {&h.verifies, o.EnableSSLVerification},
		} {
			if field.from != nil {
				*field.to = *field.from
			}
		}
		if o.Token != nil {
			h.token = *o.Token
		}
		if o.SigningToken != nil && !w.old {
			h.signing = *o.SigningToken
		}
	}
	handle("GET", "/hooks", func(rw http.ResponseWriter, r *http.Request) {
		list := []object{}
		for _, h := range w.hooks {
			if h.owner == owner {
				list = append(list, w.hookJSON(h))
			}
		}
		paged(w, rw, r, list, nil)
	})
	handle("POST", "/hooks", func(rw http.ResponseWriter, r *http.Request) {
		h := &hook{id: len(w.hooks) + 1, owner: owner}
		set(h, r)
		w.hooks = append(w.hooks, h)
		answer(rw, http.StatusCreated, w.hookJSON(h))
	})
	handle("GET", "/hooks/{hook}", func(rw http.ResponseWriter, r *http.Request) {
		w.query(r, nil)
		if h := find(rw, r); h != nil {
			answer(rw, http.StatusOK, w.hookJSON(h))
		}
	})
	handle("PUT", "/hooks/{hook}", func(rw http.ResponseWriter, r *http.Request) {
		if h := find(rw, r); h != nil {
			set(h, r)
			answer(rw, http.StatusOK, w.hookJSON(h))
		}
	})
	handle("GET", "/hooks/{hook}/events", func(rw http.ResponseWriter, r *http.Request) {
		if w.old {
			notFound(rw, "")
			return
		}
		if find(rw, r) != nil {
			paged(w, rw, r, w.attempts, nil)
		}
	})
	handle("POST", "/hooks/{hook}/events/{event}/resend", func(rw http.ResponseWriter, r *http.Request) {
		w.query(r, nil)
		if r.ContentLength != 0 {
			w.t.Error("a resend has a body")
		}
		if find(rw, r) == nil {
			return
		}
		if len(w.resent) == w.resends {
			rw.Header().Set("Retry-After", strconv.Itoa(60))
			answer(rw, http.StatusTooManyRequests, object{"message": object{"error": "This endpoint has been requested too many times. Try again later."}})
			return
		}
		w.resent = append(w.resent, w.number(r, "event"))
		answer(rw, http.StatusCreated, object{"response_status": 200})
	})
}
