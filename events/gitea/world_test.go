package gitea_test

import (
	"net/http"
	"slices"
	"strconv"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

// This file is the stand-in as a [forgetest.World].

func (s *standIn) Status(sha, context string) (state forge.State, description, url string, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, option := range s.statuses[sha] {
		if option.Context == context {
			count++
			description, url = option.Description, option.TargetURL
			state = map[sdk.StatusState]forge.State{
				sdk.StatusPending: forge.StatePending, sdk.StatusSuccess: forge.StateSucceeded,
				sdk.StatusFailure: forge.StateFailed, sdk.StatusError: forge.StateAborted,
			}[option.State]
		}
	}
	return state, description, url, count
}

func (s *standIn) Comments() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for _, c := range s.comments {
		texts = append(texts, c.Body)
	}
	return texts
}

func (s *standIn) AddComment(author, body string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strconv.FormatInt(s.add(author, body).ID, 10)
}

func (s *standIn) Reaction(comment string) forge.Reaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, _ := strconv.ParseInt(comment, 10, 64)
	return map[string]forge.Reaction{"eyes": forge.ReactionSeen, "-1": forge.ReactionRefused}[s.signs[id]]
}

func (s *standIn) Webhooks() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]bool{}
	for _, h := range s.hooks["repos/"+forgetest.Repository+"/hooks"] {
		found[h.Config["url"]] = h.secret != ""
	}
	return found
}

func (s *standIn) Fail(n, status int, header http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = slices.Repeat([]failure{{status, header}}, n)
}

func (s *standIn) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func (s *standIn) Token(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}
