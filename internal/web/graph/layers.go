package graph

import (
	"cmp"
	"slices"
)

// spot is a box or the place at which a line passes a level.
type spot struct {
	// node is the box's, -1 for a passing line.
	node int
	// left and right are spots of the levels beside.
	left, right []*spot
	level, at   int
	// y is the middle.
	y      int
	height int
}

// layers are the spots by level, from top to bottom.
type layers struct {
	levels [][]*spot
	lines  []way
}

// way is a line by the spots on it.
type way []*spot

func layersOf(nodes []int, before [][]int, levels []int) *layers {
	ls := &layers{}
	spots := make([]*spot, len(before))
	add := func(s *spot) *spot {
		for len(ls.levels) <= s.level {
			ls.levels = append(ls.levels, nil)
		}
		s.at = len(ls.levels[s.level])
		ls.levels[s.level] = append(ls.levels[s.level], s)
		return s
	}
	for _, n := range nodes {
		spots[n] = add(&spot{node: n, level: levels[n], height: BoxHeight})
	}
	for _, n := range nodes {
		for _, f := range before[n] {
			line := way{spots[f]}
			for level := levels[f] + 1; level < levels[n]; level++ {
				line = append(line, add(&spot{node: -1, level: level, height: lane}))
			}
			line = append(line, spots[n])
			for i, s := range line[1:] {
				line[i].right, s.left = append(line[i].right, s), append(s.left, line[i])
			}
			ls.lines = append(ls.lines, line)
		}
	}
	return ls
}

// sweeps is how often the levels are gone through, to the right and back.
const sweeps = 8

// untangle orders the spots of each level so that few lines cross.
func (ls *layers) untangle() {
	best, fewest := ls.order(), ls.crossings()
	for range sweeps {
		for i := 1; i < len(ls.levels); i++ {
			sortByMiddle(ls.levels[i], func(s *spot) []*spot { return s.left })
		}
		for i := len(ls.levels) - 2; i >= 0; i-- {
			sortByMiddle(ls.levels[i], func(s *spot) []*spot { return s.right })
		}
		if n := ls.crossings(); n < fewest {
			best, fewest = ls.order(), n
		}
	}
	for i, level := range best {
		ls.levels[i] = level
		for at, s := range level {
			s.at = at
		}
	}
}

// order is a copy of the present one.
func (ls *layers) order() [][]*spot {
	order := make([][]*spot, len(ls.levels))
	for i, level := range ls.levels {
		order[i] = slices.Clone(level)
	}
	return order
}

// sortByMiddle sorts a level by the mean place of what each of its spots is tied to. One
// that is tied to nothing keeps about its own.
func sortByMiddle(level []*spot, tied func(*spot) []*spot) {
	middle := make(map[*spot]float64, len(level))
	for _, s := range level {
		others := tied(s)
		if len(others) == 0 {
			middle[s] = float64(s.at)
			continue
		}
		for _, o := range others {
			middle[s] += float64(o.at)
		}
		middle[s] /= float64(len(others))
	}
	slices.SortStableFunc(level, func(a, b *spot) int { return cmp.Compare(middle[a], middle[b]) })
	for at, s := range level {
		s.at = at
	}
}

// crossings counts how often lines cross.
func (ls *layers) crossings() int {
	n := 0
	for i := range len(ls.levels) - 1 {
		var ends []int
		for _, s := range ls.levels[i] {
			own := make([]int, 0, len(s.right))
			for _, r := range s.right {
				own = append(own, r.at)
			}
			slices.Sort(own)
			ends = append(ends, own...)
		}
		n += inversions(ends, len(ls.levels[i+1]))
	}
	return n
}

// inversions counts the pairs of which the greater one, below limit, comes first.
func inversions(list []int, limit int) int {
	// A tree of sums: how many so far are at most so great.
	tree := make([]int, limit+1)
	n := 0
	for seen, v := range list {
		smaller := 0
		for i := v + 1; i > 0; i -= i & -i {
			smaller += tree[i]
		}
		n += seen - smaller
		for i := v + 1; i <= limit; i += i & -i {
			tree[i]++
		}
	}
	return n
}
