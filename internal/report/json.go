package report

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/modules"
)

// Line is one line of a report in JSON. Which fields are there depends on
// Type; docs/report.schema.json says which.
type Line struct {
	Time time.Time `json:"time"`
	// Type is planned, started, step, output, ended or finished.
	Type     string `json:"type"`
	Run      string `json:"run"`
	Module   string `json:"module,omitempty"`
	Function string `json:"function,omitempty"`
	// Step and State name a step and how far it has come. In lines of type
	// ended State is the call's.
	Step  string `json:"step,omitempty"`
	State string `json:"state,omitempty"`
	// Seconds is how long a step or a call took.
	Seconds float64 `json:"seconds,omitempty"`
	// Text is what a step printed.
	Text string `json:"text,omitempty"`
	// Output is what a call returned, Error why it failed.
	Output string `json:"output,omitempty"`
	Error  string `json:"error,omitempty"`
	// Plan is in lines of type planned, Results in those of type finished.
	Plan    *dispatcher.View `json:"plan,omitempty"`
	Results []Result         `json:"results,omitempty"`
}

// Result is what one call came to.
type Result struct {
	Module   string  `json:"module"`
	Function string  `json:"function"`
	State    string  `json:"state"`
	Seconds  float64 `json:"seconds"`
	Output   string  `json:"output,omitempty"`
	Error    string  `json:"error,omitempty"`
	Command  string  `json:"command,omitempty"`
}

// lines writes one JSON object a line.
type lines struct {
	mu  sync.Mutex
	enc *json.Encoder
}

func newJSON(w io.Writer) *lines {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &lines{enc: enc}
}

func (j *lines) write(run *dispatcher.Run, call *dispatcher.Call, line Line) {
	line.Time, line.Run = time.Now().UTC(), run.ID
	if call != nil {
		line.Module, line.Function = call.Module, call.Function
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	// A report has nobody to tell that nobody reads it.
	_ = j.enc.Encode(line)
}

func (j *lines) Planned(run *dispatcher.Run, place dispatcher.Place) {
	view := run.Plan.View(place)
	j.write(run, nil, Line{Type: "planned", Plan: &view})
}

func (j *lines) CallStarted(run *dispatcher.Run, call *dispatcher.Call) {
	j.write(run, call, Line{Type: "started"})
}

func (j *lines) CallStep(run *dispatcher.Run, call *dispatcher.Call, step modules.Step) {
	if step.State == modules.StepOutput {
		j.write(run, call, Line{Type: "output", Step: step.Name, Text: step.Text})
		return
	}
	j.write(run, call, Line{Type: "step", Step: step.Name, State: string(step.State), Seconds: step.Duration.Seconds(), Text: step.Text})
}

func (j *lines) CallEnded(run *dispatcher.Run, call *dispatcher.Call, outcome dispatcher.Outcome) {
	r := resultOf(call, outcome)
	j.write(run, call, Line{Type: "ended", State: r.State, Seconds: r.Seconds, Output: r.Output, Error: r.Error})
}

func (j *lines) Finished(run *dispatcher.Run, place dispatcher.Place, outcomes []dispatcher.Outcome) {
	line := Line{Type: "finished"}
	for i, o := range outcomes {
		call := &run.Plan.Calls[i]
		r := resultOf(call, o)
		r.Command = place.Command(call)
		line.Results = append(line.Results, r)
	}
	for _, v := range run.Plan.Invalid {
		line.Results = append(line.Results, Result{Module: v.Module, Function: v.Function, State: string(dispatcher.StateInvalid), Error: v.Error})
	}
	j.write(run, nil, line)
}

func resultOf(call *dispatcher.Call, o dispatcher.Outcome) Result {
	r := Result{Module: call.Module, Function: call.Function, State: string(o.State), Seconds: o.Duration.Seconds(), Output: o.Result.Output}
	if o.Err != nil {
		r.Error = o.Err.Error()
	}
	return r
}

var _ Report = (*lines)(nil)
