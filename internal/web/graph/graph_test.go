package graph_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/franela/pocketci/internal/web/graph"
)

func chain(n int) [][]int {
	after := make([][]int, n)
	for i := 1; i < n; i++ {
		after[i] = []int{i - 1}
	}
	return after
}

// fan is one that all others come after, and a last one that comes after all.
func fan(n int) [][]int {
	after := make([][]int, n+2)
	for i := 1; i <= n; i++ {
		after[i] = []int{0}
		after[n+1] = append(after[n+1], i)
	}
	return after
}

// mixed is nodes that come after any of those before them.
func mixed(n int, seed uint64) [][]int {
	random := rand.New(rand.NewPCG(seed, 1))
	after := make([][]int, n)
	for i := 1; i < n; i++ {
		for range random.IntN(4) {
			after[i] = append(after[i], random.IntN(i))
		}
	}
	return after
}

// check holds a layout to what every one promises.
func check(t *testing.T, after [][]int, l graph.Layout) {
	t.Helper()
	if len(l.Boxes) != len(after) {
		t.Fatalf("%d boxes of %d nodes", len(l.Boxes), len(after))
	}
	for i, a := range l.Boxes {
		if a.X < 0 || a.Y < 0 || a.X+graph.BoxWidth > l.Width || a.Y+graph.BoxHeight > l.Height {
			t.Fatalf("box %d is outside: %+v of %d x %d", i, a, l.Width, l.Height)
		}
		for j, b := range l.Boxes[:i] {
			if a.X < b.X+graph.BoxWidth && b.X < a.X+graph.BoxWidth && a.Y < b.Y+graph.BoxHeight && b.Y < a.Y+graph.BoxHeight {
				t.Fatalf("boxes %d and %d overlap: %+v %+v", i, j, a, b)
			}
		}
	}
	for _, line := range l.Lines {
		from, to := l.Boxes[line.From], l.Boxes[line.To]
		first, last := line.Points[0], line.Points[len(line.Points)-1]
		if from.Level >= to.Level {
			t.Fatalf("line %d to %d leads from level %d to %d", line.From, line.To, from.Level, to.Level)
		}
		if first != (graph.Point{X: from.X + graph.BoxWidth, Y: from.Y + graph.BoxHeight/2}) || last != (graph.Point{X: to.X, Y: to.Y + graph.BoxHeight/2}) {
			t.Fatalf("line %d to %d does not begin and end at its boxes: %v", line.From, line.To, line.Points)
		}
		if len(line.Points)%2 != 0 {
			t.Fatalf("line %d to %d has %d points", line.From, line.To, len(line.Points))
		}
		for i := 1; i < len(line.Points); i++ {
			if line.Points[i].X <= line.Points[i-1].X {
				t.Fatalf("line %d to %d turns back: %v", line.From, line.To, line.Points)
			}
		}
		// Where it passes a level it is straight and goes through no box.
		for i := 1; i+1 < len(line.Points)-1; i += 2 {
			a, b := line.Points[i], line.Points[i+1]
			for n, box := range l.Boxes {
				if a.Y != b.Y || a.X < box.X+graph.BoxWidth && box.X < b.X && box.Y < a.Y && a.Y < box.Y+graph.BoxHeight {
					t.Fatalf("line %d to %d goes through box %d", line.From, line.To, n)
				}
			}
		}
	}
	count := 0
	for level, nodes := range l.Levels {
		count += len(nodes)
		for _, n := range nodes {
			if l.Boxes[n].Level != level {
				t.Fatalf("node %d of level %d is listed at %d", n, l.Boxes[n].Level, level)
			}
		}
	}
	if count != len(after) {
		t.Fatalf("the levels list %d of %d nodes", count, len(after))
	}
	if again := graph.Lay(after); !reflect.DeepEqual(l, again) {
		t.Fatal("the same nodes are laid out otherwise a second time")
	}
}

func TestLay(t *testing.T) {
	t.Parallel()
	diamondAndLong := [][]int{nil, {0}, {0}, {1, 2}, {3}, {0, 4}, {}}
	for name, c := range map[string]struct {
		after  [][]int
		levels int
		lines  int
	}{
		"none":             {nil, 0, 0},
		"one":              {[][]int{nil}, 1, 0},
		"two":              {[][]int{nil, {0}}, 2, 1},
		"side by side":     {make([][]int, 30), 1, 0},
		"chain":            {chain(200), 200, 199},
		"fan":              {fan(198), 3, 396},
		"diamond":          {diamondAndLong, 5, 6},
		"mixed":            {mixed(200, 7), -1, -1},
		"after itself":     {[][]int{{0}}, 1, 0},
		"not there":        {[][]int{{7, -1}}, 1, 0},
		"twice":            {[][]int{nil, {0, 0}}, 2, 1},
		"circle":           {[][]int{{2}, {0}, {1}}, 3, 2},
		"what is implied":  {[][]int{nil, {0}, {0, 1}}, 3, 2},
		"passing":          {[][]int{nil, {0}, {1}, {2}, nil, {4, 3}, {4}, {6}, {7}, {8}}, -1, -1},
		"circle with tail": {[][]int{{1}, {0}, {1}, {2}}, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := graph.Lay(c.after)
			check(t, c.after, l)
			if c.levels >= 0 && len(l.Levels) != c.levels {
				t.Errorf("%d levels, want %d", len(l.Levels), c.levels)
			}
			if c.lines >= 0 && len(l.Lines) != c.lines {
				t.Errorf("%d lines, want %d", len(l.Lines), c.lines)
			}
		})
	}
}

// Two pairs that would cross in the order that they are given in do not.
func TestUntangled(t *testing.T) {
	t.Parallel()
	l := graph.Lay([][]int{nil, nil, {1}, {0}})
	if above := l.Boxes[0].Y < l.Boxes[1].Y; above != (l.Boxes[3].Y < l.Boxes[2].Y) {
		t.Errorf("the lines cross: %+v", l.Boxes)
	}
}

// A chain is a straight line.
func TestStraight(t *testing.T) {
	t.Parallel()
	for _, b := range graph.Lay(chain(20)).Boxes {
		if b.Y != graph.Lay(chain(1)).Boxes[0].Y {
			t.Fatalf("the chain bends at level %d", b.Level)
		}
	}
}

// Many boxes without lines are no tower.
func TestGrid(t *testing.T) {
	t.Parallel()
	l := graph.Lay(make([][]int, 200))
	if l.Width > 1200 || l.Height > 3000 {
		t.Errorf("200 boxes without lines are %d x %d", l.Width, l.Height)
	}
}

func FuzzLay(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 1, 3, 2, 3})
	f.Add([]byte{5, 5, 4, 3, 3, 4})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, pairs []byte) {
		pairs = pairs[:min(len(pairs), 400)]
		nodes := 0
		if len(pairs) > 0 {
			nodes = int(slices.Max(pairs))%64 + 1
		}
		after := make([][]int, nodes)
		for pair := range slices.Chunk(pairs, 2) {
			if len(pair) == 2 {
				n := int(pair[0]) % nodes
				after[n] = append(after[n], int(pair[1])-2)
			}
		}
		check(t, after, graph.Lay(after))
	})
}
