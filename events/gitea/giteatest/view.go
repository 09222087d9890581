package giteatest

import (
	"strconv"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

var _ forgetest.World = (*World)(nil)

// Status implements [forgetest.World].
func (s *World) Status(sha, context string) (state forge.State, description, url string, count int) {
	s.Lock()
	defer s.Unlock()
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

// Comments implements [forgetest.World].
func (s *World) Comments() []string {
	s.Lock()
	defer s.Unlock()
	var texts []string
	for _, c := range s.comments {
		texts = append(texts, c.Body)
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
func (s *World) Reaction(comment string) forge.Reaction {
	s.Lock()
	defer s.Unlock()
	id, _ := strconv.ParseInt(comment, 10, 64)
	return map[string]forge.Reaction{"eyes": forge.ReactionSeen, "-1": forge.ReactionRefused}[s.signs[id]]
}

// Webhooks implements [forgetest.World].
func (s *World) Webhooks() map[string]bool {
	s.Lock()
	defer s.Unlock()
	found := map[string]bool{}
	for _, h := range s.Hooks["repos/"+forgetest.Repository+"/hooks"] {
		found[h.Config["url"]] = h.Secret != ""
	}
	return found
}
