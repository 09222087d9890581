package store

import (
	"encoding/json"
	"fmt"
)

// after is a call that another one waits for, as it is stored.
type after struct {
	id string
	// orSkipped says that it need not have succeeded, if it was skipped.
	orSkipped bool
}

type afterFile struct {
	ID        string `json:"id"`
	OrSkipped bool   `json:"or_skipped"`
}

// MarshalJSON writes the id alone where that is all.
func (a after) MarshalJSON() ([]byte, error) {
	if !a.orSkipped {
		return json.Marshal(a.id)
	}
	return json.Marshal(afterFile{a.id, true})
}

func (a *after) UnmarshalJSON(data []byte) error {
	*a = after{}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &a.id)
	}
	var f afterFile
	err := json.Unmarshal(data, &f)
	*a = after{f.ID, f.OrSkipped}
	return err
}

// readAfters reads what a call waits for.
func readAfters(call, text string) ([]after, error) {
	var list []after
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("read what call %s waits for: %w", call, err)
	}
	return list, nil
}

// holds reports whether the call in that state lets the one begin that waits for it;
// never says that it will not any more.
func (a after) holds(state State) (now, never bool) {
	now = state == StateSucceeded || a.orSkipped && state == StateSkipped
	return now, !now && state.Final()
}
