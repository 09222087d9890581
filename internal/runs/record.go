package runs

import (
	"encoding/json"
	"fmt"

	"github.com/franela/pocketci/dispatcher"
)

// Record is a plan as it is stored with its run: enough to show it, and with
// the stored calls to make them again on the same commit with the same event
// file.
type Record struct {
	// SHA is the commit that the event was pinned to.
	SHA string `json:"sha"`
	// Base is the commit whose rules the plan was made by, empty for the
	// event's own.
	Base string `json:"base,omitempty"`
	// Terms are those of the snapshot.
	Terms Terms `json:"terms,omitzero"`
	// View is the plan for people and programs. Its commands name the event
	// file after the event's id, in the current directory.
	View dispatcher.View `json:"view"`
}

// NewRecord makes the record of a plan.
func NewRecord(s *Snapshot, plan *dispatcher.Plan) Record {
	place := s.Place
	place.EventFile = s.Event.ID + ".json"
	r := Record{SHA: s.Event.SHA, Terms: s.Terms, View: plan.View(place)}
	if s.Terms.BaseRules {
		r.Base = s.Tree.Commit
	}
	return r
}

// ReadRecord reads a record back.
func ReadRecord(data json.RawMessage) (Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, fmt.Errorf("read stored plan: %w", err)
	}
	return r, nil
}

// Changes are the changed files that the plan was made with.
func (r *Record) Changes() dispatcher.Changes {
	return dispatcher.Changes{Files: r.View.Event.Changes, Unknown: r.View.Event.ChangesUnknown}
}

// Pinned are the commits of the modules of other repositories, by their paths.
func (r *Record) Pinned() map[string]string {
	pinned := map[string]string{}
	for _, p := range r.View.Pinned {
		pinned[p.Module] = p.Commit
	}
	return pinned
}

// Result is what a call came to, as it is stored with it.
type Result struct {
	// Output is what the function returned, Error why it failed. Both are
	// masked.
	Output string `json:"output,omitempty"`
	Error  string `json:"error,omitempty"`
}
