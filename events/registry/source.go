package registry

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/predicate"
)

// batch is how many new tags one look tells of. Each costs a request, and all
// their events share a transaction.
const batch = 25

// Source asks for what is new in one repository, as a [poll.Source].
type Source struct {
	// Watch is what it asks for.
	Watch Watch
	// Registry is asked, by one look at a time.
	Registry Registry
	// Outcome says what became of the deployment whose event has a key.
	Outcome func(ctx context.Context, delivery string) (Outcome, error)
	// Aim says whose functions the events call.
	Aim Aim
	// Conditions are what their payloads must fulfil.
	Conditions []predicate.Filter
}

// Filters are the conditions, for a [poll.Filtered].
func (s *Source) Filters() []predicate.Filter { return s.Conditions }

// Kind returns [Kind].
func (s *Source) Kind() string { return Kind }

// Name is that of the watch.
func (s *Source) Name() string { return s.Watch.Name }

// Poll implements [poll.Source]. What became of a deployment is part of what is
// outside: it is settled first, so that it does not depend on the registry.
func (s *Source) Poll(ctx context.Context, at poll.At) (poll.Found, error) {
	state, err := s.Watch.ReadState(at.Position, at.Now)
	if err != nil {
		return poll.Found{}, err
	}
	settled, err := s.settle(ctx, &state)
	if err != nil {
		return poll.Found{}, err
	}
	if settled {
		return found(&state, nil, at.Now)
	}
	seen, err := s.look(ctx, &state)
	if err != nil {
		return poll.Found{}, err
	}
	next := s.next(at.Now)
	if seen.more {
		next = at.Now
	}
	list := s.Watch.tell(&state, seen)
	if deploy, due := s.Watch.due(&state, at.Now); due {
		list = append(list, s.Watch.deploy(&state, deploy, ""))
	}
	if a := state.Attempt; a != nil && a.Retry != nil && a.Retry.Before(next) && a.Retry.After(at.Now) {
		next = *a.Retry
	}
	for i := range list {
		if err := s.Aim(ctx, &list[i]); err != nil {
			return poll.Found{}, fmt.Errorf("find whose functions %s calls: %w", list[i].Filter, err)
		}
	}
	return found(&state, list, next)
}

func found(state *State, list []events.Event, next time.Time) (poll.Found, error) {
	position, err := state.Write()
	return poll.Found{Position: position, Events: list, Next: next}, err
}

// next is when to look again. Watches of one interval do not all ask at once.
func (s *Source) next(now time.Time) time.Time {
	sum := fnv.New32a()
	_, _ = fmt.Fprint(sum, s.Watch.Name, now.UnixMicro()) // it never fails
	return now.Add(s.Watch.Interval + s.Watch.Interval/10*time.Duration(sum.Sum32()%100)/100)
}

// seen is what a look at the registry found.
type seen struct {
	// tags are all that are there but the ignored ones, sorted.
	tags []string
	// fresh are those of them that are told of as new.
	fresh []string
	// more says that there are new ones beyond fresh.
	more bool
	// newest is the newest version.
	newest string
	// digests are those of fresh, newest and the pinned tag. What is not there
	// any more has none.
	digests map[string]string
}

// look asks the registry.
func (s *Source) look(ctx context.Context, state *State) (seen, error) {
	tags, err := s.Registry.Tags(ctx)
	if errors.Is(err, ErrNoRepository) && len(state.Tags) == 0 {
		tags, err = nil, nil // nobody has pushed to it yet
	}
	if err != nil {
		return seen{}, err
	}
	tags = s.Watch.heeded(tags)
	v := seen{tags: tags, newest: s.Watch.Rule.Newest(tags, state.Released), digests: map[string]string{}}
	if state.Looked {
		for _, tag := range tags {
			if !state.has(tag) {
				v.fresh = append(v.fresh, tag)
			}
		}
	}
	// The newest version is told of before the release that it is.
	if i := slices.Index(v.fresh, v.newest); i >= batch {
		v.fresh = slices.Insert(slices.Delete(v.fresh, i, i+1), 0, v.newest)
	}
	if len(v.fresh) > batch {
		v.fresh, v.more = v.fresh[:batch], true
	}
	for _, tag := range slices.Concat(v.fresh, []string{v.newest, state.Pinned}) {
		if tag == "" || v.digests[tag] != "" {
			continue
		}
		digest, err := s.Registry.Digest(ctx, tag)
		if errors.Is(err, ErrNoTag) {
			continue // deleted a moment ago
		}
		if err != nil {
			return seen{}, err
		}
		v.digests[tag] = digest
	}
	return v, nil
}
