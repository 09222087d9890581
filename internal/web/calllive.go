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
	liveWait = 10
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
	k := feedKey{f.ref.call.ID, f.ref.attempt, viewOrder}
	if f.steps {
		k.view = viewSteps
	}
	logs := &f.v.site.logs
	defer logs.join(k)()
	for looked := (time.Time{}); ; {
		// What is sent may have been asked for by somebody else: whether he may still see
		// it is asked for himself.
		if time.Since(looked) > f.v.site.KeepAlive || f.ref.call.StartedAt == nil {
			looked = time.Now()
			if err := f.head(ctx, l); err != nil {
				return err
			}
		}
		b, err := logs.next(ctx, k, f.next, func(b *batch) { f.read(ctx, l, b) })
		if err != nil {
			return err
		}
		f.next = b.next
		if b.message != nil {
			if err := l.write(b.message); err != nil {
				return err
			}
		}
		if b.ended {
			return f.end(ctx, l)
		}
		select {
		case <-time.After(liveEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// read waits for lines and makes what is sent of them.
func (f *callFollower) read(ctx context.Context, l *live, b *batch) {
	lines, err := f.v.api.LogLines(ctx, f.ref.call.ID, client.LineFilter{Attempt: f.ref.attempt, First: f.next, Count: pageLines, Wait: liveWait})
	b.err, b.next, b.ended = err, f.next, lines.Ended && !lines.More
	if n := len(lines.Lines); err == nil && n > 0 {
		b.next = lines.Lines[n-1].Number + 1
		var out []byte
		if out, b.err = f.render(l, lines.Lines); b.err == nil {
			b.message = message(strconv.FormatInt(b.next-1, 10), "rows", out)
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

// end sends how the attempt has ended: steps whose end the log does not tell have been
// stopped, the timeline is whole, and there may be an error to lead to.
func (f *callFollower) end(ctx context.Context, l *live) error {
	if err := f.head(ctx, l); err != nil || !f.steps {
		return err
	}
	steps, err := f.v.api.LogSteps(ctx, f.ref.call.ID, f.ref.attempt)
	if err != nil {
		return err
	}
	tree := newTree(f.ref, &steps, "s")
	err = tree.each(func(s *callStep) error {
		if s.LogStep.State != "running" {
			return nil
		}
		return l.push("stephead", s.ID, s)
	})
	if err != nil {
		return err
	}
	if err := l.push("firsterror", "", f.ref.failure(steps.Failure)); err != nil {
		return err
	}
	return l.push("timeline", "", tree)
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
			step.Started = one.Time.Add(-secondsOf(one.Seconds))
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
