package converge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/franela/pocketci/internal/converge/apply"
	"github.com/franela/pocketci/internal/signed"
)

// kept is what a source remembers of tokens.
type kept struct {
	// Token is the one that was accepted last, empty if there is none.
	Token string       `json:"token"`
	Guard signed.Guard `json:"guard"`
	// AcceptedAt is when, and From where it came from.
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
	From       string    `json:"from"`
	// Pattern is the digest of the token's pattern.
	Pattern string `json:"pattern,omitempty"`
}

// owed reports whether the pattern of the token that was accepted last has not begun
// to be applied: the disk was full, or the process was killed in between.
func (s *source) owed(state *apply.State) (bool, error) {
	k, err := s.loadKept()
	if err != nil || k.Pattern == "" || k.Pattern == state.Pattern || s.conf.TriggerOnly || s.process.DryRun {
		return false, err
	}
	for _, run := range []*apply.Run{state.Run, state.Last} {
		if run != nil && run.Pattern == k.Pattern {
			return false, nil
		}
	}
	return true, nil
}

func (s *source) loadKept() (kept, error) {
	var k kept
	data, err := os.ReadFile(s.path("token.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &k)
	}
	if err != nil {
		return k, fmt.Errorf("read the token that was accepted last: %w", err)
	}
	return k, nil
}

func (s *source) saveKept(k kept) error {
	data, err := json.Marshal(k)
	if err == nil {
		err = apply.WriteFile(s.path("token.json"), data)
	}
	if err != nil {
		return fmt.Errorf("keep the token: %w", err)
	}
	return nil
}
