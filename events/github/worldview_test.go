package github_test

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/franela/pocketci/internal/forge"
)

// This file is the stand-in as its people see it.

func (w *world) Status(sha, context string) (state forge.State, description, url string, count int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.app != nil {
		return w.check(sha, context)
	}
	for _, s := range w.statuses {
		if s["sha"] != sha || s["context"] != context {
			continue
		}
		count++
		description, _ = s["description"].(string)
		url, _ = s["target_url"].(string)
		state = map[any]forge.State{
			"pending": forge.StatePending, "success": forge.StateSucceeded, "failure": forge.StateFailed, "error": forge.StateAborted,
		}[s["state"]]
	}
	return state, description, url, count
}

func (w *world) Comments() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var texts []string
	for _, c := range w.comments {
		texts = append(texts, c.body)
	}
	return texts
}

func (w *world) AddComment(author, body string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strconv.FormatInt(w.say(author, body).id, 10)
}

func (w *world) say(author, body string) *said {
	w.next++
	c := &said{id: w.next, author: author, body: body}
	w.comments = append(w.comments, c)
	return c
}

func (w *world) Reaction(comment string) forge.Reaction {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.comments {
		if strconv.FormatInt(c.id, 10) == comment && len(c.reactions) == 1 {
			return map[string]forge.Reaction{"eyes": forge.ReactionSeen, "-1": forge.ReactionRefused}[c.reactions[0]]
		}
	}
	return ""
}

func (w *world) Webhooks() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string]bool{}
	for _, hook := range w.hooks {
		config := hook["config"].(map[string]any)
		secret, _ := config["secret"].(string)
		all[config["url"].(string)] = secret != ""
	}
	return all
}

func (w *world) Fail(n, status int, header http.Header) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range n {
		w.fails = append(w.fails, failing{status: status, header: header, body: `{"message":"made to fail"}`})
	}
}

func (w *world) Requests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests
}

func (w *world) Token(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.token = token
	if w.app != nil {
		w.app.revoked = true
	}
}

// since returns the requests that were made after the first n.
func (w *world) since(n int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked[n:])
}
