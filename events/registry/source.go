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
	// Same is the same text for sources that are configured alike, and empty for
	// those of which that is not known.
	Same string

	// rest is until when the registry wants to be left alone, and why what it said
	// then.
	rest time.Time
	why  error
}

// Filters are the conditions, for a [poll.Filtered].
func (s *Source) Filters() []predicate.Filter { return s.Conditions }

// Configuration is that of a [poll.Configured].
func (s *Source) Configuration() string { return s.Same }

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
	if left := s.rest.Sub(at.Now); left > 0 {
		return poll.Found{}, &poll.RetryAfterError{After: left, Err: s.why, Nudged: true}
	}
	seen, err := s.look(ctx, &state, at.Now)
	if asked, ok := errors.AsType[*poll.RetryAfterError](err); ok {
		s.rest, s.why = at.Now.Add(asked.After), err
		return poll.Found{}, &poll.RetryAfterError{After: asked.After, Err: err, Nudged: true}
	}
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
	// fresh are those of them that are told of as new, if they stand for something.
	fresh []string
	// more says that there are new ones beyond fresh, of which it is not known yet
	// that they stand for nothing.
	more bool
	// newest is the newest version that stands for something.
	newest string
	// digests are those of fresh, newest and the pinned tag, and void which of
	// them have none.
	digests map[string]string
	void    map[string]bool
}

// look asks the registry.
func (s *Source) look(ctx context.Context, state *State, now time.Time) (seen, error) {
	tags, err := s.Registry.Tags(ctx)
	if errors.Is(err, ErrNoRepository) && len(state.Tags) == 0 && len(state.Hollow) == 0 {
		tags, err = nil, nil // nobody has pushed to it yet
	}
	if err != nil {
		return seen{}, err
	}
	v := seen{tags: s.Watch.heeded(tags), digests: map[string]string{}, void: map[string]bool{}}
	if err := s.newest(ctx, state, &v); err != nil {
		return seen{}, err
	}
	var hollow []string
	if state.Looked {
		for _, tag := range v.tags {
			switch {
			case state.has(tag) || v.void[tag]:
			case state.hollow(tag):
				hollow = append(hollow, tag)
			default:
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
	v.fresh = append(v.fresh, some(hollow, batch-len(v.fresh), now)...)
	for _, tag := range append(slices.Clone(v.fresh), state.Pinned) {
		if err := s.digest(ctx, tag, &v); err != nil {
			return seen{}, err
		}
	}
	return v, nil
}

// newest finds the newest version that stands for something. Those that are known to
// stand for nothing do not count until they are asked for again, and not so many are
// asked for at once.
func (s *Source) newest(ctx context.Context, state *State, v *seen) error {
	tags := slices.DeleteFunc(slices.Clone(v.tags), state.hollow)
	for range batch {
		newest := s.Watch.Rule.Newest(tags, state.Released)
		if newest == "" {
			return nil
		}
		if err := s.digest(ctx, newest, v); err != nil {
			return err
		}
		if !v.void[newest] {
			v.newest = newest
			return nil
		}
		tags = slices.DeleteFunc(tags, func(tag string) bool { return tag == newest })
	}
	v.more = true
	return nil
}

// digest asks what a tag stands for, once.
func (s *Source) digest(ctx context.Context, tag string, v *seen) error {
	if tag == "" || v.digests[tag] != "" || v.void[tag] {
		return nil
	}
	digest, err := s.Registry.Digest(ctx, tag)
	if errors.Is(err, ErrNoTag) {
		v.void[tag] = true // deleted a moment ago, or listed without an image
		return nil
	}
	v.digests[tag] = digest
	return err
}

// some are so many of the tags that stood for nothing, others at another time.
func some(tags []string, most int, now time.Time) []string {
	if len(tags) <= most {
		return tags
	}
	sum := fnv.New32a()
	_, _ = fmt.Fprint(sum, now.UnixMicro()) // it never fails
	from := int(sum.Sum32() % uint32(len(tags)))
	return slices.Concat(tags[from:], tags[:from])[:most]
}
