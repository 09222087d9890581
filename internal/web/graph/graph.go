// Package graph lays out what depends on what, from the left to the right, for a picture.
package graph

import (
	"cmp"
	"slices"
)

// Node is one of the things that depend on others.
type Node struct {
	ID string
	// After are the ids of those that come before it. What is not among the nodes
	// does not count, and neither does what would close a circle.
	After []string
}

// The measures of the picture.
const (
	// Width and Height are those of a box.
	Width, Height = 188, 44
	// Gap is how far boxes of a column are apart, Between how far columns are.
	Gap, Between = 12, 48
	// Margin is the room around all.
	Margin = 6
)

// Box is where a node is.
type Box struct {
	// Node is its index among those that were given, Level its column.
	Node, Level int
	// X and Y are its left upper corner.
	X, Y int
}

// Edge leads from the right side of one box to the left side of another, which is in a
// later column.
type Edge struct {
	// From and To are the indexes of the nodes.
	From, To       int
	X1, Y1, X2, Y2 int
}

// Picture is a layout.
type Picture struct {
	Width, Height int
	// Boxes are by column, from above in each; Levels is how many columns there are.
	Boxes  []Box
	Edges  []Edge
	Levels int
}

// rounds is how often the order of each column is mended by that of its neighbours.
const rounds = 8

// Layout places nodes: each in the first column behind all that it comes after, and the
// columns in an order that has few edges cross. The same nodes are always placed alike.
func Layout(nodes []Node) Picture {
	index := make(map[string]int, len(nodes))
	for i, n := range nodes {
		if _, twice := index[n.ID]; !twice {
			index[n.ID] = i
		}
	}
	before := make([][]int, len(nodes))
	for i, n := range nodes {
		for _, id := range n.After {
			if j, known := index[id]; known && j != i && !slices.Contains(before[i], j) {
				before[i] = append(before[i], j)
			}
		}
	}
	levels := levelsOf(before)
	columns := columnsOf(levels)
	for range rounds {
		if !untangle(columns, before) {
			break
		}
	}
	return place(columns, before)
}

// levelsOf is the column of each node: one more than that of the last one before it. An
// edge that closes a circle is removed from before.
func levelsOf(before [][]int) []int {
	const open = -1
	levels := make([]int, len(before)) // 0 is not looked at, columns count from 1
	// Not by recursion: chains can be long.
	for first := range before {
		stack := []int{first}
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			if levels[i] > 0 {
				stack = stack[:len(stack)-1]
				continue
			}
			waits := false
			level := 1
			if levels[i] != open {
				before[i] = slices.DeleteFunc(before[i], func(j int) bool { return levels[j] == open })
			}
			levels[i] = open
			for _, j := range before[i] {
				if levels[j] <= 0 {
					stack, waits = append(stack, j), true
				}
				level = max(level, levels[j]+1)
			}
			if waits {
				// Those that it waits for may wait for one another.
				if levels[stack[len(stack)-1]] == open {
					j := stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					before[i] = slices.DeleteFunc(before[i], func(k int) bool { return k == j })
				}
				continue
			}
			levels[i] = level
			stack = stack[:len(stack)-1]
		}
	}
	for i := range levels {
		levels[i]--
	}
	return levels
}

func columnsOf(levels []int) [][]int {
	var columns [][]int
	for i, level := range levels {
		for len(columns) <= level {
			columns = append(columns, nil)
		}
		columns[level] = append(columns[level], i)
	}
	return columns
}

// untangle orders each column by the middle of what comes before, and reports whether
// that changed anything.
func untangle(columns [][]int, before [][]int) bool {
	at := make([]float64, len(before))
	for _, column := range columns {
		for row, i := range column {
			at[i] = float64(row) / float64(len(column))
		}
	}
	changed := false
	for _, column := range columns[min(1, len(columns)):] {
		middle := func(i int) float64 {
			sum := 0.0
			for _, j := range before[i] {
				sum += at[j]
			}
			return sum / float64(len(before[i]))
		}
		was := slices.Clone(column)
		slices.SortStableFunc(column, func(a, b int) int { return cmp.Compare(middle(a), middle(b)) })
		changed = changed || !slices.Equal(was, column)
		for row, i := range column {
			at[i] = float64(row) / float64(len(column))
		}
	}
	return changed
}

func place(columns [][]int, before [][]int) Picture {
	p := Picture{Levels: len(columns), Boxes: make([]Box, 0, len(before))}
	at := make([]Box, len(before))
	for level, column := range columns {
		for row, i := range column {
			at[i] = Box{Node: i, Level: level, X: Margin + level*(Width+Between), Y: Margin + row*(Height+Gap)}
			p.Boxes = append(p.Boxes, at[i])
			p.Width, p.Height = max(p.Width, at[i].X+Width+Margin), max(p.Height, at[i].Y+Height+Margin)
		}
	}
	for i := range before {
		for _, j := range before[i] {
			p.Edges = append(p.Edges, Edge{j, i, at[j].X + Width, at[j].Y + Height/2, at[i].X, at[i].Y + Height/2})
		}
	}
	return p
}
