package trust_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/trust"
)

const (
	head  = "1111111111111111111111111111111111111111"
	other = "2222222222222222222222222222222222222222"
	tip   = "3333333333333333333333333333333333333333"
)

// people are a forge whose pull request 7 is of author.
type people struct {
	author         string
	writes, merged []string
	err            error
	asked          int
}

func (p *people) CanWrite(_ context.Context, login string) (bool, error) {
	p.asked++
	return contains(p.writes, login), p.err
}

func (p *people) HasMerged(_ context.Context, login string) (bool, error) {
	p.asked++
	return contains(p.merged, login), p.err
}

func (p *people) Author(_ context.Context, n int) (string, error) {
	p.asked++
	if n != 7 {
		return "", errors.New("no such pull request")
	}
	return p.author, p.err
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}

// The events of the table.
func anybodysHook() events.Event {
	return events.Event{Vendor: events.VendorWebhook, Name: "deploy", Ref: "refs/heads/main", Branch: "main"}
}

func push() events.Event {
	return events.Event{Name: events.NamePush, Ref: "refs/heads/main", Branch: "main", SHA: head, Trusted: true, Sender: "anna"}
}

func branchPull() events.Event {
	return events.Event{Name: events.NamePullRequest, Filter: "opened", PullRequest: 7, Ref: "refs/pull/7/head", SHA: head, Trusted: true, Sender: "anna"}
}

func forkPull() events.Event {
	e := branchPull()
	e.Fork, e.Trusted, e.Sender = "mallory/shop", false, "mallory"
	return e
}

func commentOnFork() events.Event {
	return events.Event{Name: "pull_request_review", Filter: "submitted", PullRequest: 7, Fork: "mallory/shop", Sender: "mallory"}
}

func commentSomewhere() events.Event {
	return events.Event{Name: "issue_comment", Filter: "created", PullRequest: 7, Sender: "mallory"}
}

func checkOfAnybody() events.Event {
	return events.Event{Name: "check_run", Filter: "completed", SHA: head, Sender: "anna"}
}

func TestDecide(t *testing.T) {
	var (
		isolated = trust.Policy{Isolated: true}
		shared   = trust.Policy{ShareEngine: true}
		bare     = trust.Policy{}
		never    = trust.Policy{Forks: trust.ForksNever, Isolated: true}
		atOnce   = trust.Policy{Forks: trust.ForksNoSecrets, Isolated: true}

		own     = trust.Decision{Answer: trust.Run, Secrets: true}
		asOwn   = trust.Decision{Answer: trust.Run, Secrets: true, AsBranch: true}
		foreign = trust.Decision{Answer: trust.Run, BaseRules: true, Untrusted: true}
		ownCode = trust.Decision{Answer: trust.Run}
		wait    = trust.Decision{Answer: trust.Wait}
		skip    = trust.Decision{Answer: trust.Skip}
		refuse  = trust.Decision{Answer: trust.Refuse}

		none     = trust.Approval{}
		ofHead   = trust.Approval{SHA: head}
		ofOther  = trust.Approval{SHA: other}
		ofTip    = trust.Approval{SHA: tip}
		answered = trust.Approval{SHA: head, Trust: true}
		wrongly  = trust.Approval{SHA: other, Trust: true}
	)
	stranger := func() *people { return &people{author: "mallory"} }
	merged := func() *people { return &people{author: "mallory", merged: []string{"mallory"}} }
	writer := func() *people { return &people{author: "mallory", writes: []string{"mallory"}} }
	pushedByAnna := func() *people {
		return &people{author: "mallory", writes: []string{"anna"}, merged: []string{"anna"}}
	}
	broken := func() *people { return &people{author: "mallory", err: errors.New("the forge answers 403")} }
	for name, c := range map[string]struct {
		policy   trust.Policy
		event    events.Event
		sha      string
		approval trust.Approval
		forge    *people
		want     trust.Decision
		reason   string
	}{
		"a push":                                       {bare, push(), head, none, nil, own, ""},
		"a push, forks never":                          {never, push(), head, none, nil, own, ""},
		"a branch's pull request":                      {bare, branchPull(), head, none, nil, own, ""},
		"a fork marked trusted by mistake":             {isolated, func() events.Event { e := forkPull(); e.Trusted = true; return e }(), head, none, stranger(), wait, "approve"},
		"a fork of a stranger":                         {isolated, forkPull(), head, none, stranger(), wait, "mallory/shop"},
		"a fork, no forge to ask":                      {isolated, forkPull(), head, none, nil, wait, "no token"},
		"a fork, the forge does not tell":              {isolated, forkPull(), head, none, broken(), wait, "answers 403"},
		"a fork of somebody merged":                    {isolated, forkPull(), head, none, merged(), foreign, ""},
		"a fork of somebody who may write":             {isolated, forkPull(), head, none, writer(), foreign, ""},
		"a fork that a writer touched":                 {isolated, func() events.Event { e := forkPull(); e.Sender = "anna"; return e }(), head, none, pushedByAnna(), wait, "approve"},
		"a fork of somebody merged, no room":           {bare, forkPull(), head, none, merged(), refuse, "forks-share-engine"},
		"a fork on a shared engine":                    {shared, forkPull(), head, ofHead, stranger(), foreign, ""},
		"a fork, approved":                             {isolated, forkPull(), head, ofHead, stranger(), foreign, ""},
		"a fork, approved, no forge":                   {isolated, forkPull(), head, ofHead, nil, foreign, ""},
		"a fork, approved for another commit":          {isolated, forkPull(), head, ofOther, stranger(), wait, other},
		"a merged author, approved for another commit": {isolated, forkPull(), head, ofOther, merged(), wait, other},
		"a fork, answered for":                         {isolated, forkPull(), head, answered, stranger(), asOwn, ""},
		"a fork, answered for, no room":                {bare, forkPull(), head, answered, stranger(), asOwn, ""},
		"a fork, answered for another commit":          {isolated, forkPull(), head, wrongly, stranger(), wait, other},
		"a fork, approved, no room":                    {bare, forkPull(), head, ofHead, stranger(), refuse, "untrusted: true"},
		"a fork, never":                                {never, forkPull(), head, none, writer(), skip, "forks: never"},
		"a fork, never, approved":                      {never, forkPull(), head, answered, writer(), skip, "forks: never"},
		"a fork at once":                               {atOnce, forkPull(), head, none, stranger(), foreign, ""},
		"a fork at once, no room":                      {trust.Policy{Forks: trust.ForksNoSecrets}, forkPull(), head, none, stranger(), refuse, "no runner"},
		"a fork that is gone":                          {isolated, func() events.Event { e := forkPull(); e.Fork = "unknown"; return e }(), head, none, stranger(), wait, "unknown"},
		"a closed fork":                                {isolated, func() events.Event { e := forkPull(); e.Filter = "closed"; return e }(), head, none, stranger(), wait, "approve"},
		"a review on a fork":                           {bare, commentOnFork(), tip, none, stranger(), wait, "pull request of the fork"},
		"a review on a fork by a writer":               {bare, func() events.Event { e := commentOnFork(); e.Sender = "anna"; return e }(), tip, none, pushedByAnna(), ownCode, ""},
		"a review on a fork, approved":                 {bare, commentOnFork(), tip, ofTip, stranger(), ownCode, ""},
		"a review on a fork, approved for its head":    {bare, commentOnFork(), tip, ofHead, stranger(), wait, head},
		"a review on a fork, never":                    {never, commentOnFork(), tip, none, stranger(), skip, "never"},
		"a comment that may be on a fork":              {bare, commentSomewhere(), tip, none, stranger(), wait, "without write access"},
		"a comment by a writer":                        {bare, func() events.Event { e := commentSomewhere(); e.Sender = "anna"; return e }(), tip, none, pushedByAnna(), ownCode, ""},
		"a comment by nobody":                          {bare, func() events.Event { e := commentSomewhere(); e.Sender = ""; return e }(), tip, none, merged(), wait, "approve"},
		"a check of a commit of anybody":               {isolated, checkOfAnybody(), head, none, pushedByAnna(), wait, "may be a fork's"},
		"a check, approved":                            {isolated, checkOfAnybody(), head, ofHead, nil, foreign, ""},
		"a check, answered for":                        {isolated, checkOfAnybody(), head, answered, nil, asOwn, ""},
		"a check, never":                               {never, checkOfAnybody(), head, none, nil, skip, "never"},
		"a webhook of anybody":                         {bare, anybodysHook(), head, none, nil, ownCode, ""},
		"a webhook of anybody, forks never":            {never, anybodysHook(), head, none, nil, ownCode, ""},
		"a webhook of somebody":                        {bare, func() events.Event { e := anybodysHook(); e.Trusted = true; return e }(), head, none, nil, own, ""},
		"before the commit is known":                   {bare, commentSomewhere(), "", ofTip, stranger(), ownCode, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var f trust.Forge
			if c.forge != nil {
				f = c.forge
			}
			got, err := trust.Decide(t.Context(), c.policy, &c.event, c.sha, c.approval, f)
			if err != nil {
				t.Fatal(err)
			}
			if reason := got.Reason; !strings.Contains(reason, c.reason) || (reason == "") != (got.Answer == trust.Run) {
				t.Errorf("the reason is %q, want one with %q", reason, c.reason)
			}
			got.Reason = ""
			if got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			if got.Untrusted && got.Secrets {
				t.Error("other people's code with secrets")
			}
		})
	}
}

// What needs no answer is not asked: a forge that is slow or away holds up
// nothing of the repository's own.
func TestDecideAsksOnlyIfItMust(t *testing.T) {
	for name, event := range map[string]events.Event{"a push": push(), "a branch's pull request": branchPull()} {
		f := &people{err: errors.New("asked")}
		if _, err := trust.Decide(t.Context(), trust.Policy{}, &event, head, trust.Approval{}, f); err != nil || f.asked != 0 {
			t.Errorf("%s: asked %d times, %v", name, f.asked, err)
		}
	}
	f, event := &people{}, forkPull()
	if _, err := trust.Decide(t.Context(), trust.Policy{Isolated: true}, &event, head, trust.Approval{SHA: head}, f); err != nil || f.asked != 0 {
		t.Errorf("approved: asked %d times, %v", f.asked, err)
	}
}

func TestDecideEndsWithItsContext(t *testing.T) {
	stopped := errors.New("the agent stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	event := forkPull()
	if _, err := trust.Decide(ctx, trust.Policy{Isolated: true}, &event, head, trust.Approval{}, &people{}); !errors.Is(err, stopped) {
		t.Errorf("error %v", err)
	}
}
