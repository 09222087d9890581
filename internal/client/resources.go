package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// Me says whose key the client has.
func (c *Client) Me(ctx context.Context) (v1.Me, error) {
	var me v1.Me
	return me, c.do(ctx, get("me"), &me)
}

// Health returns the state of the agents and of what they need.
func (c *Client) Health(ctx context.Context) (v1.Health, error) {
	var health v1.Health
	return health, c.do(ctx, get("health"), &health)
}

// Configuration returns what the agent that answers was started with and has read
// since.
func (c *Client) Configuration(ctx context.Context) (v1.LoadedConfiguration, error) {
	var loaded v1.LoadedConfiguration
	return loaded, c.do(ctx, get("configuration"), &loaded)
}

// Events returns a page of events, the latest first.
func (c *Client) Events(ctx context.Context, f EventFilter) (v1.Events, error) {
	var events v1.Events
	r := get("events")
	r.query = url.Values(f.query())
	return events, c.do(ctx, r, &events)
}

// Event returns an event with its redeliveries and runs.
func (c *Client) Event(ctx context.Context, id string) (v1.Event, error) {
	var event v1.Event
	return event, c.do(ctx, get("events", id), &event)
}

// EventPayload writes an event's payload to w, byte for byte as it was sent.
func (c *Client) EventPayload(ctx context.Context, id string, w io.Writer) error {
	return c.download(ctx, get("events", id, "payload"), w)
}

// EventFile writes to w what functions receive as eventTrigger.
func (c *Client) EventFile(ctx context.Context, id string, w io.Writer) error {
	return c.download(ctx, get("events", id, "file"), w)
}

// Replay makes a new event of a stored one and plans it anew.
func (c *Client) Replay(ctx context.Context, event string) (v1.Accepted, error) {
	var accepted v1.Accepted
	return accepted, c.do(ctx, post("events", event, "replay"), &accepted)
}

// Runs returns a page of runs, the latest first.
func (c *Client) Runs(ctx context.Context, f RunFilter) (v1.Runs, error) {
	var runs v1.Runs
	r := get("runs")
	r.query = url.Values(f.query())
	return runs, c.do(ctx, r, &runs)
}

// Run returns a run with its calls, its plan and its earlier attempts. The run
// is given by its id or its number.
func (c *Client) Run(ctx context.Context, run string) (v1.Run, error) {
	var found v1.Run
	return found, c.do(ctx, get("runs", run), &found)
}

// Restart adds an attempt to a run that has ended.
func (c *Client) Restart(ctx context.Context, run string, r v1.Restart) (v1.Restarted, error) {
	var restarted v1.Restarted
	request := post("runs", run, "restart")
	request.body = r
	return restarted, c.do(ctx, request, &restarted)
}

// AbortRun ends a run and those of its calls that have not ended.
func (c *Client) AbortRun(ctx context.Context, run string, a v1.Abort) error {
	r := post("runs", run, "abort")
	r.body = a
	return c.do(ctx, r, nil)
}

// Approve lets a run begin that waits for it.
func (c *Client) Approve(ctx context.Context, run string, a v1.Approve) error {
	r := post("runs", run, "approve")
	r.body = a
	return c.do(ctx, r, nil)
}

// Calls returns a page of calls, the latest first.
func (c *Client) Calls(ctx context.Context, f CallFilter) (v1.Calls, error) {
	var calls v1.Calls
	r := get("calls")
	r.query = url.Values(f.query())
	return calls, c.do(ctx, r, &calls)
}

// Call returns a call with its earlier attempts.
func (c *Client) Call(ctx context.Context, id string) (v1.Call, error) {
	var call v1.Call
	return call, c.do(ctx, get("calls", id), &call)
}

// AbortCall ends one call.
func (c *Client) AbortCall(ctx context.Context, id string, a v1.Abort) error {
	r := post("calls", id, "abort")
	r.body = a
	return c.do(ctx, r, nil)
}

// Repositories lists those that events were received of.
func (c *Client) Repositories(ctx context.Context) (v1.Repositories, error) {
	var list v1.Repositories
	return list, c.do(ctx, get("repositories"), &list)
}

// Functions lists the functions of a repository with what became of their
// calls.
func (c *Client) Functions(ctx context.Context, repository string) (v1.Functions, error) {
	var list v1.Functions
	r := get("functions")
	r.query = url.Values(params{}.text("repository", repository))
	return list, c.do(ctx, r, &list)
}

// Schedules lists the schedules that call functions of a repository, or all of them.
func (c *Client) Schedules(ctx context.Context, repository string) (v1.Schedules, error) {
	var list v1.Schedules
	r := get("schedules")
	r.query = url.Values(params{}.text("repository", repository))
	return list, c.do(ctx, r, &list)
}

// Disabled lists what is disabled.
func (c *Client) Disabled(ctx context.Context) (v1.DisabledList, error) {
	var list v1.DisabledList
	return list, c.do(ctx, get("disabled"), &list)
}

// Mirrors returns the mirrors of all agents.
func (c *Client) Mirrors(ctx context.Context) (v1.Mirrors, error) {
	var mirrors v1.Mirrors
	return mirrors, c.do(ctx, get("mirrors"), &mirrors)
}

// SyncMirror has a mirror of the agent look now.
func (c *Client) SyncMirror(ctx context.Context, name string, s v1.SyncMirror) error {
	r := post("mirrors", name, "sync")
	r.body = s
	return c.do(ctx, r, nil)
}

// Webhooks lists the addresses at which webhooks are received.
func (c *Client) Webhooks(ctx context.Context) (v1.Webhooks, error) {
	var list v1.Webhooks
	return list, c.do(ctx, get("webhooks"), &list)
}

// Disable has a repository, a module or a function not called any more.
func (c *Client) Disable(ctx context.Context, d v1.Disabled) error {
	r := post("disable")
	r.body = d
	return c.do(ctx, r, nil)
}

// Enable takes that back.
func (c *Client) Enable(ctx context.Context, e v1.Enable) error {
	r := post("enable")
	r.body = e
	return c.do(ctx, r, nil)
}

// Registries lists the repositories of registries that are watched.
func (c *Client) Registries(ctx context.Context) (v1.Watches, error) {
	var list v1.Watches
	return list, c.do(ctx, get("registries"), &list)
}

// Registry returns a watched repository with its tags.
func (c *Client) Registry(ctx context.Context, name string) (v1.Watch, error) {
	var watch v1.Watch
	return watch, c.do(ctx, get("registries", name), &watch)
}

// ChangeRegistry pins a tag of a watched repository, or switches whether it is
// deployed by itself.
func (c *Client) ChangeRegistry(ctx context.Context, name string, change v1.WatchChange) (v1.WatchChanged, error) {
	var changed v1.WatchChanged
	r := post("registries", name)
	r.body = change
	return changed, c.do(ctx, r, &changed)
}

// ResetRegistry has the newest version of a watched repository deployed, now and
// from now on.
func (c *Client) ResetRegistry(ctx context.Context, name string) (v1.WatchChanged, error) {
	var changed v1.WatchChanged
	return changed, c.do(ctx, post("registries", name, "reset"), &changed)
}

// RedeployRegistry has what is to be deployed of a watched repository deployed once
// more.
func (c *Client) RedeployRegistry(ctx context.Context, name string) (v1.WatchChanged, error) {
	var changed v1.WatchChanged
	return changed, c.do(ctx, post("registries", name, "redeploy"), &changed)
}

// Plan says what an event would call, without calling it, as
// docs/plan.schema.json describes.
func (c *Client) Plan(ctx context.Context, r v1.PlanRequest) (json.RawMessage, error) {
	var plan json.RawMessage
	request := post("plan")
	request.body, request.slow = r, true
	return plan, c.do(ctx, request, &plan)
}

// StartCall starts a run by hand.
func (c *Client) StartCall(ctx context.Context, r v1.CallRequest) (v1.Accepted, error) {
	var accepted v1.Accepted
	request := post("call")
	request.body, request.slow = r, true
	return accepted, c.do(ctx, request, &accepted)
}

// Apply has a module converge.
func (c *Client) Apply(ctx context.Context, r v1.ApplyRequest) (v1.Accepted, error) {
	var accepted v1.Accepted
	request := post("apply")
	request.body, request.slow = r, true
	return accepted, c.do(ctx, request, &accepted)
}

// Keys lists the API keys.
func (c *Client) Keys(ctx context.Context) (v1.Keys, error) {
	var keys v1.Keys
	return keys, c.do(ctx, get("keys"), &keys)
}

// CreateKey makes an API key. Its secret is in the answer and nowhere else.
func (c *Client) CreateKey(ctx context.Context, r v1.KeyRequest) (v1.NewKey, error) {
	var key v1.NewKey
	request := post("keys")
	request.body = r
	return key, c.do(ctx, request, &key)
}

// DeleteKey ends an API key.
func (c *Client) DeleteKey(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: []string{"keys", id}}, nil)
}

// Audit returns a page of the audit log, the latest entry first.
func (c *Client) Audit(ctx context.Context, p Page) (v1.Audit, error) {
	var audit v1.Audit
	r := get("audit")
	r.query = url.Values(params{}.page(p))
	return audit, c.do(ctx, r, &audit)
}
