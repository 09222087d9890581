package bitbuckettest

import (
	"strconv"

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

var _ forgetest.World = (*World)(nil)

// Status implements [forgetest.World].
func (s *World) Status(sha, context string) (state forge.State, description, url string, count int) {
	s.Lock()
	defer s.Unlock()
	for _, body := range s.Statuses[sha] {
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

// Comments implements [forgetest.World].
func (s *World) Comments() []string {
	s.Lock()
	defer s.Unlock()
	var texts []string
	for _, c := range s.Said {
		texts = append(texts, c.Content["raw"])
	}
	return texts
}

// AddComment implements [forgetest.World].
func (s *World) AddComment(author, body string) string {
	s.Lock()
	defer s.Unlock()
	return strconv.FormatInt(s.add(author, body).ID, 10)
}

// Reaction implements [forgetest.World].
func (s *World) Reaction(string) forge.Reaction { return "" }

// Webhooks implements [forgetest.World].
func (s *World) Webhooks() map[string]bool {
	s.Lock()
	defer s.Unlock()
	found := map[string]bool{}
	for _, h := range s.Hooks["repositories/"+forgetest.Repository+"/hooks"] {
		found[h.URL] = h.SecretSet
	}
	return found
}
