package graph

import "slices"

// proper returns what each node comes after, sorted, without what is not there, what is
// there twice, and what would close a circle.
func proper(after [][]int) [][]int {
	before := make([][]int, len(after))
	for n, from := range after {
		for _, f := range from {
			if f >= 0 && f < len(after) && f != n {
				before[n] = append(before[n], f)
			}
		}
		slices.Sort(before[n])
		before[n] = slices.Compact(before[n])
	}
	const unseen, open, done = 0, 1, 2
	state := make([]int, len(before))
	// Chains may be long, so that this keeps its own stack.
	type step struct{ node, at int }
	for root := range before {
		if state[root] != unseen {
			continue
		}
		stack := []step{{root, 0}}
		state[root] = open
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.at == len(before[top.node]) {
				state[top.node] = done
				stack = stack[:len(stack)-1]
				continue
			}
			switch f := before[top.node][top.at]; state[f] {
			case open: // a circle
				before[top.node] = slices.Delete(before[top.node], top.at, top.at+1)
			case unseen:
				state[f] = open
				top.at++
				stack = append(stack, step{f, 0})
			default:
				top.at++
			}
		}
	}
	return before
}

// levelsOf returns for each node the length of the longest way to it.
func levelsOf(before [][]int) []int {
	levels := make([]int, len(before))
	for _, n := range inOrder(before) {
		for _, f := range before[n] {
			levels[n] = max(levels[n], levels[f]+1)
		}
	}
	return levels
}

// inOrder returns all nodes, each behind those that it comes after.
func inOrder(before [][]int) []int {
	next, missing := make([][]int, len(before)), make([]int, len(before))
	order := make([]int, 0, len(before))
	for n, from := range before {
		missing[n] = len(from)
		if len(from) == 0 {
			order = append(order, n)
		}
		for _, f := range from {
			next[f] = append(next[f], n)
		}
	}
	for at := 0; at < len(order); at++ {
		for _, n := range next[order[at]] {
			if missing[n]--; missing[n] == 0 {
				order = append(order, n)
			}
		}
	}
	return order
}

// reduce leaves out what is implied: that a node comes after another if it comes after
// one that does.
func reduce(before [][]int, levels []int) [][]int {
	reduced := make([][]int, len(before))
	seen := make([]int, len(before))
	for n, from := range before {
		lowest := levels[n]
		for _, f := range from {
			lowest = min(lowest, levels[f])
		}
		// What is reached from its direct ones is implied; nothing below the lowest
		// of them can be one.
		stack := slices.Clone(from)
		for len(stack) > 0 {
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for _, f := range before[top] {
				if seen[f] != n+1 && levels[f] >= lowest {
					seen[f] = n + 1
					stack = append(stack, f)
				}
			}
		}
		for _, f := range from {
			if seen[f] != n+1 {
				reduced[n] = append(reduced[n], f)
			}
		}
	}
	return reduced
}
