package registry

import (
	"fmt"
	"time"

	"github.com/franela/pocketci/events"
)

const (
	// firstRetry is the pause after a deployment that failed; it doubles with
	// each further one up to lastRetry.
	firstRetry = time.Minute
	lastRetry  = time.Hour
)

// Deployment is something that is to be deployed now.
type Deployment struct {
	Tag, Digest string
	Cause       Cause
	// Number counts from one.
	Number int
}

// due says what is to be deployed now, if anything is. It compares what is wanted
// with what is deployed, and never with what was seen before: what happens while
// auto-deploy is off, or the agent away, is found afterwards.
//
// Of itself it deploys one thing at a time, never something older than what is
// deployed, and nothing again that failed too often or that no function is called
// for.
func (w Watch) due(s *State, now time.Time) (Deployment, bool) {
	if d, ok := w.again(s); ok {
		return d, s.Attempt.Retry == nil || !now.Before(*s.Attempt.Retry)
	}
	tag := w.Wanted(s)
	d := Deployment{Tag: tag, Digest: s.Digests[tag], Number: 1}
	if d.Digest == "" {
		return Deployment{}, false // there is none, or it is not there any more
	}
	if a := s.Attempt; a != nil {
		same := a.Tag == d.Tag && a.Digest == d.Digest
		switch {
		case a.Progress == Deploying:
			return Deployment{}, false
		case a.Progress == Failing && a.Tag == d.Tag && (a.Cause.asked() || same && s.AutoDeploy):
			d.Cause, d.Number = a.Cause, a.Number+1
			return d, a.Retry == nil || !now.Before(*a.Retry)
		case same:
			return Deployment{}, false
		}
	}
	if !s.AutoDeploy {
		return Deployment{}, false
	}
	switch {
	case s.Deployed != nil && s.Deployed.Tag == d.Tag:
		d.Cause = CauseDigest
		return d, s.Deployed.Digest != d.Digest
	case s.Pinned != "":
		d.Cause = CausePin
		return d, true
	}
	d.Cause = CauseRelease
	return d, s.Deployed == nil || w.Rule.Compare(d.Tag, s.Deployed.Tag) > 0
}

// again says what a person asked for that failed, where something newer has come
// meanwhile that is not deployed by itself. It is tried again like all else, as long
// as the tag is there.
func (w Watch) again(s *State) (Deployment, bool) {
	a := s.Attempt
	if a == nil || a.Progress != Failing || !a.Cause.asked() || s.AutoDeploy || s.Pinned != "" || a.Tag == w.Wanted(s) || !s.has(a.Tag) {
		return Deployment{}, false
	}
	return Deployment{Tag: a.Tag, Digest: a.Digest, Cause: a.Cause, Number: a.Number + 1}, true
}

// deploy makes the event of a deployment and notes that it has begun. The sender
// is empty for what nobody asked for.
func (w Watch) deploy(s *State, d Deployment, sender string) events.Event {
	what := fmt.Sprintf("deploy %s@%s %s %d", w.Image(d.Tag), d.Digest, d.Cause, d.Number)
	key := what
	// A version that was not deployed before is deployed once, whatever state it
	// is found in; everything else may happen again.
	first := d.Cause == CauseRelease && d.Number == 1 && w.Rule.Compare(d.Tag, s.Tried) > 0
	if !first {
		key = s.delivery(what)
	}
	if d.Cause == CauseRelease {
		s.Tried = d.Tag
	}
	p := Payload{Tag: d.Tag, Digest: d.Digest, Cause: d.Cause, Attempt: d.Number}
	if s.Deployed != nil {
		p.PreviousTag, p.PreviousDigest = s.Deployed.Tag, s.Deployed.Digest
	}
	s.Attempt = &Attempt{Tag: d.Tag, Digest: d.Digest, Cause: d.Cause, Delivery: key, Number: d.Number, Progress: Deploying}
	return w.event(NameDeploy, key, sender, p)
}
