// Package v1 is the vocabulary of version 1 of the agent's HTTP API: the types
// that stand in requests and answers. The handlers in package api and the
// client in package client both use it; docs/openapi.json is generated from it.
//
// Lists are pages: Next, if it is not empty, is the cursor of the next page.
// Fields are only ever added. Errors are problem details (RFC 9457).
package v1

import (
	"encoding/json"
	"slices"
	"time"
)

// Prefix is where the API is served.
const Prefix = "/api/v1"

// Scope is what an API key may do. Each scope includes the ones before it.
type Scope string

// The scopes of keys.
const (
	// ScopeRead reads everything but keys and the audit log.
	ScopeRead Scope = "read"
	// ScopeRun starts, replays, restarts, aborts, approves, enables and
	// disables.
	ScopeRun Scope = "run"
	// ScopeAdmin manages keys and reads the audit log.
	ScopeAdmin Scope = "admin"
)

// Allows reports whether a key of the scope may do what needs another one. A scope that
// there is not allows nothing, and is allowed by none.
func (s Scope) Allows(needed Scope) bool {
	scopes := []Scope{ScopeRead, ScopeRun, ScopeAdmin}
	rank := slices.Index(scopes, needed)
	return rank >= 0 && slices.Index(scopes, s) >= rank
}

// Event is a stored event.
type Event struct {
	ID         string    `json:"id" doc:"id of the event"`
	Delivery   string    `json:"delivery,omitempty" doc:"the vendor's id of the delivery"`
	Hook       string    `json:"hook,omitempty" doc:"where it arrived; empty for events made here"`
	Vendor     string    `json:"vendor"`
	Event      string    `json:"event" doc:"name of the event, such as push"`
	Filter     string    `json:"filter"`
	Repository string    `json:"repository" doc:"full name, empty for events without one"`
	WebURL     string    `json:"web_url,omitempty" doc:"the repository's page at its forge"`
	Ref        string    `json:"ref"`
	SHA        string    `json:"sha,omitempty"`
	Base       string    `json:"base,omitempty" doc:"target branch of a pull request"`
	PR         int       `json:"pr_number,omitempty" doc:"number of the pull request"`
	Fork       string    `json:"fork,omitempty" doc:"repository that a pull request comes from"`
	Sender     string    `json:"sender,omitempty"`
	Trusted    bool      `json:"trusted"`
	ReceivedAt time.Time `json:"received_at"`
	// OccurredAt is when it happened, where that is known.
	OccurredAt *time.Time `json:"occurred_at,omitempty" doc:"when it happened, such as the time that a schedule was due, where that is known"`
	Original   string     `json:"original,omitempty" doc:"id of the event that this one replays"`
	Cause      string     `json:"cause,omitempty" doc:"id of the event that this one follows from"`
	Depth      int        `json:"depth,omitempty" doc:"how long the chain of events is that leads to it"`
	// Origin, Headers, Redeliveries and Runs are only in the answer for one event.
	Origin       *Origin           `json:"origin,omitempty"`
	PayloadSize  int               `json:"payload_size,omitempty" doc:"bytes of the payload"`
	Headers      map[string]string `json:"headers,omitempty" doc:"headers of the request that brought it first, without those that prove something or may be secret"`
	Redeliveries []Redelivery      `json:"redeliveries,omitempty"`
	Runs         []Run             `json:"runs,omitempty"`
}

// Origin is what an event is of, for people to read and click. Anybody may have written
// the title.
type Origin struct {
	Title         string `json:"title,omitempty" doc:"first line of the commit's message, or title of the pull request, issue or release"`
	RepositoryURL string `json:"repository_url,omitempty" doc:"page of the repository at its forge"`
	CommitURL     string `json:"commit_url,omitempty" doc:"page of the commit"`
	PullURL       string `json:"pull_url,omitempty" doc:"page of the pull request"`
	RefURL        string `json:"ref_url,omitempty" doc:"page of the branch or tag"`
	Base          string `json:"base,omitempty" doc:"target branch of a pull request"`
	Fork          string `json:"fork,omitempty" doc:"repository that a pull request comes from"`
}

// Redelivery is a further arrival of an event.
type Redelivery struct {
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt,omitempty" doc:"attempt of the run that it added"`
}

// Events is a page of events, the latest first.
type Events struct {
	Events []Event `json:"events" nullable:"false"`
	Next   string  `json:"next,omitempty" doc:"cursor of the next page"`
}

// Run is the handling of one event.
type Run struct {
	ID         string     `json:"id"`
	Number     int64      `json:"number" doc:"names the run to people; ids of runs can be given as either"`
	Event      string     `json:"event" doc:"id of the event"`
	Vendor     string     `json:"vendor"`
	Name       string     `json:"name" doc:"name of the event"`
	Filter     string     `json:"filter"`
	Repository string     `json:"repository"`
	Ref        string     `json:"ref"`
	SHA        string     `json:"sha,omitempty" doc:"commit, once it is known"`
	PR         int        `json:"pr_number,omitempty"`
	Sender     string     `json:"sender,omitempty"`
	State      string     `json:"state" enum:"queued,waiting-approval,running,succeeded,failed,aborted,timed-out,invalid,skipped"`
	Reason     string     `json:"reason,omitempty" doc:"why it is in that state"`
	Attempt    int        `json:"attempt"`
	Cause      string     `json:"cause" doc:"what the attempt is for"`
	Approval   string     `json:"approval,omitempty" doc:"who approved which commit"`
	URL        string     `json:"url,omitempty" doc:"page of the run"`
	CreatedAt  time.Time  `json:"created_at"`
	QueuedAt   *time.Time `json:"queued_at,omitempty"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	// Origin, Calls, Plan and Attempts are only in the answer for one run.
	Origin   *Origin         `json:"origin,omitempty"`
	Calls    []Call          `json:"calls,omitempty" doc:"in the order of the plan"`
	Plan     json.RawMessage `json:"plan,omitempty" doc:"as docs/plan.schema.json says"`
	Attempts []Attempt       `json:"attempts,omitempty" doc:"earlier attempts, the first one first"`
}

// Runs is a page of runs, the latest first.
type Runs struct {
	Runs []Run  `json:"runs" nullable:"false"`
	Next string `json:"next,omitempty" doc:"cursor of the next page"`
}

// Attempt is an earlier attempt of a run or call.
type Attempt struct {
	Number    int        `json:"number"`
	State     string     `json:"state"`
	Reason    string     `json:"reason,omitempty"`
	Cause     string     `json:"cause,omitempty"`
	Agent     string     `json:"agent,omitempty"`
	QueuedAt  *time.Time `json:"queued_at,omitempty"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	LogSize   int64      `json:"log_size,omitempty"`
	LogCut    bool       `json:"log_cut,omitempty" doc:"the log was longer than is kept"`
	LogGone   bool       `json:"log_gone,omitempty" doc:"the log has been deleted to make room"`
}

// Call is one function called once.
type Call struct {
	ID         string     `json:"id"`
	Run        string     `json:"run" doc:"id of the run"`
	RunNumber  int64      `json:"run_number"`
	Repository string     `json:"repository"`
	Module     string     `json:"module"`
	Function   string     `json:"function"`
	State      string     `json:"state" enum:"queued,running,succeeded,failed,aborted,timed-out,invalid,skipped"`
	Reason     string     `json:"reason,omitempty"`
	Attempt    int        `json:"attempt"`
	After      []string   `json:"after,omitempty" doc:"ids of the calls that must have succeeded before"`
	RunsOn     string     `json:"runs_on,omitempty"`
	Agent      string     `json:"agent,omitempty" doc:"agent that makes or made it"`
	Output     string     `json:"output,omitempty" doc:"what the function returned"`
	Error      string     `json:"error,omitempty"`
	Command    string     `json:"command,omitempty" doc:"replays the call with the dagger command line"`
	QueuedAt   *time.Time `json:"queued_at,omitempty"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	LogSize    int64      `json:"log_size"`
	LogCut     bool       `json:"log_cut,omitempty" doc:"the log was longer than is kept"`
	LogGone    bool       `json:"log_gone,omitempty" doc:"the log has been deleted to make room"`
	// Attempts are only in the answer for one call.
	Attempts []Attempt `json:"attempts,omitempty"`
}

// Calls is a page of calls, the latest first.
type Calls struct {
	Calls []Call `json:"calls" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"cursor of the next page"`
}

// Accepted is the answer to what starts a run.
type Accepted struct {
	Event  string `json:"event" doc:"id of the event"`
	Run    string `json:"run" doc:"id of its run"`
	Number int64  `json:"number" doc:"number of its run"`
}

// SignedToken is a signed token as JSON.
type SignedToken struct {
	Token string `json:"token" minLength:"1" maxLength:"1048576" doc:"a JSON Web Token"`
}

// SignedSources are the sources of signed tokens.
type SignedSources struct {
	Sources []SignedSource `json:"sources"`
}

// SignedSource is one of them.
type SignedSource struct {
	Name       string      `json:"name"`
	Push       bool        `json:"push" doc:"tokens are accepted that are sent"`
	Keys       []string    `json:"keys" doc:"the public keys that are trusted"`
	Newest     *time.Time  `json:"newest,omitempty" doc:"when the newest token was signed that was accepted"`
	AcceptedAt *time.Time  `json:"accepted_at,omitempty" doc:"when a token was accepted last"`
	Pull       *SignedPull `json:"pull,omitempty"`
}

// SignedPull is where a source's token is fetched, and how that goes.
type SignedPull struct {
	Paths    []string   `json:"paths" doc:"files and addresses, the latter without their queries"`
	Every    float64    `json:"every_seconds" doc:"the time between two looks"`
	LastLook *time.Time `json:"last_look,omitempty"`
	Next     *time.Time `json:"next_look,omitempty"`
	Failures int        `json:"failures" doc:"how often in a row it failed"`
	Error    string     `json:"error,omitempty" doc:"what is wrong, empty if nothing is"`
}

// Restart asks for another attempt of a run.
type Restart struct {
	Scope string `json:"scope,omitempty" enum:"all,failed" default:"all" doc:"which calls are made again"`
}

// Restarted is the answer to it.
type Restarted struct {
	Run     string `json:"run"`
	Attempt int    `json:"attempt"`
}

// Abort ends a run or call.
type Abort struct {
	Reason string `json:"reason,omitempty" maxLength:"1000" doc:"shown behind who did it"`
}

// Approve lets a run that waits for it begin.
type Approve struct {
	SHA   string `json:"sha" pattern:"^[0-9a-f]{40}([0-9a-f]{24})?$" doc:"full sha of the commit that was looked at"`
	Trust bool   `json:"trust,omitempty" doc:"run it as if it came from a branch of the repository, with secrets; needs a key with the scope admin"`
}

// PlanRequest asks what an event would call, without calling it: a stored
// event, a payload as its vendor would send it, or the next tick of a schedule.
type PlanRequest struct {
	Schedule string          `json:"schedule,omitempty" maxLength:"1000" doc:"name of a schedule as the list of schedules has it"`
	Event    string          `json:"event,omitempty" maxLength:"100" pattern:"^[0-9A-Za-z_.~-]*$" patternDescription:"an id" doc:"id of a stored event"`
	Vendor   string          `json:"vendor,omitempty" doc:"of the payload; github by default"`
	Name     string          `json:"name,omitempty" doc:"the payload's event by the vendor's own header name, such as push"`
	Payload  json.RawMessage `json:"payload,omitempty"`
}

// CallRequest starts a run by hand: of one function, or of all that a manual
// run event calls.
type CallRequest struct {
	Repository string            `json:"repository" minLength:"1" doc:"full name of a repository that an event was received of, or .modules/NAME for a stored module"`
	Ref        string            `json:"ref,omitempty" doc:"branch, tag or full sha; the default branch if empty"`
	Module     string            `json:"module,omitempty" doc:"needed if several modules have the function"`
	Function   string            `json:"function,omitempty" doc:"empty for every function that matches manual, run"`
	Args       map[string]string `json:"args,omitempty" doc:"arguments by name, as text in the form of the command line; secrets as references, files and directories as paths in the repository"`
	Cause      string            `json:"cause,omitempty" maxLength:"100" pattern:"^[0-9A-Za-z_.~-]*$" patternDescription:"an id" doc:"id of the event that this call follows from; a chain of events that is too long is not run"`
}

// ApplyRequest has a module converge.
type ApplyRequest struct {
	Repository string `json:"repository" minLength:"1" doc:"full name of a repository that an event was received of"`
	Module     string `json:"module" minLength:"1" doc:"path of the module, as pocketci.yaml has it"`
	Ref        string `json:"ref,omitempty" doc:"branch, tag or full sha; the default branch if empty"`
}

// Repository is a repository that events were received of.
type Repository struct {
	Repository string     `json:"repository"`
	Runs       int64      `json:"runs" doc:"that are kept"`
	LastRun    *Run       `json:"last_run,omitempty"`
	Disabled   *Disabled  `json:"disabled,omitempty"`
	LastEvent  *time.Time `json:"last_event,omitempty"`
}

// Repositories is the answer to the list of repositories.
type Repositories struct {
	Repositories []Repository `json:"repositories" nullable:"false"`
}

// Schedule is one that the agent keeps.
type Schedule struct {
	Name       string         `json:"name" doc:"unique: of agent.yaml, or REPOSITORY#NAME for one that functions have"`
	Filter     string         `json:"filter" doc:"of its ticks, which functions are named for"`
	Of         string         `json:"of" enum:"agent,functions" doc:"functions for one whose ticks call the functions that have it and no others"`
	Expression string         `json:"expression"`
	TimeZone   string         `json:"time_zone"`
	CatchUp    string         `json:"catch_up" enum:"last,all,none"`
	MaxAge     float64        `json:"max_age" doc:"seconds that a tick may be late to be caught up with"`
	Jitter     float64        `json:"jitter" doc:"seconds that a tick is told later at most"`
	Repository string         `json:"repository,omitempty"`
	Module     string         `json:"module,omitempty" doc:"of the agent, whose functions are called"`
	Functions  []FunctionName `json:"functions" nullable:"false" doc:"those that have it themselves"`
	Next       []time.Time    `json:"next" nullable:"false" doc:"the next five times that it is due, in its time zone and without jitter"`
	LastTick   *Tick          `json:"last_tick,omitempty"`
	Paused     string         `json:"paused,omitempty" doc:"why its ticks are not told"`
	Error      string         `json:"error,omitempty" doc:"why its ticks cannot be told at present"`
}

// Tick is a time that a schedule was due and told.
type Tick struct {
	Due   time.Time `json:"due"`
	Event string    `json:"event,omitempty" doc:"id of the event, while it is kept"`
	Run   *Run      `json:"run,omitempty"`
}

// FunctionName names a function of a repository.
type FunctionName struct {
	Module   string `json:"module"`
	Function string `json:"function"`
}

// Schedules is the answer to the list of schedules.
type Schedules struct {
	Schedules []Schedule `json:"schedules" nullable:"false"`
}

// Function is what became of one function's calls.
type Function struct {
	Repository string      `json:"repository"`
	Module     string      `json:"module"`
	Function   string      `json:"function"`
	Disabled   *Disabled   `json:"disabled,omitempty" doc:"of the repository, the module or the function, the first of them that is"`
	LastState  string      `json:"last_state,omitempty"`
	LastCall   string      `json:"last_call,omitempty" doc:"id of the latest call"`
	Days7      *Statistics `json:"days_7,omitempty"`
	Days30     *Statistics `json:"days_30,omitempty"`
	// Recent are only in the answer for one repository.
	Recent []RecentCall `json:"recent,omitempty" doc:"its last calls that were not skipped, the latest first, 10 at most of the last 100"`
}

// Functions is the answer to the list of functions.
type Functions struct {
	Functions []Function `json:"functions" nullable:"false"`
}

// Statistics are over the attempts that ended in some days. Those that were
// aborted, invalid or skipped are not counted.
type Statistics struct {
	Calls     int     `json:"calls"`
	Succeeded int     `json:"succeeded"`
	Ratio     float64 `json:"ratio" doc:"of those that succeeded, 0 to 1"`
	P50       float64 `json:"p50" doc:"median duration in seconds"`
	P90       float64 `json:"p90" doc:"90th percentile of the duration in seconds"`
}

// Disabled says that a repository, a module or a function is not called.
type Disabled struct {
	Repository string    `json:"repository" minLength:"1"`
	Module     string    `json:"module,omitempty" doc:"empty for the whole repository"`
	Function   string    `json:"function,omitempty" doc:"empty for the whole module"`
	Person     string    `json:"person,omitempty" readOnly:"true"`
	Reason     string    `json:"reason,omitempty" maxLength:"1000"`
	At         time.Time `json:"at,omitzero" readOnly:"true"`
}

// DisabledList is everything that is disabled.
type DisabledList struct {
	Disabled []Disabled `json:"disabled" nullable:"false"`
}

// Enable removes such a record.
type Enable struct {
	Repository string `json:"repository" minLength:"1"`
	Module     string `json:"module,omitempty"`
	Function   string `json:"function,omitempty"`
}

// Mirror is a directory of an agent's host that is kept at what a branch or tag of a
// repository has.
type Mirror struct {
	Name      string `json:"name"`
	Agent     string `json:"agent" doc:"name of the agent whose host it is on"`
	URL       string `json:"url" doc:"where the repository is"`
	Directory string `json:"directory"`
	Ref       string `json:"ref" doc:"full name of the branch or tag"`
	SHA       string `json:"sha,omitempty" doc:"the commit that the directory has, as far as it is known"`
	// The next ones are of the agent that answers alone.
	Phase    string     `json:"phase,omitempty" doc:"idle, waiting or working; empty for mirrors of other agents"`
	LookedAt *time.Time `json:"looked_at,omitempty" doc:"when it was last compared with the repository"`
	Next     *time.Time `json:"next,omitempty" doc:"when it will look without an event"`
	Failures int        `json:"failures,omitempty" doc:"how often in a row it failed"`

	ChangedAt *time.Time `json:"changed_at,omitempty" doc:"when it last told of a change"`
	Error     string     `json:"error,omitempty" doc:"why it fails"`
	FailedAt  *time.Time `json:"failed_at,omitempty" doc:"since when it fails in this way"`
}

// Mirrors are the mirrors of all agents.
type Mirrors struct {
	Mirrors []Mirror `json:"mirrors"`
}

// SyncMirror asks for a look at a mirror.
type SyncMirror struct {
	Touch bool `json:"touch,omitempty" doc:"touch the trigger and tell functions even if nothing has changed"`
}
