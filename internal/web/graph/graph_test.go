package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/web/graph"
)

// nodes reads "a b<a c<a,b".
func nodes(text string) []graph.Node {
	var list []graph.Node
	for word := range strings.FieldsSeq(text) {
		id, after, _ := strings.Cut(word, "<")
		n := graph.Node{ID: id}
		if after != "" {
			n.After = strings.Split(after, ",")
		}
		list = append(list, n)
	}
	return list
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		nodes string
		// want is the ids by column.
		want  string
		edges int
	}{
		"none":                      {"", "", 0},
		"one":                       {"a", "a", 0},
		"side by side":              {"a b c", "a b c", 0},
		"one after the other":       {"a b<a c<b", "a|b|c", 2},
		"behind the last of all":    {"a b<a c<a,b d<a", "a|b d|c", 4},
		"given in any order":        {"c<b b<a a", "a|b|c", 2},
		"after what is not there":   {"a<x b<a,x", "a|b", 1},
		"the same twice":            {"a b<a,a", "a|b", 1},
		"after itself":              {"a<a", "a", 0},
		"untangled":                 {"a b c<b d<a", "a b|d c", 2},
		"a diamond":                 {"a b<a c<a d<b,c", "a|b c|d", 4},
		"long edges go to the last": {"a b<a c<b d<a,c", "a|b|c|d", 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := nodes(tt.nodes)
			p := graph.Layout(list)
			var got strings.Builder
			for i, b := range p.Boxes {
				if i > 0 {
					got.WriteByte(" |"[min(1, b.Level-p.Boxes[i-1].Level)])
				}
				got.WriteString(list[b.Node].ID)
			}
			if diff := cmp.Diff(tt.want, got.String()); diff != "" {
				t.Error(diff)
			}
			if len(p.Edges) != tt.edges {
				t.Errorf("%d edges, want %d", len(p.Edges), tt.edges)
			}
			sound(t, list, p)
		})
	}
}

// Circles are no plan's; they must not hold the page up nevertheless.
func TestCircles(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a<b b<a", "a<c b<a c<b d<c", "a<b,c b<a,c c<a,b", "a<a,b b<b,a"} {
		list := nodes(text)
		sound(t, list, graph.Layout(list))
	}
}

func TestLarge(t *testing.T) {
	t.Parallel()
	var chain, fan strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&chain, "n%d<n%d ", i, i+1)
		fmt.Fprintf(&fan, "n%d<root ", i)
	}
	for _, text := range []string{chain.String(), fan.String() + "root"} {
		list := nodes(text)
		sound(t, list, graph.Layout(list))
	}
}

// sound checks what holds for every layout.
func sound(t *testing.T, list []graph.Node, p graph.Picture) {
	t.Helper()
	if len(p.Boxes) != len(list) {
		t.Fatalf("%d boxes for %d nodes", len(p.Boxes), len(list))
	}
	type corner struct{ x, y int }
	taken, at := map[corner]bool{}, map[int]graph.Box{}
	for _, b := range p.Boxes {
		if taken[corner{b.X, b.Y}] {
			t.Errorf("two boxes at %d, %d", b.X, b.Y)
		}
		taken[corner{b.X, b.Y}], at[b.Node] = true, b
		if b.X < 0 || b.Y < 0 || b.X+graph.Width > p.Width || b.Y+graph.Height > p.Height {
			t.Errorf("box %+v is outside of %d × %d", b, p.Width, p.Height)
		}
	}
	if len(at) != len(list) {
		t.Errorf("%d nodes of %d have a box", len(at), len(list))
	}
	for _, e := range p.Edges {
		if at[e.From].Level >= at[e.To].Level || e.X1 >= e.X2 {
			t.Errorf("edge %+v goes back", e)
		}
	}
}

func FuzzLayout(f *testing.F) {
	f.Add("a b<a c<a,b")
	f.Add("a<b b<c c<a")
	f.Fuzz(func(t *testing.T, text string) {
		list := nodes(text)
		p := graph.Layout(list)
		sound(t, list, p)
		if diff := cmp.Diff(p, graph.Layout(list)); diff != "" {
			t.Error(diff)
		}
	})
}
