package converge

import "github.com/franela/pocketci/internal/converge/apply"

// Reply is what a push is answered with.
type Reply struct {
	apply.Result
	// Run is the id of the run, empty if there was none.
	Run string `json:"run,omitempty"`
	// Note says why nothing ran, or that the run goes on.
	Note string `json:"note,omitempty"`
}

// fill makes an answer of an error.
func (r *Reply) fill(err error) {
	r.empty()
	if r.Err == "" {
		r.Err, r.Exit = err.Error(), max(r.Exit, 1)
	}
}

// empty has lists that are empty written as such.
func (r *Reply) empty() {
	if r.Changed == nil {
		r.Changed = []string{}
	}
	if r.Removed == nil {
		r.Removed = []string{}
	}
}
