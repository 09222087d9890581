package githubtest

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/franela/pocketci/internal/forge"
)

// What follows is the stand-in as its people see it: the [forgetest.World].

// Status implements [forgetest.World].
func (w *World) Status(sha, context string) (state forge.State, description, url string, count int) {
	w.Lock()
	defer w.Unlock()
	if w.App != nil {
		return w.check(sha, context)
	}
	for _, s := range w.Statuses {
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

// Comments implements [forgetest.World].
func (w *World) Comments() []string {
	w.Lock()
	defer w.Unlock()
	var texts []string
	for _, c := range w.comments {
		texts = append(texts, c.body)
	}
	return texts
}

// AddComment implements [forgetest.World].
func (w *World) AddComment(author, body string) string {
	w.Lock()
	defer w.Unlock()
	return strconv.FormatInt(w.say(7, author, body).id, 10)
}

// AddCommentOn is [World.AddComment] for any pull request.
func (w *World) AddCommentOn(pull int, author, body string) string {
	w.Lock()
	defer w.Unlock()
	return strconv.FormatInt(w.say(pull, author, body).id, 10)
}

func (w *World) say(pull int, author, body string) *said {
	w.next++
	c := &said{id: w.next, pull: pull, author: author, body: body}
	w.comments = append(w.comments, c)
	return c
}

// Reaction implements [forgetest.World].
func (w *World) Reaction(comment string) forge.Reaction {
	w.Lock()
	defer w.Unlock()
	for _, c := range w.comments {
		if strconv.FormatInt(c.id, 10) == comment && len(c.reactions) == 1 {
			return map[string]forge.Reaction{"eyes": forge.ReactionSeen, "-1": forge.ReactionRefused}[c.reactions[0]]
		}
	}
	return ""
}

// Webhooks implements [forgetest.World].
func (w *World) Webhooks() map[string]bool {
	w.Lock()
	defer w.Unlock()
	all := map[string]bool{}
	for _, hook := range w.Hooks {
		config := hook["config"].(map[string]any)
		secret, _ := config["secret"].(string)
		all[config["url"].(string)] = secret != ""
	}
	return all
}

// Fail implements [forgetest.World].
func (w *World) Fail(n, status int, header http.Header) {
	w.Lock()
	defer w.Unlock()
	for range n {
		w.Fails = append(w.Fails, Failing{Status: status, Header: header, Body: `{"message":"made to fail"}`})
	}
}

// Requests implements [forgetest.World].
func (w *World) Requests() int {
	w.Lock()
	defer w.Unlock()
	return w.requests
}

// Token implements [forgetest.World].
func (w *World) Token(token string) {
	w.Lock()
	defer w.Unlock()
	w.token = token
	if w.App != nil {
		w.App.revoked = true
	}
}

// Since returns the requests that were made after the first n.
func (w *World) Since(n int) []string {
	w.Lock()
	defer w.Unlock()
	return slices.Clone(w.asked[n:])
}
