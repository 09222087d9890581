package giteatest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/franela/pocketci/internal/forge/forgetest"
)

func (s *World) permission(w http.ResponseWriter, login string) {
	mode := map[string]sdk.AccessMode{
		forgetest.Anna: sdk.AccessModeWrite, forgetest.Reed: sdk.AccessModeRead, forgetest.Mara: sdk.AccessModeRead, "owner": sdk.AccessModeOwner,
	}[login]
	if mode == "" {
		forgetest.Answer(w, http.StatusNotFound, map[string]string{"message": "user does not exist"})
		return
	}
	forgetest.Answer(w, http.StatusOK, sdk.CollaboratorPermissionResult{Permission: mode, Role: string(mode), User: &sdk.User{UserName: login}})
}

func (s *World) issues(w http.ResponseWriter, r *http.Request) {
	by := r.URL.Query().Get("created_by")
	if by == forgetest.Neil {
		forgetest.Answer(w, http.StatusNotFound, map[string]string{"message": "user does not exist"})
		return
	}
	page(w, r, s.pageSize, slices.DeleteFunc(slices.Clone(s.closed), func(i *sdk.Issue) bool { return i.Poster.UserName != by }))
}

func (s *World) status(w http.ResponseWriter, r *http.Request, sha string) {
	var option sdk.CreateStatusOption
	if !s.Body(r, &option) {
		return
	}
	if !slices.Contains([]sdk.StatusState{sdk.StatusPending, sdk.StatusSuccess, sdk.StatusError, sdk.StatusFailure, sdk.StatusWarning}, option.State) || option.Context == "" {
		s.T.Errorf("status %+v", option)
	}
	s.statuses[sha] = append(s.statuses[sha], option)
	forgetest.Answer(w, http.StatusCreated, sdk.Status{State: option.State, Context: option.Context})
}

func (s *World) add(author, body string) *sdk.Comment {
	c := &sdk.Comment{ID: int64(len(s.comments) + 1), Poster: &sdk.User{UserName: author}, Body: body, Created: time.Now()}
	s.comments = append(s.comments, c)
	return c
}

func (s *World) comment(id string) *sdk.Comment {
	for _, c := range s.comments {
		if strconv.FormatInt(c.ID, 10) == id {
			return c
		}
	}
	s.T.Errorf("there is no comment %s", id)
	return nil
}

func (s *World) react(w http.ResponseWriter, r *http.Request, id string) {
	// The SDK keeps this type to itself.
	var option struct {
		Reaction string `json:"content"`
	}
	c := s.comment(id)
	if c == nil || !s.Body(r, &option) {
		return
	}
	if !slices.Contains([]string{"+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"}, option.Reaction) {
		s.T.Errorf("reaction %q", option.Reaction)
	}
	s.signs[c.ID] = option.Reaction
	forgetest.Answer(w, http.StatusCreated, sdk.Reaction{Reaction: option.Reaction})
}

// hookEvents are the events that Gitea knows in options of webhooks.
var hookEvents = []string{
	"create", "delete", "fork", "push", "issues", "issue_assign", "issue_label", "issue_milestone", "issue_comment", "pull_request",
	"pull_request_assign", "pull_request_label", "pull_request_milestone", "pull_request_comment", "pull_request_review",
	"pull_request_sync", "pull_request_review_request", "wiki", "repository", "release", "package", "status",
}

func (s *World) checkHook(config map[string]string, events []string) {
	if config["content_type"] != "json" || !strings.HasPrefix(config["url"], "https://") || len(config) != 3 {
		s.T.Errorf("config of a webhook: %d entries, content type %q", len(config), config["content_type"])
	}
	for _, e := range events {
		if !slices.Contains(hookEvents, e) {
			s.T.Errorf("event %q", e)
		}
	}
	if len(events) == 0 {
		s.T.Error("without events Gitea sends pushes alone")
	}
}

func (s *World) createHook(w http.ResponseWriter, r *http.Request, list string) {
	var option sdk.CreateHookOption
	if !s.Body(r, &option) {
		return
	}
	s.checkHook(option.Config, option.Events)
	if option.Type != sdk.HookTypeGitea {
		s.T.Errorf("type %q", option.Type)
	}
	h := &StoredHook{Hook: sdk.Hook{
		ID: int64(len(s.Hooks[list]) + 1), Type: string(option.Type), Active: option.Active, Events: option.Events,
		Config: map[string]string{"url": option.Config["url"], "content_type": "json"},
	}, Secret: option.Config["secret"]}
	s.Hooks[list] = append(s.Hooks[list], h)
	forgetest.Answer(w, http.StatusCreated, h.Hook)
}

func (s *World) editHook(w http.ResponseWriter, r *http.Request, list, id string) {
	var option sdk.EditHookOption
	if !s.Body(r, &option) {
		return
	}
	s.checkHook(option.Config, option.Events)
	for _, h := range s.Hooks[list] {
		if fmt.Sprint(h.ID) == id {
			h.Config["url"], h.Secret, h.Events = option.Config["url"], option.Config["secret"], option.Events
			if option.Active != nil {
				h.Active = *option.Active
			}
			forgetest.Answer(w, http.StatusOK, h.Hook)
			return
		}
	}
	forgetest.Answer(w, http.StatusNotFound, nil)
}
