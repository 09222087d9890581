// Package graph lays out what comes after what: boxes in levels from left to right,
// and lines between them. It knows neither what the boxes are nor how they are drawn.
package graph

import "slices"

// Sizes of a layout, in the units of its coordinates. Box has room for two lines of small
// text.
const (
	BoxWidth  = 216
	BoxHeight = 44
	// gapX is the room between two levels, in which lines bend, gapY that between two
	// boxes of one.
	gapX, gapY = 48, 12
	// lane is the room for a line that passes a level between its boxes.
	lane = 8
	// margin is around everything, so that thick strokes and focus rings are not cut.
	margin = 4
	// gridColumns is how many boxes without lines stand side by side, unless the
	// levels are wider.
	gridColumns = 4
)

// Layout is where everything is. The same input gives the same layout.
type Layout struct {
	Width, Height int
	// Boxes are in the order of the nodes.
	Boxes []Box
	// Lines are those that are not implied by others: if c comes after b and b after
	// a, there is none from a to c.
	Lines []Line
	// Levels are the nodes by level, from top to bottom.
	Levels [][]int
}

// Box is a node's place. It is BoxWidth wide and BoxHeight high.
type Box struct {
	X, Y int
	// Level is how many nodes come before it at least, one after the other.
	Level int
}

// Line leads from a node to one that comes after it.
type Line struct {
	From, To int
	// Points are from the right side of one box to the left side of the other. Between
	// the second and the third, the fourth and the fifth and so on, it passes a level
	// straight; in between it bends.
	Points []Point
}

// Point is a place.
type Point struct{ X, Y int }

// Lay lays out nodes, each given by the nodes that it comes after. Those that there are
// not, and circles, are left out of the picture as if they were not asked for.
func Lay(after [][]int) Layout {
	before := proper(after)
	levels := levelsOf(before)
	before = reduce(before, levels)
	next := make([][]int, len(before))
	for to, from := range before {
		for _, f := range from {
			next[f] = append(next[f], to)
		}
	}
	var alone, tied []int
	for n := range before {
		if len(before[n]) == 0 && len(next[n]) == 0 {
			alone = append(alone, n)
		} else {
			tied = append(tied, n)
		}
	}
	l := Layout{Boxes: make([]Box, len(before))}
	for n := range before {
		l.Boxes[n].Level = levels[n]
	}
	height := margin
	if len(tied) > 0 {
		ls := layersOf(tied, before, levels)
		ls.untangle()
		ls.place()
		height = ls.draw(&l)
	}
	l.grid(alone, height)
	l.finish()
	return l
}

// grid puts boxes without lines side by side below everything else.
func (l *Layout) grid(alone []int, top int) {
	columns := gridColumns
	for _, b := range l.Boxes {
		columns = max(columns, b.Level+1)
	}
	for i, n := range alone {
		l.Boxes[n].X, l.Boxes[n].Y = columnX(i%columns), top+i/columns*(BoxHeight+gapY)
	}
}

// finish measures the layout and lists its levels.
func (l *Layout) finish() {
	for n, b := range l.Boxes {
		l.Width, l.Height = max(l.Width, b.X+BoxWidth+margin), max(l.Height, b.Y+BoxHeight+margin)
		for len(l.Levels) <= b.Level {
			l.Levels = append(l.Levels, nil)
		}
		l.Levels[b.Level] = append(l.Levels[b.Level], n)
	}
	for _, line := range l.Lines {
		for _, p := range line.Points {
			l.Height = max(l.Height, p.Y+margin)
		}
	}
	for _, level := range l.Levels {
		slices.SortStableFunc(level, func(a, b int) int {
			if y := l.Boxes[a].Y - l.Boxes[b].Y; y != 0 {
				return y
			}
			return l.Boxes[a].X - l.Boxes[b].X
		})
	}
}

func columnX(level int) int { return margin + level*(BoxWidth+gapX) }
