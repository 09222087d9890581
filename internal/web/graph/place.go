package graph

import "math"

// place gives each spot its height: near the middle of what it is tied to, so that lines
// are straight where they can be, and far enough from the others of its level.
func (ls *layers) place() {
	for _, level := range ls.levels {
		y := 0
		for i, s := range level {
			if i > 0 {
				y += apart(level[i-1], s)
			}
			s.y = y
		}
	}
	for range sweeps {
		for i := 1; i < len(ls.levels); i++ {
			settle(ls.levels[i], func(s *spot) []*spot { return s.left })
		}
		for i := len(ls.levels) - 2; i >= 0; i-- {
			settle(ls.levels[i], func(s *spot) []*spot { return s.right })
		}
	}
}

// apart is how far the middles of two neighbours of a level are apart at least.
func apart(a, b *spot) int { return (a.height+b.height)/2 + gapY }

// settle moves the spots of a level as little away from where they would like to be as
// their order and distance allow, by least squares: spots that would push each other
// move as one block to the mean of where they want to be.
func settle(level []*spot, tied func(*spot) []*spot) {
	type block struct {
		sum   float64
		count int
	}
	mean := func(b block) float64 { return b.sum / float64(b.count) }
	var blocks []block
	offsets := make([]int, len(level))
	for i, s := range level {
		if i > 0 {
			offsets[i] = offsets[i-1] + apart(level[i-1], s)
		}
		wish := float64(s.y)
		if others := tied(s); len(others) > 0 {
			wish = 0
			for _, o := range others {
				wish += float64(o.y)
			}
			wish /= float64(len(others))
		}
		blocks = append(blocks, block{wish - float64(offsets[i]), 1})
		for n := len(blocks); n > 1 && mean(blocks[n-2]) >= mean(blocks[n-1]); n-- {
			blocks[n-2].sum += blocks[n-1].sum
			blocks[n-2].count += blocks[n-1].count
			blocks = blocks[:n-1]
		}
	}
	at := 0
	for _, b := range blocks {
		// Rounding keeps the order of blocks, and with it the distances.
		from := int(math.Round(mean(b)))
		for range b.count {
			level[at].y = from + offsets[at]
			at++
		}
	}
}

// draw writes the boxes and lines into a layout, and returns where there is room below
// them.
func (ls *layers) draw(l *Layout) (below int) {
	top := math.MaxInt
	for _, level := range ls.levels {
		for _, s := range level {
			top = min(top, s.y-s.height/2)
		}
	}
	for _, level := range ls.levels {
		for _, s := range level {
			s.y += margin - top
			below = max(below, s.y+s.height/2+gapY)
			if s.node >= 0 {
				l.Boxes[s.node].X, l.Boxes[s.node].Y = columnX(s.level), s.y-BoxHeight/2
			}
		}
	}
	for _, w := range ls.lines {
		line := Line{From: w[0].node, To: w[len(w)-1].node}
		for i, s := range w {
			if i > 0 {
				line.Points = append(line.Points, Point{columnX(s.level), s.y})
			}
			if i < len(w)-1 {
				line.Points = append(line.Points, Point{columnX(s.level) + BoxWidth, s.y})
			}
		}
		l.Lines = append(l.Lines, line)
	}
	return below
}
