// Package report tells people and programs what the calls of a run do while
// they do it, and what they came to.
//
// Nothing here masks secrets: the writers that a report is given do.
package report

import (
	"fmt"
	"io"
	"time"

	"github.com/franela/pocketci/dispatcher"
)

// Report is an observer of runs that also says how they end.
type Report interface {
	dispatcher.Observer
	// Planned is called once a plan is made and before its first call.
	Planned(run *dispatcher.Run, place dispatcher.Place)
	// Finished is called after the last call has ended. The outcomes are in
	// the order of the plan's calls.
	Finished(run *dispatcher.Run, place dispatcher.Place, outcomes []dispatcher.Outcome)
}

// Format is how a report is written.
type Format string

// The formats of reports.
const (
	FormatText Format = "text"
	FormatJSON Format = "json"
)

// New returns a report in the given format. Progress goes to live and what a
// run came to goes to final; both may be the same writer. With FormatJSON
// everything goes to final, one object a line.
func New(format Format, live, final io.Writer) (Report, error) {
	switch format {
	case FormatText:
		return newText(live, final), nil
	case FormatJSON:
		return newJSON(final), nil
	}
	return nil, fmt.Errorf("unknown format %q: use %s or %s", format, FormatText, FormatJSON)
}

// Qualified names a call's function with its module, as it is shown
// everywhere.
func Qualified(c *dispatcher.Call) string { return c.Module + ":" + c.Function }

// round shortens a duration to what a reader can use.
func round(d time.Duration) time.Duration {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
