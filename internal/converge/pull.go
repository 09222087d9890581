package converge

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/franela/pocketci/events"
)

const (
	maxDepth = events.MaxDepth
	// longestPause is how long a source rests at most that fails to pull again and
	// again, and mostTimes how many of its intervals; neither is less than one.
	longestPause = 5 * time.Minute
	mostTimes    = 16
)

func contains(list []string, name string) bool { return slices.Contains(list, name) }

// keep runs the source at its times until the process stops.
func (s *source) keep() {
	ctx := s.process.stop
	s.begin(ctx)
	looks := len(s.conf.Pull) > 0 || s.conf.Pattern != ""
	next, repeat, failures := s.later(0), time.Time{}, 0
	if s.conf.RunEvery > 0 {
		repeat = s.process.Now().Add(s.conf.RunEvery)
	}
	for {
		due := repeat
		if looks && (due.IsZero() || next.Before(due)) {
			due = next
		}
		if due.IsZero() {
			<-ctx.Done()
			return
		}
		timer := time.NewTimer(due.Sub(s.process.Now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if looks && due.Equal(next) {
			reply, err := s.look(ctx)
			s.say(reply, err)
			if failures++; err == nil || len(s.conf.Pull) == 0 {
				failures = 0
			}
			next = s.later(pause(s.conf.Every, failures))
		} else {
			s.say(s.again(ctx, trigger{kind: triggerRepeat}))
			repeat = s.process.Now().Add(s.conf.RunEvery)
		}
	}
}

// pause is how long a source rests between two pulls that failed so often in a row. It
// is its interval at first, and doubles.
func pause(every time.Duration, failures int) time.Duration {
	times := 1 << min(max(failures-1, 0), 10)
	return max(every, min(every*time.Duration(min(times, mostTimes)), longestPause))
}

func (s *source) later(d time.Duration) time.Time {
	if spread := s.process.Config.Spread; spread > 0 {
		d += rand.N(spread)
	}
	return s.process.Now().Add(d)
}

// begin takes up what was there before the process was started: a run that was cut off
// goes on, and the pattern is applied again.
func (s *source) begin(ctx context.Context) {
	state, err := s.journal.Load()
	switch {
	case err != nil:
		s.say(Reply{}, err)
		return
	case s.conf.Forget && s.conf.Pattern == "":
		if state.Run != nil {
			s.say(Reply{}, s.abandon(errors.New("restore is false")))
		}
		return
	case s.conf.TriggerOnly && state.Run == nil:
		return
	}
	k, err := s.loadKept()
	if err == nil && k.Token == "" && s.conf.Pattern == "" {
		return // the first start
	}
	t := trigger{kind: triggerStart}
	if state.Run != nil {
		s.log.Info("a run that was cut off goes on", "run", state.Run.ID, "trigger", state.Run.Trigger)
	}
	s.say(s.again(ctx, t))
}

// say logs what nobody waits for. What is the same as before is not said again.
func (s *source) say(_ Reply, err error) {
	text := ""
	if err != nil && s.process.stop.Err() == nil {
		text = err.Error()
	}
	if text != "" && text != s.said {
		s.log.Error("the source was not run", "error", text)
	}
	s.said = text
}

// look pulls, or reads the pattern of this host.
func (s *source) look(ctx context.Context) (Reply, error) {
	if s.conf.Pattern == "" {
		return s.pull(ctx)
	}
	var reply Reply
	err := s.exclusive(ctx, func() error {
		c, err := s.local(ctx)
		if err != nil {
			s.process.metrics.refused(s.conf.Name, err)
			return err
		}
		state, err := s.journal.Load()
		if err != nil {
			return err
		}
		if state.Pattern == c.files.Digest() && state.Run == nil && state.Last.Err == "" || s.conf.TriggerOnly {
			reply.Note = "nothing new"
			return nil
		}
		reply, err = s.run(c, trigger{kind: triggerPull})
		return err
	})
	return reply, err
}

// once pulls and runs the source.
func (s *source) once(ctx context.Context) (Reply, error) {
	if len(s.conf.Pull) > 0 {
		reply, err := s.pull(ctx)
		if err != nil || reply.Run != "" || reply.Dry || s.conf.TriggerOnly {
			return reply, err
		}
	}
	if s.conf.TriggerOnly {
		return Reply{Note: "the source runs when it is triggered"}, nil
	}
	return s.again(ctx, trigger{kind: triggerStart})
}
