package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

const (
	// timeout limits the handling of one comment, requests to the forge included.
	timeout = 2 * time.Minute
	// lookBack is how many runs of a pull request are looked at.
	lookBack = 200
	// answerMarker and planMarker mark the two comments that are written on a
	// pull request, and edited from then on.
	answerMarker = "answer"
	planMarker   = "plan"
)

// Store is what commands act on; it is [store.Store].
type Store interface {
	Runs(ctx context.Context, f store.RunFilter) ([]store.Run, error)
	Calls(ctx context.Context, run string) ([]store.Call, error)
	Call(ctx context.Context, id string) (store.Call, error)
	Restart(ctx context.Context, run string, scope store.Scope, by store.Actor) (int, error)
	RestartCall(ctx context.Context, call string, by store.Actor) (int, error)
	Abort(ctx context.Context, run string, by store.Actor, reason string) error
	Approve(ctx context.Context, run, sha string, trust bool, by store.Actor) error
	Accept(ctx context.Context, d store.Delivery) (store.Receipt, error)
	Event(ctx context.Context, id string) (store.Event, error)
}

// Planner says what an event would call, without calling it.
type Planner interface {
	Plan(ctx context.Context, event events.Event) (*dispatcher.View, error)
}

// Handler does what comments ask for. It may be used by several goroutines.
type Handler struct {
	Store   Store
	Planner Planner
	Forges  forge.Finder
	Log     *slog.Logger
}

// request is one comment with a command in it.
type request struct {
	*Handler
	event   *events.Event
	forge   forge.Forge
	actor   store.Actor
	comment *events.Comment
}

// Handle does what the event asks for: a button to run a check again, or a comment
// by somebody who may, which is answered where it stands. It returns what it did,
// for the reason of the event's own run, and nothing for events that ask for
// nothing. The error is that of the store or the forge; the same event may be
// handled again after one.
func (h *Handler) Handle(ctx context.Context, event *events.Event) (string, error) {
	if event.Repository == nil {
		return "", nil
	}
	if again, ok := readAgain(event); ok {
		return h.again(ctx, event, again)
	}
	if event.Comment == nil || event.PullRequest == 0 {
		return "", nil
	}
	commands, err := Parse(event.Comment.Body)
	var malformed *CommandError
	if len(commands) == 0 && !errors.As(err, &malformed) {
		return "", nil
	}
	known := h.Forges.Of(event)
	if known == nil {
		// Nobody can be asked who may do what, and functions of the
		// repository's own may heed the comment.
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r := &request{Handler: h, event: event, forge: known.Forge, comment: event.Comment, actor: store.Actor{Person: event.Comment.Author}}
	may, err := r.forge.CanWrite(ctx, event.Repository.FullName, event.Comment.Author)
	if err != nil {
		return "", fmt.Errorf("ask whether %s may write to %s: %w", event.Comment.Author, event.Repository.FullName, err)
	}
	if !may {
		// Nothing but a sign: whoever may not write must not make us write.
		return "not done: " + event.Comment.Author + " has no write access", r.react(ctx, forge.ReactionRefused)
	}
	if malformed != nil {
		return "not done: " + malformed.Reason, r.refuse(ctx, malformed.Reason)
	}
	var done []string
	for _, c := range commands {
		what, err := r.do(ctx, c)
		var refused *CommandError
		if errors.As(err, &refused) {
			what = fmt.Sprintf("/%s not done: %s", c.Verb, refused.Reason)
			return strings.Join(append(done, what), "; "), r.refuse(ctx, refused.Reason)
		}
		if err != nil {
			return "", fmt.Errorf("do /%s: %w", c.Verb, err)
		}
		done = append(done, fmt.Sprintf("/%s: %s", c.Verb, what))
	}
	return strings.Join(done, "; "), r.react(ctx, forge.ReactionSeen)
}

func (r *request) do(ctx context.Context, c Command) (string, error) {
	switch c.Verb {
	case Retest:
		return r.retest(ctx)
	case Test:
		return r.test(ctx, c.Argument)
	case Abort:
		return r.abort(ctx)
	case Approve:
		return r.approve(ctx, c.Argument)
	}
	return r.plan(ctx)
}

// react answers with a sign, or with nothing where the forge has none.
func (r *request) react(ctx context.Context, sign forge.Reaction) error {
	err := r.forge.React(ctx, r.event.Repository.FullName, r.event.PullRequest, r.comment.ID, sign)
	if errors.Is(err, forge.ErrUnsupported) || errors.Is(err, forge.ErrNotFound) {
		return nil
	}
	return err
}

// refuse answers with a sign and a reason.
func (r *request) refuse(ctx context.Context, reason string) error {
	body := fmt.Sprintf("@%s, that was not done: %s.\n\n%s", r.comment.Author, escape(reason), usage)
	return errors.Join(r.react(ctx, forge.ReactionRefused), r.answer(ctx, answerMarker, body))
}

func (r *request) answer(ctx context.Context, marker, body string) error {
	return r.forge.Comment(ctx, r.event.Repository.FullName, r.event.PullRequest, forge.Comment{Marker: marker, Body: body})
}

const usage = "People with write access can comment `/retest`, `/test FUNCTION`, `/abort`, `/approve SHA` and `/plan`."

// runs lists the runs of the pull request, the latest first, without that of the
// comment itself.
func (r *request) runs(ctx context.Context) ([]store.Run, error) {
	all, err := r.Store.Runs(ctx, store.RunFilter{Repository: r.event.Repository.FullName, PullRequest: r.event.PullRequest, Limit: lookBack})
	if err != nil {
		return nil, err
	}
	var kept []store.Run
	for _, run := range all {
		if run.Vendor == r.event.Vendor && run.Event != r.event.ID || run.Vendor == events.VendorManual {
			kept = append(kept, run)
		}
	}
	return kept, nil
}

// headRuns are those of the commit that the pull request has now.
func (r *request) headRuns(ctx context.Context) ([]store.Run, forge.PullRequest, error) {
	p, err := r.forge.PullRequest(ctx, r.event.Repository.FullName, r.event.PullRequest)
	if err != nil {
		return nil, p, err
	}
	all, err := r.runs(ctx)
	var kept []store.Run
	for _, run := range all {
		if run.SHA == p.HeadSHA {
			kept = append(kept, run)
		}
	}
	return kept, p, err
}

func (r *request) retest(ctx context.Context) (string, error) {
	all, p, err := r.headRuns(ctx)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "", &CommandError{"nothing has run for commit " + p.HeadSHA + " yet"}
	}
	var restarted []string
	for _, run := range all {
		switch run.State {
		case store.StateFailed, store.StateAborted, store.StateTimedOut, store.StateInvalid:
		default:
			continue
		}
		_, err := r.Store.Restart(ctx, run.ID, store.RestartFailed, r.actor)
		if stale(err) {
			continue // it changed a moment ago
		}
		if err != nil {
			return "", err
		}
		restarted = append(restarted, fmt.Sprint(run.Number))
	}
	if len(restarted) == 0 {
		return "", &CommandError{"nothing has failed for commit " + p.HeadSHA}
	}
	return "restarted run " + strings.Join(restarted, ", "), nil
}

// stale reports whether what was to be changed has changed meanwhile.
func stale(err error) bool {
	var state *store.StateError
	return errors.As(err, &state) || errors.Is(err, store.ErrNothingToRestart) || errors.Is(err, store.ErrNotFound)
}

// test makes a function's latest call for the head again or, if there is none,
// calls it by hand. That is code of a fork where the pull request is one's, and
// has to be approved as such.
func (r *request) test(ctx context.Context, name string) (string, error) {
	all, p, err := r.headRuns(ctx)
	if err != nil {
		return "", err
	}
	module, function := modules.CutQualified(name)
	for _, run := range all {
		calls, err := r.Store.Calls(ctx, run.ID)
		if err != nil {
			return "", err
		}
		for _, call := range calls {
			if !call.Planned || !modules.SameName(call.Function, function) || module != "" && call.Module != module {
				continue
			}
			if !run.State.Final() {
				return "", &CommandError{fmt.Sprintf("run %d, which calls %s:%s, has not ended", run.Number, call.Module, call.Function)}
			}
			if _, err := r.Store.RestartCall(ctx, call.ID, r.actor); err != nil && !stale(err) {
				return "", err
			}
			return fmt.Sprintf("restarted %s:%s of run %d", call.Module, call.Function, run.Number), nil
		}
	}
	e := events.ManualCall(r.event.Repository, r.headRef(), p.HeadSHA, r.comment.Author, events.ByHand{Module: module, Function: function})
	e.ID, e.ReceivedAt = events.NewID(), time.Now().UTC()
	e.PullRequest, e.BaseRef, e.BaseSHA, e.Fork = r.event.PullRequest, p.BaseRef, p.BaseSHA, p.Fork
	e.Trusted = p.Fork == ""
	receipt, err := r.Store.Accept(ctx, store.Delivery{Event: e, By: &r.actor})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("run %d calls %s", receipt.Number, name), nil
}

// headRef is where the forge keeps the head of the pull request, if it does.
func (r *request) headRef() string {
	switch r.event.Vendor {
	case events.VendorGitlab:
		return fmt.Sprintf("refs/merge-requests/%d/head", r.event.PullRequest)
	case events.VendorBitbucket:
		return ""
	}
	return fmt.Sprintf("refs/pull/%d/head", r.event.PullRequest)
}

func (r *request) abort(ctx context.Context) (string, error) {
	all, err := r.runs(ctx)
	if err != nil {
		return "", err
	}
	var aborted []string
	for _, run := range all {
		if run.State.Final() {
			continue
		}
		if err := r.Store.Abort(ctx, run.ID, r.actor, "asked for in a comment"); stale(err) {
			continue
		} else if err != nil {
			return "", err
		}
		aborted = append(aborted, fmt.Sprint(run.Number))
	}
	if len(aborted) == 0 {
		return "", &CommandError{"nothing runs or waits"}
	}
	return "aborted run " + strings.Join(aborted, ", "), nil
}

func (r *request) approve(ctx context.Context, sha string) (string, error) {
	all, err := r.runs(ctx)
	if err != nil {
		return "", err
	}
	var approved []string
	for _, run := range all {
		if run.State != store.StateWaiting || run.SHA != sha {
			continue
		}
		if err := r.Store.Approve(ctx, run.ID, sha, false, r.actor); stale(err) {
			continue
		} else if err != nil {
			return "", err
		}
		approved = append(approved, fmt.Sprint(run.Number))
	}
	if len(approved) == 0 {
		return "", &CommandError{"no run of commit " + sha + " waits for an approval"}
	}
	return "approved run " + strings.Join(approved, ", "), nil
}

// plan answers with the plan of the pull request's latest event as it would be
// now.
func (r *request) plan(ctx context.Context) (string, error) {
	all, p, err := r.headRuns(ctx)
	if err != nil {
		return "", err
	}
	for _, run := range all {
		if run.Name != events.NamePullRequest {
			continue
		}
		event, err := r.Store.Event(ctx, run.Event)
		if err != nil {
			return "", err
		}
		view, err := r.Planner.Plan(ctx, event.Event)
		if err != nil {
			r.Log.Warn("plan for a comment", runs.Log(&event.Event), "error", err)
			return "", &CommandError{"it cannot be planned: " + firstLine(err.Error())}
		}
		return fmt.Sprintf("planned commit %s", p.HeadSHA), r.answer(ctx, planMarker, table(view, &run))
	}
	return "", &CommandError{"no event of the pull request was received for commit " + p.HeadSHA}
}
