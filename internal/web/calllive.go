package web

import (
	"bytes"
	"cmp"
	"context"
	"strconv"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

const (
	// liveWait is how many seconds a line is waited for before the call is looked at.
	liveWait = 20
	// liveEvery is how long lines are gathered at least.
	liveEvery = 150 * time.Millisecond
)

// callLive sends what is added to the log of a call: the event rows has lines, new steps,
// and the heads of steps that have ended; patch has the head of the page when it changes.
func (s *Site) callLive(v *visit) error {
	ref, err := v.findCall()
	if err != nil {
		return err
	}
	first, err := ref.number("first")
	if err != nil {
		return err
	}
	// Whoever comes again goes on where he was.
	if last, err := strconv.Atoi(v.r.Header.Get("Last-Event-ID")); err == nil && last > 0 {
		first = last + 1
	}
	f := &callFollower{v: v, ref: ref, next: int64(cmp.Or(first, 1)), steps: ref.query.Get("view") == viewSteps}
	return v.stream("call", f.follow)
}

// callFollower follows one log for one browser.
type callFollower struct {
	v     *visit
	ref   *callRef
	next  int64
	steps bool
}

func (f *callFollower) follow(ctx context.Context, l *live) error {
	if err := f.head(ctx, l); err != nil {
		return err
	}
	for {
		lines, err := f.v.api.LogLines(ctx, f.ref.call.ID, client.LineFilter{Attempt: f.ref.attempt, First: f.next, Count: pageLines, Wait: liveWait})
		if err != nil {
			return err
		}
		if n := len(lines.Lines); n > 0 {
			out, err := f.render(l, lines.Lines)
			if err != nil {
				return err
			}
			f.next = lines.Lines[n-1].Number + 1
			if err := l.send(strconv.FormatInt(f.next-1, 10), "rows", out); err != nil {
				return err
			}
		}
		ended := lines.Ended && !lines.More
		if ended || len(lines.Lines) == 0 || f.ref.call.StartedAt == nil {
			if err := f.head(ctx, l); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
		select {
		case <-time.After(liveEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// head sends how the call stands.
func (f *callFollower) head(ctx context.Context, l *live) error {
	call, err := f.v.api.Call(ctx, f.ref.call.ID)
	if err != nil {
		return err
	}
	f.ref.call = &call
	return l.push("callhead", "", f.ref.head())
}

// render makes the lines, and the steps that start and end with them.
func (f *callFollower) render(l *live, lines []v1.NumberedLine) ([]byte, error) {
	if !f.steps {
		return l.page.part("loglines", newRows(lines))
	}
	var out bytes.Buffer
	add := func(name string, data any) error {
		part, err := l.page.part(name, data)
		out.Write(part)
		return err
	}
	var rows []logRow
	of := ""
	flush := func() error {
		if len(rows) == 0 {
			return nil
		}
		defer func() { rows = nil }()
		return add("addedlines", map[string]any{"Key": "s" + of, "Rows": rows})
	}
	for i := range lines {
		one := &lines[i]
		if one.State == "output" {
			if one.StepID != of {
				if err := flush(); err != nil {
					return nil, err
				}
				of = one.StepID
			}
			rows = append(rows, newRow(one))
			continue
		}
		if err := flush(); err != nil {
			return nil, err
		}
		name := "stephead"
		step := v1.LogStep{ID: one.StepID, Parent: one.Parent, Name: one.Step, State: one.State, Started: one.Time, Seconds: one.Seconds}
		switch one.State {
		case "started":
			name, step.State = "step", "running"
		default:
			step.Started = one.Time.Add(-time.Duration(one.Seconds * float64(time.Second)))
		}
		if err := add(name, newStep(f.ref, &step, "s", false)); err != nil {
			return nil, err
		}
		if one.State == "failed" && one.Text != "" {
			if err := add("addedlines", map[string]any{"Key": "s" + one.StepID, "Rows": []logRow{newRow(one)}}); err != nil {
				return nil, err
			}
		}
	}
	err := flush()
	return out.Bytes(), err
}
