package calllog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

const (
	// maxSteps is how many steps of a log are told apart.
	maxSteps = 10_000
	// maxError is how much of the error of a step is kept, in bytes.
	maxError = 2 << 10
)

// The states of a log's lines. A step whose end is not in the log is running.
const (
	started = "started"
	failed  = "failed"
	output  = "output"
	running = "running"
)

// steps are the steps of a log.
type steps struct {
	list []*v1.LogStep
	byID map[string]*v1.LogStep
	// byName are those without ids of their own, the latest of each name.
	byName map[string]*v1.LogStep
	// more are lines that say that a step starts which is not told apart.
	more int
	// first is the line at which a step failed first, 0 if none has.
	first int64
	size  int
}

func newSteps() steps {
	return steps{byID: map[string]*v1.LogStep{}, byName: map[string]*v1.LogStep{}}
}

// add takes a line into account.
func (s *steps) add(number int64, line []byte) {
	if id, ok := printedBy(line); ok {
		if step := s.byID[id]; step != nil {
			step.Lines++
			step.Last = number
		}
		return
	}
	l, ok := read(line)
	if !ok {
		return
	}
	step := s.of(&l)
	if step == nil {
		return
	}
	if step.First == 0 {
		step.First = number
	}
	step.Last = number
	if l.State == output {
		step.Lines++
		return
	}
	if l.Parent != "" && l.Parent != step.ID {
		step.Parent = l.Parent
	}
	if l.State == started {
		return
	}
	if step.State == running {
		step.State, step.Seconds, step.Ended = l.State, l.Seconds, number
	}
	if l.State != failed {
		return
	}
	if s.first == 0 {
		s.first = number
	}
	room := maxError - len(step.Error)
	text := strings.ToValidUTF8(l.Text[:min(len(l.Text), max(0, room))], "")
	step.Error += text
	s.size += len(text)
}

// of finds the step of a line, and makes it known. It is nil for lines of no step.
func (s *steps) of(l *v1.LogLine) *v1.LogStep {
	if l.StepID != "" {
		if step := s.byID[l.StepID]; step != nil {
			return step
		}
		return s.begin(l, l.StepID)
	}
	if l.Step == "" {
		return nil
	}
	// Logs of old agents tell steps apart by their names alone.
	if step := s.byName[l.Step]; step != nil && (l.State != started || step.State == running) {
		return step
	}
	step := s.begin(l, fmt.Sprintf("n%d", len(s.list)+1))
	if step != nil {
		s.byName[step.Name] = step
	}
	return step
}

func (s *steps) begin(l *v1.LogLine, id string) *v1.LogStep {
	if len(s.list) >= maxSteps {
		if l.State == started {
			s.more++
		}
		return nil
	}
	step := &v1.LogStep{ID: strings.Clone(id), Name: strings.Clone(l.Step), State: running, Started: l.Time}
	if l.State != started && l.Seconds > 0 {
		step.Started = l.Time.Add(-time.Duration(l.Seconds * float64(time.Second)))
	}
	s.list = append(s.list, step)
	s.byID[step.ID] = step
	s.size += 256 + len(step.Name) + 2*len(step.ID)
	return step
}

// has reports whether a line is of a step.
func has(step *v1.LogStep, l *v1.LogLine) bool {
	if l.StepID != "" {
		return l.StepID == step.ID
	}
	return l.Step == step.Name && strings.HasPrefix(step.ID, "n")
}

// Beginnings of lines as agents write them: the fields stand in this order, and neither
// times nor ids have characters that are escaped.
var (
	beginning = []byte(`{"time":"`)
	prints    = []byte(`,"state":"output","step_id":"`)
)

// printedBy is the id of the step that printed a line. It looks at the beginning of the
// line alone, and reports false if that is not as agents write it for most lines.
func printedBy(line []byte) (id string, ok bool) {
	rest, ok := bytes.CutPrefix(line, beginning)
	if !ok {
		return "", false
	}
	i := bytes.IndexByte(rest, '"')
	if i < 0 || i > 40 {
		return "", false
	}
	if rest, ok = bytes.CutPrefix(rest[i+1:], prints); !ok {
		return "", false
	}
	i = bytes.IndexByte(rest, '"')
	if i <= 0 || i > 20 || bytes.IndexByte(rest[:i], '\\') >= 0 {
		return "", false
	}
	return string(rest[:i]), true
}

// read reads a line, and reports false if it is not one of a log.
func read(line []byte) (l v1.LogLine, ok bool) {
	if line == nil || json.Unmarshal(line, &l) != nil || l.State == "" {
		return v1.LogLine{}, false
	}
	return l, true
}
