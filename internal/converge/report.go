package converge

import (
	"encoding/json"
	"fmt"

	events "github.com/franela/pocketci/events/converge"
	"github.com/franela/pocketci/internal/converge/apply"
)

// report keeps what the agent is to be told of a run.
func (s *source) report(c *candidate, run *apply.Run) error {
	conf := s.process.Config.Report
	r := events.Report{
		Version: events.Version, ID: run.ID, Source: s.conf.Name, Host: s.process.host, Trigger: run.Trigger, Pattern: run.Pattern,
		EndedAt: run.EndedAt, Changed: run.Changed, Removed: run.Removed, Err: run.Err, Exit: run.Exit,
	}
	switch {
	case conf == nil:
		return nil
	case run.Err != "" && conf.Failed:
		r.Outcome = events.NameFailed
	case run.Err == "" && conf.Changed && len(run.Changed)+len(run.Removed) > 0:
		r.Outcome = events.NameChanged
	default:
		return nil
	}
	if c != nil && c.token != nil {
		r.Token = &events.Token{ID: c.token.ID, Issuer: c.token.Issuer, Subject: c.token.Subject, Key: c.token.Key.ID}
		r.Cause, r.Depth = c.cause()
	}
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write a report: %w", err)
	}
	return s.process.outbox.Put(run.ID, data)
}

// emit runs the sources that receive the events which commands of this one named. A
// chain of events ends after as many as an agent's.
func (s *source) emit(names []string, depth int) {
	if depth >= maxDepth {
		if len(names) > 0 {
			s.log.Warn("events are not sent on: the chain is too long", "events", names, "depth", depth)
		}
		return
	}
	for _, name := range names {
		if !contains(s.conf.Sends, name) {
			s.log.Warn("an event is not sent: sends does not have it", "event", name)
			continue
		}
		for _, receiver := range s.process.sources {
			if receiver == s || !contains(receiver.conf.Receives, name) {
				continue
			}
			s.process.work.Go(func() {
				t := trigger{kind: triggerEvent, env: []string{"POCKETCI_EVENT=" + name, "POCKETCI_EVENT_SOURCE=" + s.conf.Name}, depth: depth + 1}
				if _, err := receiver.again(s.process.stop, t); err != nil {
					receiver.log.Warn("an event did not run the source", "event", name, "from", s.conf.Name, "error", err)
				}
			})
		}
	}
}
