package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/ansi"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

const (
	// pageLines is how many lines are on a page of a log, and in one part of it that the
	// script asks for.
	pageLines = 250
	// stepLines is how many lines of a step come at a time, its last ones first.
	stepLines = 100
	// searchHits is how many lines that were found are listed at a time.
	searchHits = 50
)

// callLog is the log of an attempt, in one of its views.
type callLog struct {
	Attempt int
	State   string
	// Total is how many lines there are, Ended whether none will come.
	Total int64
	Ended bool
	// Gone says that the log was deleted to make room, Cut that it was longer than is
	// kept.
	Gone, Cut bool
	// Steps is what the view by step shows.
	Steps *callTree
	// Rows are what the view in order shows, Step is the one that they are of.
	Rows []logRow
	Step *v1.LogStep
	// First is the number of the first line of the page; Earlier and Later lead to the
	// pages around it, and Ends to the first and the last one.
	First          int64
	Earlier, Later string
	Begin, End     string
	// Lines is where the script asks for a part of the log, Live for what is added.
	Lines, Live string
	// Failure leads to the first step that failed.
	Failure string
}

// Page is how many lines are in a part of the log.
func (callLog) Page() int { return pageLines }

// logRow is a line of a log as it is shown.
type logRow struct {
	Number int64
	At     time.Time
	// Kind is what happened to a step, empty for what was printed.
	Kind  string
	Spans []ansi.Span
	// Cut is how many bytes are not shown.
	Cut int
	// Marked is the line that the address names.
	Marked bool
	// To is the address of the line, where that is not on the page itself.
	To string
}

// Clock is the time of the line to the millisecond.
func (r logRow) Clock() string { return r.At.UTC().Format("15:04:05.000") }

func newRow(l *v1.NumberedLine) logRow {
	row := logRow{Number: l.Number, At: l.Time}
	text := l.Text
	if l.State != "output" {
		row.Kind = l.State
		text = stepName(l.Step)
		switch l.State {
		case "started":
			text = "started: " + text
		case "cached":
			text = "cached: " + text
		case "done":
			text = fmt.Sprintf("done: %s (%s)", text, duration(secondsOf(l.Seconds)))
		case "failed":
			text = fmt.Sprintf("failed: %s (%s) %s", text, duration(secondsOf(l.Seconds)), l.Text)
		}
	}
	line := ansi.Render(text)
	row.Spans, row.Cut = line.Spans, line.Cut
	return row
}

// stepName is the name of a step, which programs give, without control sequences.
func stepName(name string) string { return strings.TrimRight(ansi.Render(name).Text(), " ") }

func newRows(lines []v1.NumberedLine) []logRow {
	rows := make([]logRow, len(lines))
	for i := range lines {
		rows[i] = newRow(&lines[i])
	}
	return rows
}

// base is what both views of a log have. Gone logs have nothing else.
func (v *visit) base(ref *callRef) *callLog {
	a := ref.at(ref.attempt)
	return &callLog{
		Attempt: a.Number, State: a.State, Ended: client.Ended(a.State), Gone: a.LogGone, Cut: a.LogCut,
		Lines: ref.path("/lines", "attempt", strconv.Itoa(ref.attempt)),
	}
}

// live is the address of what is added to a log.
func (c *callRef) live(view string, first int64) string {
	return c.path("/live", "attempt", strconv.Itoa(c.attempt), "view", view, "first", strconv.FormatInt(first, 10))
}

// callOrder is the log of an attempt line by line: the page that has the line of the query,
// or its end while the call runs.
func (v *visit) callOrder(ref *callRef) (*callLog, error) {
	out := v.base(ref)
	if out.Gone {
		return out, nil
	}
	line, err := ref.number("line")
	if err != nil {
		return nil, err
	}
	if id := ref.query.Get("step"); id != "" {
		return out, v.callStepLines(ref, out, id)
	}
	f := client.LineFilter{Attempt: ref.attempt, First: pageOf(int64(line)), Count: pageLines}
	if line == 0 && !out.Ended {
		now, err := v.api.LogLines(v.ctx(), ref.call.ID, client.LineFilter{Attempt: ref.attempt, Before: 1, Count: 1})
		if err != nil {
			return nil, err
		}
		f.First = pageOf(now.Total)
	}
	lines, err := v.allLines(ref.call.ID, f)
	if err != nil {
		return nil, err
	}
	out.Total, out.Ended, out.First, out.Rows = lines.Total, lines.Ended, f.First, newRows(lines.Lines)
	for i := range out.Rows {
		out.Rows[i].Marked = out.Rows[i].Number == int64(line)
	}
	steps, err := v.api.LogSteps(v.ctx(), ref.call.ID, ref.attempt)
	if err != nil {
		return nil, err
	}
	out.Failure = ref.failure(steps.Failure)
	at := func(n int64) string {
		return ref.path("", "view", viewOrder, "line", strconv.FormatInt(n, 10))
	}
	if f.First > 1 {
		out.Begin, out.Earlier = at(1), at(f.First-pageLines)
	}
	if last := f.First + int64(len(out.Rows)) - 1; last < out.Total {
		out.Later, out.End = at(last+1), at(out.Total)
	}
	out.Live = ref.live(viewOrder, f.First+int64(len(out.Rows)))
	return out, nil
}

// failure leads to the line that tells of the first step that failed, unless it is 0.
func (c *callRef) failure(line int64) string {
	if line == 0 {
		return ""
	}
	n := strconv.FormatInt(line, 10)
	return c.path("", "view", viewOrder, "line", n) + "#L" + n
}

// pageOf is the number of the first line of the page that has a line.
func pageOf(line int64) int64 { return max(0, line-1)/pageLines*pageLines + 1 }

// allLines asks for lines until there are as many as are wanted: an answer can be too long.
func (v *visit) allLines(call string, f client.LineFilter) (v1.LogLines, error) {
	lines, err := v.api.LogLines(v.ctx(), call, f)
	for err == nil && lines.More && len(lines.Lines) < f.Count {
		var part v1.LogLines
		next := f
		next.First = lines.Lines[len(lines.Lines)-1].Number + 1
		next.Count -= len(lines.Lines)
		part, err = v.api.LogLines(v.ctx(), call, next)
		lines.Lines, lines.More = append(lines.Lines, part.Lines...), part.More
		if len(part.Lines) == 0 {
			break
		}
	}
	return lines, err
}

// callStepLines adds a page of the lines of one step.
func (v *visit) callStepLines(ref *callRef, out *callLog, id string) error {
	first, err := ref.number("first")
	if err != nil {
		return err
	}
	steps, err := v.api.LogSteps(v.ctx(), ref.call.ID, ref.attempt)
	if err != nil {
		return err
	}
	for i := range steps.Steps {
		if steps.Steps[i].ID == id {
			out.Step = &steps.Steps[i]
		}
	}
	if out.Step == nil {
		return &problem{http.StatusNotFound, "The log has no such step."}
	}
	f := client.LineFilter{Attempt: ref.attempt, First: int64(first), Count: pageLines, Step: id}
	lines, err := v.allLines(ref.call.ID, f)
	if err != nil {
		return err
	}
	out.Total, out.Ended, out.Rows = lines.Total, true, newRows(lines.Lines)
	out.Lines = "" // the script has nothing to do with it
	at := func(n int64) string {
		return ref.path("", "view", viewOrder, "step", id, "first", strconv.FormatInt(n, 10))
	}
	if len(out.Rows) > 0 && out.Rows[0].Number > out.Step.First {
		before := f
		before.First, before.Before = 0, out.Rows[0].Number
		earlier, err := v.api.LogLines(v.ctx(), ref.call.ID, before)
		if err != nil {
			return err
		}
		if len(earlier.Lines) > 0 {
			out.Begin, out.Earlier = at(out.Step.First), at(earlier.Lines[0].Number)
		}
	}
	if lines.More {
		out.Later = at(out.Rows[len(out.Rows)-1].Number + 1)
	}
	return nil
}

// callSearch is what was looked for in a log, and found.
type callSearch struct {
	Text string
	// Hits are a part of the lines that were found, from a number on.
	Hits []logRow
	From int64
	More string
	// Previous and Next lead to the hits around the line of the address.
	Previous, Next string
}

func (v *visit) callSearch(ref *callRef) (callSearch, error) {
	out := callSearch{Text: ref.query.Get("q")}
	if strings.TrimSpace(out.Text) == "" || ref.at(ref.attempt).LogGone {
		return out, nil
	}
	from, err := ref.number("from")
	if err != nil {
		return out, err
	}
	line, err := ref.number("line")
	if err != nil {
		return out, err
	}
	f := client.LineFilter{Attempt: ref.attempt, First: int64(from), Count: searchHits, Contains: out.Text}
	at := func(n int64) string {
		to := ref.path("", "view", viewOrder, "q", out.Text, "from", ref.query.Get("from"), "line", strconv.FormatInt(n, 10))
		return fmt.Sprintf("%s#L%d", to, n)
	}
	found, err := v.api.LogLines(v.ctx(), ref.call.ID, f)
	if err != nil {
		return out, err
	}
	out.From, out.Hits = max(1, int64(from)), newRows(found.Lines)
	for i := range out.Hits {
		out.Hits[i].To, out.Hits[i].Marked = at(out.Hits[i].Number), out.Hits[i].Number == int64(line)
	}
	if found.More {
		next := out.Hits[len(out.Hits)-1].Number + 1
		out.More = ref.path("", "view", viewOrder, "q", out.Text, "from", strconv.FormatInt(next, 10))
	}
	if line == 0 {
		if len(out.Hits) > 0 {
			out.Next = out.Hits[0].To
		}
		return out, nil
	}
	f.Count = 1
	for _, side := range []struct {
		first, before int64
		to            *string
	}{{first: int64(line) + 1, to: &out.Next}, {before: int64(line), to: &out.Previous}} {
		f.First, f.Before = side.first, side.before
		one, err := v.api.LogLines(v.ctx(), ref.call.ID, f)
		if err != nil {
			return out, err
		}
		if len(one.Lines) > 0 {
			*side.to = at(one.Lines[0].Number)
		}
	}
	return out, nil
}

// callLines answers with a part of a log, for the script: lines in order from a number
// on, or the last ones of a step before one.
func (s *Site) callLines(v *visit) error {
	ref, err := v.findCall()
	if err != nil {
		return err
	}
	first, err := ref.number("first")
	if err != nil {
		return err
	}
	before, err := ref.number("before")
	if err != nil {
		return err
	}
	if id := ref.query.Get("step"); id != "" {
		part, err := v.stepPart(ref, id, int64(before))
		if err != nil {
			return err
		}
		return v.fragment("call", "steplines", part)
	}
	lines, err := v.allLines(ref.call.ID, client.LineFilter{Attempt: ref.attempt, First: int64(first), Count: pageLines})
	if err != nil {
		return err
	}
	return v.fragment("call", "loglines", newRows(lines.Lines))
}
