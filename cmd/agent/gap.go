package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/franela/pocketci/events/github"
)

const (
	// gapFrom is how long nobody has to have listened for it to be a gap: more
	// than agents are silent between two heartbeats.
	gapFrom = time.Minute
	// gapLimit bounds how long the forge is asked for what it holds of a gap.
	gapLimit = 10 * time.Minute
)

// heard says since when nobody has received events, before this agent joins.
func (p *process) heard() time.Time {
	last, err := p.store.Heard(context.Background())
	if err != nil {
		p.log.Warn("cannot tell since when no agent has listened", "error", err)
	}
	return last
}

// recoverGap logs for how long nobody has listened, and has GitHub deliver again
// what it could not deliver in that time, where the token allows it.
func (p *process) recoverGap(stop context.Context, since time.Time) {
	if since.IsZero() {
		return
	}
	if ahead := time.Until(since); ahead > gapFrom {
		p.log.Warn("an agent listened at a time that is yet to come; the clock was set back, and it is not known for how long nobody has listened: look at the webhook's deliveries",
			"listened", since.UTC().Format(time.RFC3339), "ahead", ahead.Round(time.Second))
		return
	}
	if time.Since(since) < gapFrom {
		return
	}
	log := p.log.With("since", since.UTC().Format(time.RFC3339), "for", time.Since(since).Round(time.Second))
	log.Warn("no agent has listened for a while; what was sent meanwhile is missing unless it is sent again")
	if p.o.publicURL == "" || p.token == "" {
		log.Warn("GitHub is not asked for what it could not deliver", "missing", "--public-url or "+envToken)
		return
	}
	deliveries, err := github.NewDeliveries(p.token, p.o.publicURL, "")
	if err != nil {
		log.Warn("GitHub is not asked for what it could not deliver", "error", err)
		return
	}
	ctx, cancel := context.WithTimeout(stop, gapLimit)
	defer cancel()
	repositories, err := p.store.Repositories(ctx)
	if err != nil {
		log.Warn("GitHub is not asked for what it could not deliver", "error", err)
		return
	}
	asks, denied := 0, 0
	for _, r := range repositories {
		latest, err := p.store.LatestEvent(ctx, r.Name)
		if err != nil || latest.Repository == nil || !strings.HasPrefix(latest.Repository.CloneURL, "https://github.com/") {
			continue
		}
		n, err := deliveries.Redeliver(ctx, r.Name, since)
		asks += n
		var refused *github.DeniedError
		switch {
		case errors.As(err, &refused):
			if denied++; denied == 1 {
				log.Warn("cannot ask for deliveries again", "error", err)
			}
		case err != nil:
			// The other repositories would fail alike: a limit, or no network.
			log.Warn("stopped asking for deliveries again", "asked-for", asks, "error", err)
			return
		}
	}
	log.Info("asked GitHub to deliver again what it could not", "deliveries", asks, "repositories", len(repositories), "not-allowed", denied)
}
