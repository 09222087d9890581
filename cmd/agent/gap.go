package main

import (
	"context"
	"errors"
	"time"

	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/gap"
)

const (
	// gapFrom is how long nobody has to have listened for it to be a gap: more
	// than agents are silent between two heartbeats.
	gapFrom = time.Minute
	// gapLimit bounds how long GitHub is asked for what it holds of a gap.
	gapLimit = 10 * time.Minute
)

var errGapLimit = errors.New("it took longer than " + gapLimit.String())

// outage is what the agent knows about the time before it.
type outage struct {
	// since is when an agent last listened, until is when this one began to.
	// unknown says that the database did not tell.
	since, until time.Time
	unknown      bool
	// webhooks asks GitHub, or is nil because of missing settings.
	webhooks *github.Webhooks
	missing  []string
}

// newOutage looks back; it must be called before the agent joins the others.
func (p *process) newOutage(token string) (o outage, err error) {
	if o.since, err = p.store.Heard(context.Background()); err != nil {
		o.unknown = true
		p.log.Warn("cannot tell since when no agent has listened", "error", err)
	}
	if p.o.publicURL == "" {
		o.missing = append(o.missing, "--public-url")
	}
	if token == "" {
		o.missing = append(o.missing, envToken)
	}
	if o.missing != nil {
		return o, nil
	}
	o.webhooks, err = github.NewWebhooks(github.WebhooksOptions{Token: token, PublicURL: p.o.publicURL, API: p.o.githubAPI})
	return o, err
}

// recoverOutage has the gap logged, and what was not delivered in it delivered
// again.
func (p *process) recoverOutage(stop context.Context) {
	o := p.outage
	if ahead := o.since.Sub(o.until); ahead > gapFrom {
		p.log.Warn("an agent listened at a time that is yet to come; the clock was set back, and it is not known for how long nobody has listened: look at the webhook's deliveries",
			"listened", o.since.UTC().Format(time.RFC3339), "ahead", ahead.Round(time.Second))
		return
	}
	if o.unknown || !o.since.IsZero() && o.until.Sub(o.since) < gapFrom {
		return
	}
	options := gap.Options{Since: o.since, Until: o.until, Missing: o.missing, Log: p.log}
	ctx, cancel := context.WithTimeoutCause(stop, gapLimit, errGapLimit)
	defer cancel()
	if o.webhooks != nil {
		options.Redeliver = func(ctx context.Context, repository string, since time.Time) (gap.Result, error) {
			done, err := o.webhooks.Redeliver(ctx, repository, since)
			return gap.Result(done), err
		}
		var err error
		if options.Repositories, err = p.heldByGitHub(ctx); err != nil {
			p.log.Warn("cannot tell which repositories may miss deliveries", "error", err)
		}
	}
	gap.Recover(ctx, options)
}

// heldByGitHub returns the names of the repositories that the token is for.
func (p *process) heldByGitHub(ctx context.Context) ([]string, error) {
	all, err := p.store.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	var held []string
	for _, r := range all {
		latest, err := p.store.LatestEvent(ctx, r.Name)
		if err != nil {
			return held, err
		}
		if latest.Repository != nil && p.outage.webhooks.Holds(latest.Repository.CloneURL) {
			held = append(held, r.Name)
		}
	}
	return held, nil
}
