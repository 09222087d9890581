package store

// End is the end of one attempt of a run, for [Options.Ended].
type End struct {
	// Run is the id of the run, Attempt the attempt that ended.
	Run     string
	Attempt int
	// State is the final state that it ended in. The run itself may have been
	// restarted since.
	State State
}

// noteEnd notes that a run has come to its end, if it has: its state is final,
// and nobody plans it or makes a call of it any more. The run is locked. Whoever
// gives it a final state or takes the holder of something aborted away asks, so
// that exactly one transaction notes the end of an attempt.
func (t *tx) noteEnd(r *runRow) error {
	if !r.state.Final() {
		return nil
	}
	held, err := t.held(r)
	if err == nil && !held {
		t.ends = append(t.ends, End{r.id, r.attempt, r.state})
	}
	return err
}

// noteRestart notes the end of the attempt that a restart follows, if what was
// aborted of it is still being ended: that will be somebody else's attempt.
func (t *tx) noteRestart(r *runRow) error {
	held, err := t.held(r)
	if err == nil && held {
		t.ends = append(t.ends, End{r.id, r.attempt, r.state})
	}
	return err
}

// held reports whether somebody plans a run or makes one of its calls.
func (t *tx) held(r *runRow) (bool, error) {
	var claims int
	err := t.get([]any{&claims}, `SELECT (SELECT count(*) FROM calls WHERE run = ? AND holder <> '')
		+ (SELECT count(*) FROM runs WHERE id = ? AND holder <> '')`, r.id, r.id)
	return claims > 0, err
}
