package bitbucket_test

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

// This file is the stand-in as a [forgetest.World].

func (s *standIn) Status(sha, context string) (state forge.State, description, url string, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, body := range s.statuses[sha] {
		if body.Name == context {
			count++
			description, url = body.Description, body.URL
			state = map[string]forge.State{
				"INPROGRESS": forge.StatePending, "SUCCESSFUL": forge.StateSucceeded, "FAILED": forge.StateFailed, "STOPPED": forge.StateAborted,
			}[body.State]
		}
	}
	return state, description, url, count
}

func (s *standIn) Comments() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for _, c := range s.comments {
		texts = append(texts, c.Content["raw"])
	}
	return texts
}

func (s *standIn) AddComment(author, body string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strconv.FormatInt(s.add(author, body).ID, 10)
}

func (s *standIn) Reaction(string) forge.Reaction { return "" }

func (s *standIn) Webhooks() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]bool{}
	for _, h := range s.hooks["repositories/"+forgetest.Repository+"/hooks"] {
		found[h.URL] = h.SecretSet
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
