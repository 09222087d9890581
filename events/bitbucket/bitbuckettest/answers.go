package bitbuckettest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/franela/pocketci/internal/forge/forgetest"
)

func (s *World) permissions(w http.ResponseWriter, r *http.Request) {
	type permission struct {
		Type       string `json:"type"`
		Permission string `json:"permission"`
		User       *User  `json:"user"`
	}
	page(w, r, []permission{
		{"repository_permission", "admin", UserOf("owner")}, {"repository_permission", "write", UserOf("other")},
		{"repository_permission", "read", UserOf(forgetest.Reed)}, {"repository_permission", "write", UserOf(forgetest.Anna)},
	})
}

func (s *World) merged(w http.ResponseWriter, r *http.Request) {
	type pull struct {
		State  string `json:"state"`
		Author *User  `json:"author"`
	}
	var found []pull
	for _, id := range []string{forgetest.Anna, forgetest.Mara} {
		if u := UserOf(id); slices.Contains([]string{`author.account_id="` + id + `"`, `author.uuid="` + u.UUID + `"`}, r.URL.Query().Get("q")) {
			found = append(found, pull{"MERGED", u})
		}
	}
	page(w, r, found)
}

func (s *World) commit(w http.ResponseWriter, repository, hash string) {
	full, known := s.Commits[repository+" "+hash]
	if !known {
		forgetest.Answer(w, http.StatusNotFound, nil)
		return
	}
	forgetest.Answer(w, http.StatusOK, map[string]any{"type": "commit", "hash": full})
}

func (s *World) status(w http.ResponseWriter, r *http.Request, sha string) {
	var body CommitStatus
	if !s.Body(r, &body) {
		return
	}
	known := slices.Contains([]string{"FAILED", "INPROGRESS", "STOPPED", "SUCCESSFUL"}, body.State)
	if !known || body.Key == "" || len(body.Key) > 40 || !strings.HasPrefix(body.URL, "https://") || len(body.Description) > 255 || len(body.Name) > 255 {
		s.T.Errorf("status %+v", body)
	}
	if s.Statuses[sha] == nil {
		s.Statuses[sha] = map[string]CommitStatus{}
	}
	s.Statuses[sha][body.Key] = body
	forgetest.Answer(w, http.StatusCreated, body)
}

func (s *World) add(author, body string) *StoredComment {
	c := &StoredComment{
		ID: int64(len(s.Said) + 1), Type: "pullrequest_comment", User: UserOf(author), Content: map[string]string{"raw": body, "markup": "markdown"},
	}
	s.Said = append(s.Said, c)
	return c
}

func (s *World) edit(w http.ResponseWriter, r *http.Request, id string) {
	var body pullRequestComment
	if !s.Body(r, &body) {
		return
	}
	for _, c := range s.Said {
		if strconv.FormatInt(c.ID, 10) == id {
			if c.User.UUID != UserOf(bot).UUID {
				s.T.Errorf("a comment of %s is edited", c.User.AccountID)
			}
			c.Content["raw"] = body.Content.Raw
			forgetest.Answer(w, http.StatusOK, c)
			return
		}
	}
	s.T.Errorf("there is no comment %s", id)
}

// hookEvents are the events of a webhook_subscription.
var hookEvents = []string{
	"issue:comment_created", "issue:created", "issue:updated", "project:updated", "pullrequest:approved", "pullrequest:changes_request_created",
	"pullrequest:changes_request_removed", "pullrequest:comment_created", "pullrequest:comment_deleted", "pullrequest:comment_reopened",
	"pullrequest:comment_resolved", "pullrequest:comment_updated", "pullrequest:created", "pullrequest:fulfilled", "pullrequest:push",
	"pullrequest:rejected", "pullrequest:unapproved", "pullrequest:updated", "repo:commit_comment_created", "repo:commit_status_created",
	"repo:commit_status_updated", "repo:created", "repo:deleted", "repo:fork", "repo:imported", "repo:push", "repo:transfer", "repo:updated",
}

// hook creates a webhook, or changes the one with that id, which is a UUID in
// braces.
func (s *World) hook(w http.ResponseWriter, r *http.Request, list, id string) {
	var body webhookSubscription
	if !s.Body(r, &body) {
		return
	}
	if body.URL == "" || len(body.Events) == 0 || body.Secret == nil {
		s.T.Errorf("a webhook to %q of %v, with a secret: %t", body.URL, body.Events, body.Secret != nil)
		return
	}
	for _, e := range body.Events {
		if !slices.Contains(hookEvents, e) {
			s.T.Errorf("event %q", e)
		}
	}
	status := http.StatusOK
	var h *StoredHook
	for _, stored := range s.Hooks[list] {
		if id == strings.NewReplacer("{", "%7B", "}", "%7D").Replace(stored.UUID) {
			h = stored
		}
	}
	if h == nil && id != "" {
		forgetest.Answer(w, http.StatusNotFound, nil)
		return
	}
	if h == nil {
		h = &StoredHook{UUID: fmt.Sprintf("{00000000-0000-0000-0000-%012d}", len(s.Hooks[list])+1), Type: "webhook_subscription"}
		s.Hooks[list], status = append(s.Hooks[list], h), http.StatusCreated
	}
	h.URL, h.Active, h.Events, h.Secret, h.SecretSet = body.URL, body.Active, body.Events, *body.Secret, *body.Secret != ""
	forgetest.Answer(w, status, h)
}
