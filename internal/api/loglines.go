package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/calllog"
	"github.com/franela/pocketci/internal/store"
)

const (
	// linesBytes is how long the texts of lines may be in one answer, before there are
	// no more of them.
	linesBytes = 2 << 20
	// linesLook is how often it is looked whether there are lines although nothing was
	// announced.
	linesLook = 2 * time.Second
)

func (s *service) logLineRoutes() {
	register(s, operation{
		id: "list-log-lines", method: http.MethodGet, path: "/calls/{id}/log/lines", tag: tagCalls, scope: v1.ScopeRead,
		summary: "List lines of a call's log by their numbers", public: true,
		description: "Lines are counted from 1. A part of them comes at a time: the answer says whether there are more, and the number " +
			"behind the last one is where they go on. With wait, an answer without lines comes only after that time, or when the attempt ends.",
		errors: []int{http.StatusNotFound, http.StatusGone},
	}, s.listLogLines)
	register(s, operation{
		id: "list-log-steps", method: http.MethodGet, path: "/calls/{id}/log/steps", tag: tagCalls, scope: v1.ScopeRead,
		summary:     "List the steps of a call",
		public:      true,
		description: "As far as its log tells of them by now, in the order in which they started.",
		errors:      []int{http.StatusNotFound, http.StatusGone},
	}, s.listLogSteps)
}

// LogAttempt says which log is asked for.
type LogAttempt struct {
	CallID
	Attempt int `query:"attempt" minimum:"1" doc:"the present one if it is left out"`
}

type linesQuery struct {
	LogAttempt
	First    int64  `query:"first" minimum:"1" default:"1" doc:"number of the first line"`
	Before   int64  `query:"before" minimum:"1" doc:"has the last lines found that are before this number, in place of the first ones"`
	Count    int    `query:"count" minimum:"1" maximum:"1000" default:"500" doc:"how many there are at most"`
	Step     string `query:"step" maxLength:"20" doc:"id of the step that the lines are of"`
	Contains string `query:"contains" maxLength:"200" doc:"what the text has, or the name of the step where it starts or ends; without control sequences, in upper or lower case"`
	Wait     int    `query:"wait" minimum:"0" maximum:"25" doc:"how many seconds to wait for the first line to be written"`
}

func (s *service) listLogLines(ctx context.Context, in *linesQuery) (*body[v1.LogLines], error) {
	log, err := s.logLines(ctx, &in.LogAttempt)
	if err == nil && in.Wait > 0 {
		log, err = s.awaitLine(ctx, in)
	}
	if err != nil {
		return nil, err
	}
	// Before the lines are read, so that there can be nothing behind them.
	out := v1.LogLines{Attempt: in.Attempt, Ended: log.Ended(), Total: log.Lines()}
	out.Lines, out.More, err = log.Find(ctx, calllog.Query{
		First: in.First, Before: in.Before, Count: in.Count, Bytes: linesBytes, Step: in.Step, Contains: in.Contains,
	})
	if err != nil {
		return nil, s.unreadable(&in.LogAttempt, err)
	}
	if out.Lines == nil {
		out.Lines = []v1.NumberedLine{}
	}
	return answer(out), nil
}

// awaitLine waits for the first line that is asked for, if that has not been written.
func (s *service) awaitLine(ctx context.Context, in *linesQuery) (*calllog.Log, error) {
	woken, unwatch := s.Store.Watch(store.TopicCall(in.ID))
	defer unwatch()
	look := time.NewTicker(linesLook)
	defer look.Stop()
	patience := time.NewTimer(time.Duration(in.Wait) * time.Second)
	defer patience.Stop()
	for {
		// Also at first: it may have been written before the watch began.
		log, err := s.logs.Log(ctx, in.ID, in.Attempt)
		if err != nil {
			return nil, s.unreadable(&in.LogAttempt, err)
		}
		if log.Lines() >= in.First || log.Ended() {
			return log, nil
		}
		select {
		case <-woken:
		case <-look.C:
		case <-patience.C:
			return log, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (s *service) listLogSteps(ctx context.Context, in *LogAttempt) (*body[v1.LogSteps], error) {
	log, err := s.logLines(ctx, in)
	if err != nil {
		return nil, err
	}
	out := v1.LogSteps{Attempt: in.Attempt, Ended: log.Ended(), Total: log.Lines()}
	out.Steps, out.More, out.Failure = log.Steps()
	return answer(out), nil
}

// logLines is the log that is asked for.
func (s *service) logLines(ctx context.Context, in *LogAttempt) (*calllog.Log, error) {
	place := LogPlace{CallID: in.CallID, Attempt: in.Attempt}
	attempt, err := s.log(ctx, &place)
	if err != nil {
		return nil, s.unreadable(in, err)
	}
	in.Attempt = attempt
	log, err := s.logs.Log(ctx, in.ID, attempt)
	if err != nil {
		return nil, s.unreadable(in, err)
	}
	return log, nil
}

// unreadable forgets what is known of a log that has been deleted.
func (s *service) unreadable(in *LogAttempt, err error) error {
	if errors.Is(err, store.ErrLogGone) || errors.Is(err, store.ErrNotFound) {
		s.logs.Forget(in.ID, in.Attempt)
	}
	return err
}
