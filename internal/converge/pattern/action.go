package pattern

import (
	"encoding/json"
	"errors"
)

// MarshalJSON writes an action as patterns do: a string or a list of strings.
func (a Action) MarshalJSON() ([]byte, error) {
	if a.Args != nil {
		return json.Marshal(a.Args)
	}
	return json.Marshal(a.Text)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (a *Action) UnmarshalJSON(data []byte) error {
	*a = Action{}
	if len(data) > 0 && data[0] == '[' {
		if err := json.Unmarshal(data, &a.Args); err != nil {
			return err
		}
		if len(a.Args) == 0 {
			return errors.New("an action without a program")
		}
		return nil
	}
	return json.Unmarshal(data, &a.Text)
}
