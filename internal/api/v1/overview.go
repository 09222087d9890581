package v1

import "time"

// Overview is what is going on, what waits and why, what failed last, and how each
// repository is.
type Overview struct {
	Running     []RunningRun `json:"running" nullable:"false" doc:"runs that are planned or have calls in progress, the newest first, 50 at most"`
	MoreRunning int          `json:"more_running" doc:"how many of them are not in it"`
	Waiting     []Waiting    `json:"waiting" nullable:"false" doc:"runs for an approval, runs to be planned, and calls; of each kind the oldest first, 20 at most"`
	MoreWaiting int          `json:"more_waiting" doc:"how many runs and calls that wait are not in it"`
	Failed      []Run        `json:"failed" nullable:"false" doc:"runs that failed, timed out or were invalid, the latest first, 10 at most"`
	// Repositories are a page of them.
	Repositories     []RepositoryState `json:"repositories" nullable:"false" doc:"those with the latest runs first"`
	MoreRepositories int               `json:"more_repositories" doc:"how many come behind them"`
	Next             string            `json:"next,omitempty" doc:"cursor of the next page of repositories"`
}

// RunningRun is a run that something is done for.
type RunningRun struct {
	Run       Run       `json:"run"`
	Planning  bool      `json:"planning,omitempty" doc:"it is fetched and planned"`
	Calls     []CallRef `json:"calls" nullable:"false" doc:"calls in progress, the longest first, 5 at most"`
	MoreCalls int       `json:"more_calls,omitempty" doc:"how many more are in progress"`
}

// CallRef names a call.
type CallRef struct {
	ID        string     `json:"id"`
	RunNumber int64      `json:"run_number"`
	Module    string     `json:"module"`
	Function  string     `json:"function"`
	Agent     string     `json:"agent,omitempty" doc:"agent that makes it"`
	Since     *time.Time `json:"since,omitempty" doc:"when it began"`
}

// Waiting is a run that waits, or calls of one run that wait for the same thing.
type Waiting struct {
	Run        Run       `json:"run"`
	Calls      []CallRef `json:"calls" nullable:"false" doc:"the calls that wait, 5 at most; empty if the run itself does"`
	MoreCalls  int       `json:"more_calls,omitempty" doc:"how many more calls of the run wait for the same"`
	Since      time.Time `json:"since"`
	Why        string    `json:"why" enum:"approval,ending,after,group,no-agent,runner,repository,agents,nothing" doc:"what it waits for: somebody's approval; the end of its attempt that was aborted; other calls that it comes after; a call of its group; an agent; a runner that no agent at work has; other work of the repository, of which only so much is done at a time; agents that are busy; or nothing but to be taken"`
	Reason     string    `json:"reason" doc:"the same in words"`
	Behind     []CallRef `json:"behind" nullable:"false" doc:"the calls that it waits for, as far as they are known, 5 at most"`
	MoreBehind int       `json:"more_behind,omitempty" doc:"how many more of them there are"`
}

// RepositoryState is how a repository is.
type RepositoryState struct {
	Repository    string      `json:"repository"`
	DefaultBranch string      `json:"default_branch,omitempty" doc:"as the latest event names it"`
	Branch        *RecentRun  `json:"branch,omitempty" doc:"the run that says how the default branch is: that of the last push to it which succeeded, failed, timed out or was invalid"`
	Recent        []RecentRun `json:"recent" nullable:"false" doc:"the last runs that were not skipped, the latest first, 10 at most"`
	Disabled      *Disabled   `json:"disabled,omitempty" doc:"if the whole repository is"`
}

// RecentRun is a run in short.
type RecentRun struct {
	Number    int64      `json:"number"`
	State     string     `json:"state" enum:"queued,waiting-approval,running,succeeded,failed,aborted,timed-out,invalid,skipped"`
	Vendor    string     `json:"vendor"`
	Name      string     `json:"name" doc:"name of the event"`
	Ref       string     `json:"ref"`
	SHA       string     `json:"sha,omitempty"`
	PR        int        `json:"pr_number,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
}

// Badge is how a branch is, or a function on it.
type Badge struct {
	Repository string     `json:"repository"`
	Branch     string     `json:"branch,omitempty" doc:"empty if there is none"`
	Module     string     `json:"module,omitempty"`
	Function   string     `json:"function,omitempty"`
	State      string     `json:"state" enum:"none,succeeded,failed,timed-out,invalid" doc:"none if nothing has ended that says so"`
	Run        int64      `json:"run,omitempty" doc:"number of the run that says so"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
}
