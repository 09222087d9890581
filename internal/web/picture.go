package web

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/franela/pocketci/internal/web/graph"
)

// pictureLimit is how many calls are drawn at most. More of them are only listed.
const pictureLimit = 300

// picture is a plan as a graph.
type picture struct {
	Width, Height int
	Boxes         []pictureBox
	Lines         []pictureLine
}

// pictureBox is a call.
type pictureBox struct {
	*callRow
	X, Y int
	// Name and Under are what fits in.
	Name, Under string
	// Label says everything to who does not see the picture.
	Label string
}

// pictureLine leads to a call from one before it.
type pictureLine struct {
	// Path is for the attribute d.
	Path string
	// Done says that the call before has succeeded.
	Done bool
}

// nameRoom and underRoom are how many characters fit into a box.
const nameRoom, underRoom = 23, 27

// draw makes the picture of calls, and lists them by level.
func draw(calls []callRow, after [][]int) (*picture, [][]*callRow) {
	if len(calls) == 0 {
		return nil, nil
	}
	l := graph.Lay(after)
	levels := make([][]*callRow, len(l.Levels))
	for i, level := range l.Levels {
		for _, n := range level {
			levels[i] = append(levels[i], &calls[n])
		}
	}
	if len(calls) > pictureLimit {
		return nil, levels
	}
	p := &picture{Width: l.Width, Height: l.Height}
	for _, line := range l.Lines {
		p.Lines = append(p.Lines, pictureLine{bend(line.Points), calls[line.From].State == "succeeded"})
	}
	for i, level := range levels {
		for _, c := range level {
			b := l.Boxes[c.index]
			p.Boxes = append(p.Boxes, pictureBox{
				callRow: c, X: b.X, Y: b.Y, Name: fit(clear(cmp.Or(c.Function, "module "+c.Module)), nameRoom), Under: fit(c.under(), underRoom), Label: c.label(i, len(levels)),
			})
		}
	}
	return p, levels
}

// bend is a line that leaves and enters boxes level.
func bend(points []graph.Point) string {
	var b strings.Builder
	fmt.Fprintf(&b, "M%d %d", points[0].X, points[0].Y)
	for i := 1; i < len(points); i++ {
		from, to := points[i-1], points[i]
		if i%2 == 0 || from.Y == to.Y {
			fmt.Fprintf(&b, "H%d", to.X)
			continue
		}
		middle := (from.X + to.X) / 2
		fmt.Fprintf(&b, "C%d %d %d %d %d %d", middle, from.Y, middle, to.Y, to.X, to.Y)
	}
	return b.String()
}

// under is the second line of a box.
func (c *callRow) under() string {
	parts := []string{}
	switch {
	case c.Span.Begun() && c.Span.Ended():
		parts = append(parts, c.Span.Text())
	case c.State != "":
		parts = append(parts, stateOf(c.State).Word)
	}
	if c.RunsOn != "" {
		parts = append(parts, "on "+clear(c.RunsOn))
	}
	if c.Module != "" && c.Function != "" {
		parts = append(parts, clear(c.Module))
	}
	return strings.Join(parts, " · ")
}

func (c *callRow) label(level, levels int) string {
	parts := []string{clear(c.Function) + " of " + clear(c.Module)}
	if c.Function == "" {
		parts[0] = "module " + clear(c.Module)
	}
	if c.State != "" {
		parts = append(parts, stateOf(c.State).Word)
	}
	if c.Span.Begun() && c.Span.Ended() {
		parts = append(parts, c.Span.Text())
	}
	if c.RunsOn != "" {
		parts = append(parts, "on runner "+clear(c.RunsOn))
	}
	if levels > 1 {
		parts = append(parts, fmt.Sprintf("level %d of %d", level+1, levels))
	}
	for i, b := range c.Before {
		if i == 5 {
			parts = append(parts, fmt.Sprintf("and %d more", len(c.Before)-i))
			break
		}
		parts = append(parts, "after "+clear(b.Function))
	}
	return strings.Join(parts, ", ")
}

// fit cuts a text to so many characters. Those of East Asia take the room of two.
func fit(text string, room int) string {
	used := 0
	cut := 0
	for i, r := range text {
		wide := 1
		if r >= 0x1100 {
			wide = 2
		}
		if used+wide <= room-1 {
			cut = i + len(string(r))
		}
		if used += wide; used > room {
			return text[:cut] + "…"
		}
	}
	return text
}
