package calllog

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/terminal"
)

// strange is how much is shown of a line that is not one of a log, in bytes.
const strange = 1 << 10

// Query says which lines are looked for. The zero value stands for all of them.
type Query struct {
	// First is the number of the first line that is of interest.
	First int64
	// Before, unless it is 0, has those found that are the last before that number.
	Before int64
	// Count is how many lines are wanted at most. Bytes is how long their texts may be
	// together before there are no more of them.
	Count, Bytes int
	// Step is the id of the step that the lines are of.
	Step string
	// Contains is what the text has, or the name of the step where it starts or ends,
	// without control sequences and in any case.
	Contains string
}

// Find returns the lines that are looked for, the first one first, and whether there are
// more of them. There are none of a step that is not known.
func (l *Log) Find(ctx context.Context, q Query) (found []v1.NumberedLine, more bool, err error) {
	from, to := max(q.First, 1), l.Lines()
	if q.Before > 0 {
		to = min(to, q.Before-1)
	}
	match := newMatcher(q.Contains)
	if q.Step != "" {
		step, ok := l.Step(q.Step)
		if !ok {
			return nil, false, nil
		}
		match.step = &step
		from, to = max(from, step.First), min(to, step.Last)
	}
	if q.Before > 0 {
		return l.back(ctx, q, match, from, to)
	}
	size := 0
	err = l.walk(ctx, from, to, func(n int64, line []byte) error {
		one, ok := match.line(n, line)
		if !ok {
			return nil
		}
		if len(found) == q.Count || size > q.Bytes {
			more = true
			return errStop
		}
		size += len(one.Text)
		found = append(found, one)
		return nil
	})
	if errors.Is(err, errStop) {
		err = nil
	}
	return found, more, err
}

// back finds the last lines from a number up to another one: it looks at one part of the
// log after the other, from the end.
func (l *Log) back(ctx context.Context, q Query, match *matcher, from, to int64) (found []v1.NumberedLine, more bool, err error) {
	size := 0
	for to >= from && !more {
		begin := max(from, (to-1)/markEvery*markEvery+1)
		var part []v1.NumberedLine
		err := l.walk(ctx, begin, to, func(n int64, line []byte) error {
			if one, ok := match.line(n, line); ok {
				part = append(part, one)
			}
			return nil
		})
		if err != nil {
			return nil, false, err
		}
		for _, one := range slices.Backward(part) {
			if len(found) == q.Count || size > q.Bytes {
				more = true
				break
			}
			size += len(one.Text)
			found = append(found, one)
		}
		to = begin - 1
	}
	slices.Reverse(found)
	return found, more, nil
}

// matcher says which lines are looked for.
type matcher struct {
	step *v1.LogStep
	text string // in lower case
	// simple says that the text stands in a line of JSON as it is, unless the line has
	// something else than ASCII or control sequences within.
	simple bool
	lower  []byte
}

func newMatcher(text string) *matcher {
	m := &matcher{text: strings.ToLower(text)}
	m.simple = text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r)
	})
	return m
}

// lacks reports whether a line surely has not what is looked for, without decoding it.
func (m *matcher) lacks(line []byte) bool {
	if !m.simple {
		return false
	}
	m.lower = m.lower[:0]
	for i, b := range line {
		switch {
		case b >= utf8.RuneSelf, b == '\\' && i+1 < len(line) && line[i+1] == 'u':
			return false
		case 'A' <= b && b <= 'Z':
			b += 'a' - 'A'
		}
		m.lower = append(m.lower, b)
	}
	return !bytes.Contains(m.lower, []byte(m.text))
}

func (m *matcher) line(n int64, line []byte) (v1.NumberedLine, bool) {
	if line != nil && m.lacks(line) {
		return v1.NumberedLine{}, false
	}
	if m.step != nil {
		if id, ok := printedBy(line); ok && id != m.step.ID {
			return v1.NumberedLine{}, false
		}
	}
	l, ok := read(line)
	if !ok {
		l = v1.LogLine{State: output, Text: unreadable(line)}
	}
	if m.step != nil && !has(m.step, &l) {
		return v1.NumberedLine{}, false
	}
	if m.text != "" && !contains(l.Text, m.text) && (l.State == output || !contains(l.Step, m.text)) {
		return v1.NumberedLine{}, false
	}
	return v1.NumberedLine{Number: n, LogLine: l}, true
}

func contains(text, lower string) bool {
	return strings.Contains(strings.ToLower(terminal.Strip(text)), lower)
}

// unreadable is what stands for a line that is not one of a log.
func unreadable(line []byte) string {
	if line == nil {
		return "[this line is longer than can be shown]"
	}
	for end := min(len(line), strange); ; end-- {
		if end == len(line) || end == 0 || utf8.RuneStart(line[end]) {
			return strings.ToValidUTF8(string(line[:end]), "\uFFFD")
		}
	}
}

// Lines is how many lines the log has.
func (l *Log) Lines() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines
}

// Ended reports whether nothing will be added to the log.
func (l *Log) Ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// Step returns a step by its id, and false if there is none.
func (l *Log) Step(id string) (v1.LogStep, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if step := l.steps.byID[id]; step != nil {
		return *step, true
	}
	return v1.LogStep{}, false
}

// Steps returns the steps in the order in which they started, how many there are beyond
// them, and the number of the line at which a step failed first, 0 if none has. A step
// whose parent is not known has none.
func (l *Log) Steps() (list []v1.LogStep, more int, failure int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list = make([]v1.LogStep, 0, len(l.steps.list))
	for _, step := range l.steps.list {
		one := *step
		if !l.steps.under(step) {
			one.Parent = ""
		}
		list = append(list, one)
	}
	return list, l.steps.more, l.steps.first
}

// under reports whether a step has a parent that is not, by itself or by others, a part
// of the step: such circles are cut.
func (s *steps) under(step *v1.LogStep) bool {
	up := s.byID[step.Parent]
	for range 200 {
		switch {
		case up == nil:
			return s.byID[step.Parent] != nil
		case up == step:
			return false
		}
		up = s.byID[up.Parent]
	}
	return false
}
