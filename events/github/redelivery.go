package github

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"
)

// maxMissedPages bounds how many pages of a hundred deliveries are read of one
// webhook. GitHub keeps three days of them ("Redelivering webhooks").
const maxMissedPages = 50

// redeliver asks for what one webhook missed since a time, the oldest first, and
// adds up in done what it did.
func (p place) redeliver(ctx context.Context, a *api, pace *pace, hook int64, since time.Time, done *Redelivery) error {
	ids, truncated, err := p.missed(ctx, a, hook, since)
	if err != nil {
		return err
	}
	done.Truncated = done.Truncated || truncated
	for _, id := range ids {
		taken, err := p.again(ctx, a, pace, hook, id)
		switch {
		case err != nil:
			return err
		case taken:
			done.Asked++
		default:
			done.Refused++
		}
	}
	return nil
}

// missed returns the deliveries to ask for, the oldest first, and whether there
// are more than were looked at.
func (p place) missed(ctx context.Context, a *api, hook int64, since time.Time) ([]int64, bool, error) {
	var order []string                 // guids, the latest first
	latest := map[string]int64{}       // what failed, by guid, which all attempts share
	arrived := map[string]bool{}       // guids of which an attempt succeeded
	asked := map[string]bool{"": true} // cursors
	options := &github.ListCursorOptions{PerPage: 100}
	truncated := true
pages:
	for range maxMissedPages {
		var deliveries []*github.HookDelivery
		var response *github.Response
		err := a.call(ctx, p.asking("list deliveries", "read"), func(c *github.Client) (err error) {
			if p.name == "" {
				deliveries, response, err = c.Organizations.ListHookDeliveries(ctx, p.owner, hook, options)
			} else {
				deliveries, response, err = c.Repositories.ListHookDeliveries(ctx, p.owner, p.name, hook, options)
			}
			return err
		})
		if err != nil {
			return nil, false, err
		}
		for _, delivery := range deliveries { // the latest first
			guid, at := delivery.GetGUID(), delivery.GetDeliveredAt()
			if guid == "" || at.IsZero() {
				continue
			}
			if at.Before(since) {
				truncated = false
				break pages
			}
			if code := delivery.GetStatusCode(); code >= 200 && code < 300 {
				arrived[guid] = true
			} else if _, known := latest[guid]; !known {
				latest[guid] = delivery.GetID()
				order = append(order, guid)
			}
		}
		if asked[response.Cursor] {
			truncated = false
			break
		}
		asked[response.Cursor] = true
		options.Cursor = response.Cursor
	}
	var ids []int64
	for _, guid := range slices.Backward(order) {
		if !arrived[guid] {
			ids = append(ids, latest[guid])
		}
	}
	return ids, truncated, nil
}

// again asks for one delivery and reports whether GitHub will make it.
func (p place) again(ctx context.Context, a *api, pace *pace, hook, delivery int64) (bool, error) {
	taken := false
	// A request that failed may have been heard: then the delivery comes twice,
	// which makes no second run.
	err := a.call(ctx, p.asking("redeliver", "write"), func(c *github.Client) error {
		err := pace.wait(ctx)
		if err != nil {
			return err
		}
		if p.name == "" {
			_, _, err = c.Organizations.RedeliverHookDelivery(ctx, p.owner, hook, delivery)
		} else {
			_, _, err = c.Repositories.RedeliverHookDelivery(ctx, p.owner, p.name, hook, delivery)
		}
		if _, accepted := errors.AsType[*github.AcceptedError](err); accepted {
			err = nil // GitHub answers 202, which its library takes for an error
		}
		switch statusOf(err) {
		case http.StatusBadRequest, http.StatusUnprocessableEntity:
			return nil
		}
		taken = err == nil
		return err
	})
	return taken, err
}
