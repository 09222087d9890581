package engine

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/franela/pocketci/modules"
)

// lines reports the complete lines of a span's output.
func (c *callTrace) lines(s *span) {
	for _, h := range s.held {
		buf := &s.output[h.stream]
		buf.WriteString(h.text)
		text := buf.String()
		end := strings.LastIndexByte(text, '\n')
		if end < 0 && len(text) < maxLine {
			continue
		}
		if end < 0 {
			// What stays behind may be the beginning of a secret.
			text = c.mask(text)
			if end = len(text) - maxLine/2; end <= 0 {
				buf.Reset()
				buf.WriteString(text)
				continue
			}
			for end < len(text) && !utf8.RuneStart(text[end]) {
				end++
			}
		}
		rest, whole := strings.CutPrefix(text[end:], "\n")
		c.print(s, h.at, text[:end], !whole)
		buf.Reset()
		buf.WriteString(rest)
	}
	s.held = nil
}

// print reports output under the step that it belongs to: the span's own or
// the nearest around it. What hidden spans print, such as an SDK that builds
// the module, stays hidden with them.
func (c *callTrace) print(s *span, at time.Time, text string, open bool) {
	if s.known && c.buried(s) {
		return
	}
	step := s
	for depth := 0; depth < maxAround && step != nil && (!step.known || !c.visible(step)); depth++ {
		step = c.spans[step.parent]
	}
	out := modules.Step{Time: at, State: modules.StepOutput, Text: text, Open: open}
	if step != nil {
		c.start(step, step.start)
		out.ID, out.Name = step.step(), step.name
	}
	c.queue.add(out)
}

// rest reports what was printed without a newline at its end.
func (c *callTrace) rest(s *span) {
	for i := range s.output {
		if s.output[i].Len() > 0 {
			c.print(s, time.Now(), s.output[i].String(), true)
			s.output[i].Reset()
		}
	}
}
