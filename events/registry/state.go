package registry

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// State is what is known of a watch and what is deployed. It is the value of the
// watch's position.
type State struct {
	// Host and Repository are whose state it is. That of another repository is
	// of no use, should the watch's configuration change.
	Host       string `json:"host"`
	Repository string `json:"repository"`
	// Began is when the state was made. With Sequence, the number of the last
	// event, it tells the events of this state from all others.
	Began    time.Time `json:"began"`
	Sequence int64     `json:"sequence"`
	// Looked says that the registry has been asked.
	Looked bool `json:"looked"`
	// Tags are those that were there when the registry was asked last, sorted,
	// without the ignored ones.
	Tags []string `json:"tags"`
	// Hollow are those that the registry lists and that stood for nothing when it
	// was asked, sorted. They are new once they stand for something.
	Hollow []string `json:"hollow,omitempty"`
	// Released is the newest version that there ever was, Tried the newest that
	// was ever deployed for being it.
	Released string `json:"released,omitempty"`
	Tried    string `json:"tried,omitempty"`
	// Digests are what the newest version and the pinned tag stand for.
	Digests map[string]string `json:"digests,omitempty"`
	// Pinned is the tag that is to be deployed; empty stands for the newest
	// version. AutoDeploy says whether that happens by itself.
	Pinned     string `json:"pinned,omitempty"`
	AutoDeploy bool   `json:"auto_deploy"`
	// Deployed is what was last deployed with success, nil for nothing.
	Deployed *Deployed `json:"deployed,omitempty"`
	// Attempt is the last deployment, until it has succeeded.
	Attempt *Attempt `json:"attempt,omitempty"`
}

// Deployed is an image that was deployed.
type Deployed struct {
	Tag    string    `json:"tag"`
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
	// Run is the number of the run that did it.
	Run int64 `json:"run"`
}

// Attempt is a deployment that has not succeeded yet.
type Attempt struct {
	Tag    string `json:"tag"`
	Digest string `json:"digest"`
	Cause  Cause  `json:"cause"`
	// Delivery is that of its event, Number how often it has been tried with
	// this event.
	Delivery string     `json:"delivery"`
	Number   int        `json:"number"`
	Progress Progress   `json:"progress"`
	Reason   string     `json:"reason,omitempty"`
	Run      int64      `json:"run,omitempty"`
	Retry    *time.Time `json:"retry,omitempty"`
}

// Progress is how a deployment stands.
type Progress string

// How a deployment stands.
const (
	// Deploying is a deployment whose run has not ended.
	Deploying Progress = "deploying"
	// Failing is one that failed and is tried again.
	Failing Progress = "failing"
	// GivenUp is one that is not tried again.
	GivenUp Progress = "given-up"
	// NotCalled is one that no function was called for.
	NotCalled Progress = "not-called"
)

// ReadState reads the value of the watch's position. A state that is empty or of
// another repository begins anew, now.
func (w Watch) ReadState(value json.RawMessage, now time.Time) (State, error) {
	var s State
	if len(value) > 0 && string(value) != "null" {
		if err := json.Unmarshal(value, &s); err != nil {
			return State{}, fmt.Errorf("read the state of %s: %w", w.Name, err)
		}
	}
	if s.Host != w.Host || s.Repository != w.Repository {
		s = State{Host: w.Host, Repository: w.Repository, Began: now.UTC(), Pinned: w.Pinned, AutoDeploy: w.AutoDeploy}
	}
	return s, nil
}

// Write returns the value of a position.
func (s *State) Write() (json.RawMessage, error) {
	if s.Tags == nil {
		s.Tags = []string{}
	}
	return json.Marshal(s)
}

// delivery makes the key of an event that this state alone can tell of. It is the
// same whoever makes the event of the same state.
func (s *State) delivery(what string) string {
	s.Sequence++
	return what + " " + strconv.FormatInt(s.Began.UnixMicro(), 36) + "-" + strconv.FormatInt(s.Sequence, 10)
}

// Newest is the newest version among the tags, empty if none is one.
func (w Watch) Newest(s *State) string { return w.Rule.Newest(s.Tags, s.Released) }

// Wanted is the tag that is to be deployed: the pinned one, else the newest
// version. It is empty where there is no version.
func (w Watch) Wanted(s *State) string {
	if s.Pinned != "" {
		return s.Pinned
	}
	return w.Newest(s)
}

// hollow reports whether the tag stood for nothing when the registry was asked.
func (s *State) hollow(tag string) bool {
	_, found := slices.BinarySearch(s.Hollow, tag)
	return found
}

// has reports whether the tag was there when the registry was asked.
func (s *State) has(tag string) bool {
	_, found := slices.BinarySearch(s.Tags, tag)
	return found
}
