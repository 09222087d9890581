package v1

import "time"

// Refs are the branches and tags of a repository that have runs.
type Refs struct {
	Repository    string     `json:"repository"`
	DefaultBranch string     `json:"default_branch,omitempty" doc:"as the latest event names it"`
	Refs          []KnownRef `json:"refs" nullable:"false" doc:"those with the latest runs first, 100 at most, of the last 2000 runs"`
}

// KnownRef is a branch or tag, which may have been deleted since.
type KnownRef struct {
	Ref  string    `json:"ref" doc:"in full"`
	Last RecentRun `json:"last" doc:"its latest run"`
}

// RecentCall is a call in short.
type RecentCall struct {
	RunNumber int64      `json:"run_number"`
	Ref       string     `json:"ref"`
	State     string     `json:"state" enum:"queued,running,succeeded,failed,aborted,timed-out,invalid,skipped"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
}
