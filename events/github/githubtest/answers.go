package githubtest

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
func (w *World) answer(op *Operation, r *http.Request, sent map[string]any) (int, any) {
	notFound := func() (int, any) { return http.StatusNotFound, message("Not Found") }
	if owner, ok := op.Params["owner"]; ok && owner+"/"+op.Params["repo"] != forgetest.Repository {
		return notFound()
	}
	if org, ok := op.Params["org"]; ok && org != "acme" {
		return notFound()
	}
	switch op.ID {
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
		number, known := w.number(op, "issue_number")
		if !known {
			return notFound()
		}
		list := []any{}
		for _, c := range w.comments {
			if c.pull != number {
				continue
			}
			list = append(list, c.shown(op.example(200).([]any)[0]))
		}
		return http.StatusOK, list
	case "issues/create-comment":
		number, known := w.number(op, "issue_number")
		if !known {
			return notFound()
		}
		return http.StatusCreated, w.say(number, w.name(), sent["body"].(string)).shown(op.example(201))
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
	if strings.Contains(op.ID, "webhook") {
		return w.webhook(op, r, sent)
	}
	if w.App != nil {
		return w.App.answer(w, op, sent)
	}
	w.t.Errorf("%s is not to be called with a token", op.ID)
	return http.StatusBadRequest, message("no")
}

// name is who the client is.
func (w *World) name() string {
	if w.App != nil {
		return BotApp + "[bot]"
	}
	return self
}

func (w *World) comment(op *Operation) *said {
	for _, c := range w.comments {
		if strconv.FormatInt(c.id, 10) == op.Params["comment_id"] {
			return c
		}
	}
	return nil
}

func (c *said) shown(example any) any {
	return merge(example, map[string]any{"id": c.id, "body": c.body, "user": map[string]any{"login": c.author}})
}

func (w *World) permission(op *Operation) (int, any) {
	level, ok := map[string]string{forgetest.Anna: "write", forgetest.Reed: "read", forgetest.Mara: "read", "root": "admin", "nobody": "none"}[op.Params["username"]]
	if !ok {
		return http.StatusNotFound, message(op.Params["username"] + " is not a user")
	}
	return http.StatusOK, merge(op.example(200), map[string]any{"permission": level, "role_name": level, "user": map[string]any{"role_name": level}})
}

// issues lists what the people have opened: all have an issue, and some a pull
// request that was merged, or that was not.
func (w *World) issues(op *Operation, r *http.Request) (int, any) {
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

// number reads the number of a pull request that there is.
func (w *World) number(op *Operation, name string) (int, bool) {
	number, err := strconv.Atoi(op.Params[name])
	return number, err == nil && w.Pulls[number] != nil
}

func (w *World) pull(op *Operation) (int, any) {
	number, known := w.number(op, "pull_number")
	if !known {
		return http.StatusNotFound, message("Not Found")
	}
	return http.StatusOK, merge(op.example(200), w.Pulls[number])
}

func (w *World) status(op *Operation, sent map[string]any) (int, any) {
	sha := op.Params["sha"]
	description, _ := sent["description"].(string)
	refuse := func(field, text string) (int, any) {
		return http.StatusUnprocessableEntity, map[string]any{"message": "Validation Failed", "documentation_url": "https://docs.github.com/rest",
			"errors": []any{map[string]any{"resource": "Status", "code": "custom", "field": field, "message": text}}}
	}
	if link, ok := sent["target_url"].(string); ok && events.CheckWebURL(link) != nil {
		return refuse("target_url", "target_url must use http(s) scheme")
	}
	switch {
	case !slices.Contains(w.Commits, sha):
		return http.StatusUnprocessableEntity, message("No commit found for SHA: " + sha)
	case utf8.RuneCountInString(description) > 140:
		return refuse("description", "description is too long (maximum is 140 characters)")
	case strings.ContainsFunc(description, func(r rune) bool { return r > 0xffff }):
		return refuse("description", "description doesn't accept 4-byte Unicode")
	}
	same := 0
	for _, s := range w.Statuses {
		if s["sha"] == sha && s["context"] == sent["context"] {
			same++
		}
	}
	if same >= 1000 {
		return refuse("", "This SHA and context has reached the maximum number of statuses.")
	}
	sent["sha"] = sha
	w.Statuses = append(w.Statuses, sent)
	return http.StatusCreated, merge(op.example(201), map[string]any{"state": sent["state"], "context": sent["context"]})
}
