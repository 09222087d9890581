package web

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

const (
	// shownSteps is how many steps are shown; of more, those that failed and what is
	// around them come first.
	shownSteps = 1000
	// openSteps is how many steps come with lines, so that a page stays small.
	openSteps = 5
	// barSteps is how many steps the timeline has.
	barSteps = 200
)

// callTree is the steps of an attempt.
type callTree struct {
	Roots []*callStep
	// More is how many steps are not shown.
	More int
	// Bars are the timeline, Height its height and Length what it spans.
	Bars   []callBar
	Height int
	Length time.Duration
	// Ended says that there will be no more of it.
	Ended bool
}

// callStep is a step with those that are a part of it.
type callStep struct {
	v1.LogStep
	// Prefix keeps the ids of two logs on a page apart.
	Prefix string
	Parts  []*callStep
	// State is that of the step for people: a step whose end the log does not tell was
	// stopped if the attempt has ended.
	Shown string
	// Open says that it is to be unfolded, Rows that its lines are there.
	Open  bool
	Lines *stepLinesPart
	// Load is where its lines are to be asked for.
	Load string
	// Order leads to its lines on a page of their own.
	Order string
}

// ID is the id of its element.
func (s *callStep) Key() string { return s.Prefix + s.ID }

// Took is how long it took, or takes.
func (s *callStep) Took() timespan {
	t := timespan{From: s.Started}
	switch {
	case s.Shown == "running":
	case s.Seconds > 0:
		t.To = s.Started.Add(secondsOf(s.Seconds))
	default:
		t.To = s.Started
	}
	return t
}

// Has reports whether there is something to unfold.
func (s *callStep) Has() bool {
	return len(s.Parts) > 0 || s.LogStep.Lines > 0 || s.Error != "" || s.Shown == "running"
}

// stepLinesPart is a part of the lines of a step: the last ones before some line.
type stepLinesPart struct {
	Rows []logRow
	// Earlier is where those before are, as a page, and Load as a part for the script.
	Earlier, Load string
}

// callBar is a step in the timeline, in parts of a thousand.
type callBar struct {
	Key, Name, Title string
	State            stateView
	X, Y, Width      int
}

// shownState is how a step stands for people.
func shownState(s *v1.LogStep, ended bool) string {
	switch {
	case s.State == "done":
		return "succeeded"
	case s.State == "running" && ended:
		return "aborted"
	}
	return s.State
}

// callSteps is the log of an attempt by step. Main says that it is the one that the page is
// of; what is beside it has no lines until somebody unfolds a step.
func (v *visit) callSteps(ref *callRef, main bool) (*callLog, error) {
	out := v.base(ref)
	out.Steps = &callTree{}
	if out.Gone {
		return out, nil
	}
	steps, err := v.api.LogSteps(v.ctx(), ref.call.ID, ref.attempt)
	if err != nil {
		return nil, err
	}
	out.Total, out.Ended = steps.Total, steps.Ended
	prefix := "s"
	if !main {
		prefix = "a" + strconv.Itoa(ref.attempt) + "-s"
	}
	out.Steps = newTree(ref, &steps, prefix)
	out.Failure = ref.failure(steps.Failure)
	if !main {
		return out, nil
	}
	out.Live = ref.live(viewSteps, steps.Total+1)
	filled := 0
	err = out.Steps.each(func(s *callStep) error {
		if !s.Open || s.LogStep.Lines == 0 || filled == openSteps {
			return nil
		}
		filled++
		var err error
		s.Lines, err = v.stepPart(ref, s.ID, steps.Total+1)
		return err
	})
	return out, err
}

// each calls f for all steps, a step before its parts.
func (t *callTree) each(f func(*callStep) error) error {
	var walk func(list []*callStep) error
	walk = func(list []*callStep) error {
		for _, s := range list {
			if err := f(s); err != nil {
				return err
			}
			if err := walk(s.Parts); err != nil {
				return err
			}
		}
		return nil
	}
	return walk(t.Roots)
}

// newStep is a step without its parts.
func newStep(ref *callRef, one *v1.LogStep, prefix string, ended bool) *callStep {
	s := &callStep{LogStep: *one, Prefix: prefix, Shown: shownState(one, ended)}
	s.Open = s.Shown == "running" || s.Shown == "failed"
	s.Order = ref.path("", "view", viewOrder, "step", s.ID)
	s.Load = ref.path("/lines", "attempt", strconv.Itoa(ref.attempt), "step", s.ID)
	return s
}

// newTree puts steps into each other.
func newTree(ref *callRef, steps *v1.LogSteps, prefix string) *callTree {
	t := &callTree{More: steps.More, Ended: steps.Ended}
	list := chosen(steps.Steps)
	t.More += len(steps.Steps) - len(list)
	byID := map[string]*callStep{}
	all := make([]*callStep, 0, len(list))
	for i := range list {
		s := newStep(ref, &list[i], prefix, steps.Ended)
		if a := ref.at(ref.attempt); s.Shown == "aborted" && a != nil && a.EndedAt != nil {
			s.Seconds = max(0, a.EndedAt.Sub(s.Started).Seconds())
		}
		byID[s.ID] = s
		all = append(all, s)
	}
	for _, s := range all {
		if up := byID[s.Parent]; up != nil {
			up.Parts = append(up.Parts, s)
		} else {
			t.Roots = append(t.Roots, s)
		}
	}
	t.draw()
	return t
}

// chosen are the steps that are shown, in their order: of too many, those that failed or
// run, with what is around them, and then the first ones.
func chosen(steps []v1.LogStep) []v1.LogStep {
	if len(steps) <= shownSteps {
		return steps
	}
	index := map[string]int{}
	for i := range steps {
		index[steps[i].ID] = i
	}
	keep := map[int]bool{}
	take := func(i int) {
		for ok := true; ok && !keep[i] && len(keep) < shownSteps; i, ok = index[steps[i].Parent] {
			keep[i] = true
		}
	}
	for i := range steps {
		if steps[i].State == "failed" || steps[i].State == "running" {
			take(i)
		}
	}
	for i := range steps {
		take(i)
	}
	var list []v1.LogStep
	for i := range steps {
		if keep[i] {
			list = append(list, steps[i])
		}
	}
	return list
}

// barHeight is how high a step is in the timeline.
const barHeight = 8

// draw makes the timeline.
func (t *callTree) draw() {
	var begin, end time.Time
	_ = t.each(func(s *callStep) error {
		took := s.Took()
		to := took.To
		if !took.Ended() {
			to = time.Now()
		}
		if begin.IsZero() || s.Started.Before(begin) {
			begin = s.Started
		}
		if to.After(end) {
			end = to
		}
		return nil
	})
	t.Length = end.Sub(begin)
	if t.Length <= 0 {
		return
	}
	share := func(d time.Duration) int { return int(min(1000, max(0, 1000*d.Seconds()/t.Length.Seconds()))) }
	_ = t.each(func(s *callStep) error {
		if len(t.Bars) == barSteps {
			return nil
		}
		took := s.Took()
		to := took.To
		if !took.Ended() {
			to = end
		}
		view := stateOf(s.Shown)
		bar := callBar{Key: s.Key(), Name: stepName(s.Name), State: view, X: min(997, share(s.Started.Sub(begin))), Y: len(t.Bars) * barHeight}
		bar.Width = max(3, share(to.Sub(begin))-bar.X)
		bar.Title = stepName(s.Name) + ": " + view.Word + ", " + took.Text() + ", after " + duration(s.Started.Sub(begin))
		t.Bars = append(t.Bars, bar)
		return nil
	})
	t.Height = len(t.Bars) * barHeight
}

// stepPart is the last lines of a step before a number.
func (v *visit) stepPart(ref *callRef, id string, before int64) (*stepLinesPart, error) {
	f := client.LineFilter{Attempt: ref.attempt, Before: cmp.Or(before, 1<<62), Count: stepLines, Step: id}
	lines, err := v.api.LogLines(v.ctx(), ref.call.ID, f)
	if err != nil {
		return nil, err
	}
	part := &stepLinesPart{}
	if lines.More {
		first := lines.Lines[0].Number
		part.Load = ref.path("/lines", "attempt", strconv.Itoa(ref.attempt), "step", id, "before", strconv.FormatInt(first, 10))
		part.Earlier = ref.path("", "view", viewOrder, "step", id)
	}
	part.Rows = newRows(slices.DeleteFunc(lines.Lines, func(l v1.NumberedLine) bool { return l.State != "output" }))
	return part, nil
}
