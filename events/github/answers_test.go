package github_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

// answer does what GitHub would do.
func (w *world) answer(op *operation, r *http.Request, sent map[string]any) (int, any) {
	notFound := func() (int, any) { return http.StatusNotFound, message("Not Found") }
	if owner, ok := op.params["owner"]; ok && owner+"/"+op.params["repo"] != forgetest.Repository {
		return notFound()
	}
	if org, ok := op.params["org"]; ok && org != "acme" {
		return notFound()
	}
	switch op.id {
	case "users/get-authenticated":
		return http.StatusOK, merge(op.example(200), map[string]any{"login": self})
	case "repos/get-collaborator-permission-level":
		return w.permission(op)
	case "issues/list-for-repo":
		return w.issues(op, r)
	case "pulls/get":
		return w.pull(op)
	case "repos/create-commit-status":
		return w.status(op, sent)
	case "issues/list-comments":
		if op.params["issue_number"] != "7" {
			return notFound()
		}
		list := []any{}
		for _, c := range w.comments {
			list = append(list, c.shown(op.example(200).([]any)[0]))
		}
		return http.StatusOK, list
	case "issues/create-comment":
		if op.params["issue_number"] != "7" {
			return notFound()
		}
		return http.StatusCreated, w.say(w.name(), sent["body"].(string)).shown(op.example(201))
	case "issues/update-comment":
		c := w.comment(op)
		switch {
		case c == nil:
			return notFound()
		case c.author != w.name():
			w.t.Errorf("the comment of %s is edited", c.author)
		}
		c.body = sent["body"].(string)
		return http.StatusOK, c.shown(op.example(200))
	case "reactions/create-for-issue-comment":
		c := w.comment(op)
		if c == nil {
			return notFound()
		}
		content := sent["content"].(string)
		if slices.Contains(c.reactions, content) {
			return http.StatusOK, merge(op.example(200), map[string]any{"content": content})
		}
		c.reactions = append(c.reactions, content)
		return http.StatusCreated, merge(op.example(201), map[string]any{"content": content})
	}
	if strings.Contains(op.id, "webhook") {
		return w.webhook(op, r, sent)
	}
	if w.app != nil {
		return w.app.answer(w, op, sent)
	}
	w.t.Errorf("%s is not to be called with a token", op.id)
	return http.StatusBadRequest, message("no")
}

// name is who the client is.
func (w *world) name() string {
	if w.app != nil {
		return botApp + "[bot]"
	}
	return self
}

func (w *world) comment(op *operation) *said {
	for _, c := range w.comments {
		if strconv.FormatInt(c.id, 10) == op.params["comment_id"] {
			return c
		}
	}
	return nil
}

func (c *said) shown(example any) any {
	return merge(example, map[string]any{"id": c.id, "body": c.body, "user": map[string]any{"login": c.author}})
}

func (w *world) permission(op *operation) (int, any) {
	level, ok := map[string]string{forgetest.Anna: "write", forgetest.Reed: "read", forgetest.Mara: "read", "root": "admin", "nobody": "none"}[op.params["username"]]
	if !ok {
		return http.StatusNotFound, message(op.params["username"] + " is not a user")
	}
	return http.StatusOK, merge(op.example(200), map[string]any{"permission": level, "role_name": level, "user": map[string]any{"role_name": level}})
}

// issues lists what the people have opened: all have an issue, and some a pull
// request that was merged, or that was not.
func (w *world) issues(op *operation, r *http.Request) (int, any) {
	query := r.URL.Query()
	creator := query.Get("creator")
	if query.Get("state") != "closed" || creator == "" {
		w.t.Errorf("asked for %s", r.URL)
	}
	list := []any{}
	add := func(pull any) {
		issue := merge(op.example(200).([]any)[0], map[string]any{"user": map[string]any{"login": creator}, "state": "closed"})
		delete(issue, "pull_request")
		if pull != nil {
			issue["pull_request"] = merge(map[string]any{"url": "https://x/1", "html_url": "https://x/1", "diff_url": "https://x/1", "patch_url": "https://x/1"}, pull.(map[string]any))
		}
		list = append(list, issue)
	}
	switch creator {
	case forgetest.Anna:
		add(map[string]any{"merged_at": "2026-03-02T08:15:28Z"})
	case forgetest.Mara: // on the second page
		for range 100 {
			add(nil)
		}
		add(map[string]any{"merged_at": "2026-03-02T08:15:28Z"})
	case forgetest.Reed:
		add(map[string]any{"merged_at": nil})
		add(nil)
	default:
		return http.StatusUnprocessableEntity, message("Validation Failed")
	}
	return http.StatusOK, list
}

func (w *world) pull(op *operation) (int, any) {
	repo := map[string]any{"full_name": forgetest.Repository}
	over := map[string]any{
		"requested_teams": []any{}, "number": 7, "title": "Sell more", "state": "open", "merged": false, "user": map[string]any{"login": forgetest.Anna},
		"head": map[string]any{"sha": forgetest.Head, "ref": "feature", "repo": repo},
		"base": map[string]any{"sha": forgetest.Base, "ref": "main", "repo": repo},
	}
	switch op.params["pull_number"] {
	case "7":
	case "9": // from a fork
		over["number"], over["state"], over["merged"] = 9, "closed", true
		over["head"].(map[string]any)["repo"] = map[string]any{"full_name": "mara/shop"}
	default:
		return http.StatusNotFound, message("Not Found")
	}
	return http.StatusOK, merge(op.example(200), over)
}

func (w *world) status(op *operation, sent map[string]any) (int, any) {
	sha := op.params["sha"]
	description, _ := sent["description"].(string)
	refuse := func(field, text string) (int, any) {
		return http.StatusUnprocessableEntity, map[string]any{"message": "Validation Failed", "documentation_url": "https://docs.github.com/rest",
			"errors": []any{map[string]any{"resource": "Status", "code": "custom", "field": field, "message": text}}}
	}
	if link, ok := sent["target_url"].(string); ok && events.CheckWebURL(link) != nil {
		return refuse("target_url", "target_url must use http(s) scheme")
	}
	switch {
	case sha != forgetest.Head && sha != forgetest.Base:
		return http.StatusUnprocessableEntity, message("No commit found for SHA: " + sha)
	case utf8.RuneCountInString(description) > 140:
		return refuse("description", "description is too long (maximum is 140 characters)")
	case strings.ContainsFunc(description, func(r rune) bool { return r > 0xffff }):
		return refuse("description", "description doesn't accept 4-byte Unicode")
	}
	same := 0
	for _, s := range w.statuses {
		if s["sha"] == sha && s["context"] == sent["context"] {
			same++
		}
	}
	if same >= 1000 {
		return refuse("", "This SHA and context has reached the maximum number of statuses.")
	}
	sent["sha"] = sha
	w.statuses = append(w.statuses, sent)
	return http.StatusCreated, merge(op.example(201), map[string]any{"state": sent["state"], "context": sent["context"]})
}
