package v1

import "time"

// Watch is a repository of a registry that is watched.
type Watch struct {
	Name       string  `json:"name" doc:"of the watch"`
	Registry   string  `json:"registry" doc:"name of the registry"`
	Host       string  `json:"host" doc:"host of the registry"`
	Repository string  `json:"repository" doc:"path in the registry"`
	Calls      string  `json:"calls" doc:"whose functions are called; empty for nobody's"`
	Interval   float64 `json:"interval" doc:"seconds between two looks"`
	// The three that people change.
	PinnedTag  string `json:"pinned_tag" doc:"empty stands for the newest version"`
	AutoDeploy bool   `json:"auto_deploy"`
	Wanted     string `json:"wanted" doc:"tag that is to be deployed; empty if there is none"`
	Newest     string `json:"newest" doc:"newest version; empty if there is none"`
	TagCount   int    `json:"tag_count" doc:"how many tags there are"`
	// Tags are only in the answer for one watch.
	Tags       []string    `json:"tags,omitempty"`
	Deployed   *Deployed   `json:"deployed,omitempty" doc:"what was last deployed with success"`
	Deployment *Deployment `json:"deployment,omitempty" doc:"the last deployment, until it succeeds"`
	AskedAt    *time.Time  `json:"asked_at,omitempty" doc:"when this agent asked the registry last"`
	NextAt     *time.Time  `json:"next_at,omitempty" doc:"when it asks again"`
	Failures   int         `json:"failures" doc:"how often in a row that failed"`
	Error      string      `json:"error,omitempty" doc:"why it failed last"`
}

// Deployed is an image that was deployed.
type Deployed struct {
	Tag    string    `json:"tag"`
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
	Run    int64     `json:"run" doc:"number of the run"`
}

// Deployment is one that has not succeeded yet.
type Deployment struct {
	Tag      string     `json:"tag"`
	Digest   string     `json:"digest"`
	Cause    string     `json:"cause" enum:"release,digest,pin,reset,redeploy"`
	Attempt  int        `json:"attempt"`
	Progress string     `json:"progress" enum:"deploying,failing,given-up,not-called"`
	Reason   string     `json:"reason,omitempty"`
	Run      int64      `json:"run,omitempty" doc:"number of the run, once it is known"`
	RetryAt  *time.Time `json:"retry_at,omitempty"`
}

// Watches are all that is watched, in the order of the configuration.
type Watches struct {
	Watches []Watch `json:"watches" nullable:"false"`
}

// WatchChange changes a watch. What is left out stays as it is.
type WatchChange struct {
	PinnedTag  *string `json:"pinned_tag,omitempty" maxLength:"128" pattern:"^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$" doc:"is deployed at once; empty stands for the newest version"`
	AutoDeploy *bool   `json:"auto_deploy,omitempty" doc:"whether deployments begin by themselves"`
}

// WatchChanged is what came of a change.
type WatchChanged struct {
	Name       string `json:"name" doc:"of the watch"`
	AutoDeploy bool   `json:"auto_deploy" doc:"as it is now"`
	Tag        string `json:"tag,omitempty" doc:"that is being deployed; left out if nothing is"`
	Digest     string `json:"digest,omitempty"`
	Event      string `json:"event,omitempty" doc:"id of the event of the deployment"`
	Run        int64  `json:"run,omitempty" doc:"number of its run"`
}
