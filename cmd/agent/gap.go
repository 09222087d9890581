package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forges"
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
	// webhooks asks GitHub by the variables of the environment, and forges are
	// those of agent.yaml. There are neither because of missing settings.
	webhooks *github.Webhooks
	forges   forge.Set
	missing  []string
}

// newOutage looks back; it must be called before the agent joins the others. The
// set is that of agent.yaml, if it names forges.
func (p *process) newOutage(token string, named bool, set forge.Set) (o outage, err error) {
	if o.since, err = p.store.Heard(context.Background()); err != nil {
		o.unknown = true
		p.log.Warn("cannot tell since when no agent has listened", "error", err)
	}
	if p.o.publicURL == "" {
		o.missing = append(o.missing, "--public-url")
	}
	switch {
	case named && len(set) == 0:
		o.missing = append(o.missing, "a token for a forge in agent.yaml")
	case !named && token == "":
		o.missing = append(o.missing, envToken)
	}
	switch {
	case o.missing != nil:
		return o, nil
	case named:
		o.forges = set
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
	if o.missing == nil {
		held, err := p.held(ctx)
		if err != nil {
			p.log.Warn("cannot tell which repositories may miss deliveries", "error", err)
		}
		options.Repositories = slices.Sorted(maps.Keys(held))
		options.Redeliver = func(ctx context.Context, repository string, since time.Time) (gap.Result, error) {
			return held[repository](ctx, repository, since)
		}
	}
	gap.Recover(ctx, options)
}

// asks has a forge deliver again what it could not to a repository's webhooks.
type asks func(ctx context.Context, repository string, since time.Time) (gap.Result, error)

// held returns for the repositories of forges that can be asked how they are.
func (p *process) held(ctx context.Context) (map[string]asks, error) {
	all, err := p.store.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	held := map[string]asks{}
	for _, r := range all {
		latest, err := p.store.LatestEvent(ctx, r.Name)
		if err != nil {
			return held, err
		}
		if ask := p.outage.asks(&latest.Event, p.o.publicURL); ask != nil {
			held[r.Name] = ask
		}
	}
	return held, nil
}

// asks returns how the forge of an event is asked, or nil.
func (o *outage) asks(event *events.Event, publicURL string) asks {
	if o.webhooks != nil {
		if event.Repository == nil || !o.webhooks.Holds(event.Repository.CloneURL) {
			return nil
		}
		return func(ctx context.Context, repository string, since time.Time) (gap.Result, error) {
			done, err := o.webhooks.Redeliver(ctx, repository, since)
			return gap.Result(done), err
		}
	}
	known := o.forges.Of(event)
	if known == nil {
		return nil
	}
	return func(ctx context.Context, repository string, since time.Time) (gap.Result, error) {
		return forges.Redeliver(ctx, known, repository, publicURL, since)
	}
}
