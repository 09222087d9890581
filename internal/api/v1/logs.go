package v1

import "time"

// LogLine is one entry of a call's log. Logs are stored and sent as these, one
// JSON object a line.
type LogLine struct {
	Time  time.Time `json:"time"`
	State string    `json:"state" enum:"started,done,cached,failed,output" doc:"what happened to the step"`
	// StepID and Parent are Dagger's own structure. Logs of old agents lack them.
	StepID string `json:"step_id,omitempty" doc:"id of the step within this log"`
	Parent string `json:"parent,omitempty" doc:"id of the step that this one is a part of; where a step starts and where it ends, the end knows better"`
	Step   string `json:"step,omitempty" doc:"the step as Dagger names it"`
	// Seconds is how long a step took that has ended.
	Seconds float64 `json:"seconds,omitempty"`
	// Text is what the step printed, or why it failed.
	Text string `json:"text,omitempty" doc:"what the step printed, with its control sequences, or why it failed"`
	// Open lines were divided, or are a last one without a newline.
	Open bool `json:"open,omitempty" doc:"the step printed no newline behind the text"`
}

// NumberedLine is a line of a log with its number.
type NumberedLine struct {
	Number int64 `json:"number" doc:"position in the log, from 1 on, which never changes"`
	LogLine
}

// LogLines are lines of the log of an attempt.
type LogLines struct {
	Attempt int            `json:"attempt"`
	Total   int64          `json:"total" doc:"how many lines the log has by now"`
	Ended   bool           `json:"ended" doc:"nothing will be added to the log"`
	Lines   []NumberedLine `json:"lines" nullable:"false"`
	More    bool           `json:"more" doc:"there are further lines of those that were asked for: behind the last one, or, with before, in front of the first one"`
}

// LogStep is a step of a call as its log tells of it.
type LogStep struct {
	ID     string `json:"id" doc:"of the step within this log; made from the order of names in logs of old agents"`
	Parent string `json:"parent,omitempty" doc:"id of the step that this one is a part of"`
	Name   string `json:"name" doc:"the step as Dagger names it"`
	State  string `json:"state" enum:"running,done,cached,failed" doc:"running as long as the log does not tell its end"`
	// Started is the time of the first line if that does not tell the start.
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds,omitempty" doc:"how long it took, once it has ended"`
	First   int64     `json:"first" doc:"number of its first line"`
	Last    int64     `json:"last" doc:"number of its last line by now; lines of other steps may lie between"`
	Lines   int64     `json:"lines" doc:"how many lines it has printed"`
	Ended   int64     `json:"ended,omitempty" doc:"number of the line that tells its end"`
	Error   string    `json:"error,omitempty" doc:"why it failed, the beginning of a long text"`
}

// LogSteps are the steps of an attempt.
type LogSteps struct {
	Attempt int       `json:"attempt"`
	Total   int64     `json:"total" doc:"how many lines the log has by now"`
	Ended   bool      `json:"ended" doc:"nothing will be added to the log"`
	Steps   []LogStep `json:"steps" nullable:"false" doc:"in the order in which they started"`
	More    int       `json:"more,omitempty" doc:"how many steps started beyond those"`
	Failure int64     `json:"failure,omitempty" doc:"number of the line that tells of the first step that failed"`
}

// End is the last message of a stream, under the event name end: there is
// nothing more to wait for.
type End struct {
	State  string `json:"state" doc:"final state of the run, or of the call's attempt"`
	Reason string `json:"reason,omitempty"`
	// Attempt is the one that the stream was of.
	Attempt int  `json:"attempt"`
	LogCut  bool `json:"log_cut,omitempty" doc:"the log was longer than is kept"`
}
