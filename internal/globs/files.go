package globs

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"
)

// Files is an index of file names that many sets are matched against. It never
// changes and may be used from several goroutines.
//
// Each file has a text: its name between begin and end. Every three
// neighbouring bytes and every whole component of the texts lead to the files
// that have them, so that a glob is tried only on the files that have its
// rarest part.
type Files struct {
	// texts are sorted.
	texts []string
	// ids[starts[h]:starts[h+1]] are the files that have a part which hashes
	// to h, in ascending order.
	starts []int32
	ids    []int32
	shift  uint32
	seed   maphash.Seed

	mu      sync.Mutex
	results map[string]int
	marked  map[string][]int32
}

// maxMarked bounds how many excludes an index remembers the files of.
const maxMarked = 1024

// Index indexes slash-separated file names, relative to the repository's root.
// Order and repetition do not matter, and empty names are left out.
func Index(names []string) *Files {
	size := 0
	for _, name := range names {
		size += len(name) + len(begin) + len(end)
	}
	var b strings.Builder
	b.Grow(size)
	for _, name := range names {
		if name != "" {
			b.WriteString(begin)
			b.WriteString(name)
			b.WriteString(end)
		}
	}
	f := &Files{
		texts:   make([]string, 0, len(names)),
		seed:    maphash.MakeSeed(),
		results: map[string]int{},
		marked:  map[string][]int32{},
	}
	all := b.String()
	for _, name := range names {
		if name != "" {
			n := len(name) + len(begin) + len(end)
			f.texts = append(f.texts, all[:n])
			all = all[n:]
		}
	}
	slices.Sort(f.texts)
	f.texts = slices.Compact(f.texts)
	f.index(size)
	return f
}

func (f *Files) index(size int) {
	width := min(max(bits.Len(uint(size))-1, 6), 16)
	f.shift = uint32(32 - width)
	f.starts = make([]int32, 1<<width+1)
	last := make([]int32, 1<<width)
	for i := range last {
		last[i] = -1
	}
	// The first pass counts, the second fills in.
	counts := f.starts[1:]
	for id, text := range f.texts {
		f.parts(text, func(h uint32) bool {
			if last[h] != int32(id) {
				last[h] = int32(id)
				counts[h]++
			}
			return true
		})
	}
	for h := range counts {
		counts[h] += f.starts[h]
	}
	f.ids = make([]int32, f.starts[len(f.starts)-1])
	next := last
	copy(next, f.starts)
	for id, text := range f.texts {
		f.parts(text, func(h uint32) bool {
			if n := next[h]; n == f.starts[h] || f.ids[n-1] != int32(id) {
				f.ids[n] = int32(id)
				next[h]++
			}
			return true
		})
	}
}

// parts calls do with the hash of every part of a text or chunk, until it
// returns false.
func (f *Files) parts(text string, do func(hash uint32) bool) {
	slash := -1
	for i := range len(text) {
		if i >= 2 && !do((uint32(text[i-2])|uint32(text[i-1])<<8|uint32(text[i])<<16)*0x9e3779b1>>f.shift) {
			return
		}
		if text[i] == '/' {
			if slash >= 0 && !do(uint32(maphash.String(f.seed, text[slash:i])>>32)>>f.shift) {
				return
			}
			slash = i
		}
	}
}

// Len is the number of different files.
func (f *Files) Len() int { return len(f.texts) }

func (f *Files) name(id int) string {
	text := f.texts[id]
	return text[len(begin) : len(text)-len(end)]
}

// candidates returns the files that may have the shape: ids, or if that is nil
// those from lo up to but without hi.
func (f *Files) candidates(s *shape) (ids []int32, lo, hi int) {
	best, found := len(f.texts), false
	for _, chunk := range s.chunks {
		f.parts(chunk, func(h uint32) bool {
			if n := int(f.starts[h+1] - f.starts[h]); n < best || !found && n == best {
				best, found = n, true
				ids = f.ids[f.starts[h]:f.starts[h+1]]
			}
			return best > 0
		})
	}
	if found && best == 0 {
		return nil, 0, 0
	}
	if prefix := s.chunks[0]; best > 4 && len(prefix) > len(begin) {
		lo = sort.SearchStrings(f.texts, prefix)
		hi = lo + sort.Search(len(f.texts)-lo, func(i int) bool { return !strings.HasPrefix(f.texts[lo+i], prefix) })
		if !found || hi-lo < best {
			return nil, lo, hi
		}
	}
	if !found {
		return nil, 0, len(f.texts)
	}
	return ids, 0, 0
}

// manyCandidates is from how many candidates on the alternatives of a glob are
// looked up one by one.
const manyCandidates = 64

// each calls do with every file that matches the glob, perhaps more than once,
// until it returns false. Files for which skip is true are left out.
func (f *Files) each(pattern string, skip func(id int) bool, do func(id int) bool) {
	whole := outline(pattern)
	ids, lo, hi := f.candidates(&whole)
	if len(ids)+hi-lo > manyCandidates {
		if shapes := outlines(pattern); shapes != nil {
			for i := range shapes {
				ids, lo, hi := f.candidates(&shapes[i])
				if !f.confirm(pattern, &shapes[i], ids, lo, hi, skip, do) {
					return
				}
			}
			return
		}
	}
	f.confirm(pattern, &whole, ids, lo, hi, skip, do)
}

// confirm tries the candidates for a shape of the glob, and returns false if
// do did.
func (f *Files) confirm(pattern string, s *shape, ids []int32, lo, hi int, skip, do func(id int) bool) bool {
	try := func(id int) bool {
		if skip != nil && skip(id) || !s.fits(f.texts[id]) {
			return true
		}
		if !s.exact && !doublestar.MatchUnvalidated(pattern, f.name(id)) {
			return true
		}
		return do(id)
	}
	for _, id := range ids {
		if !try(int(id)) {
			return false
		}
	}
	for id := lo; id < hi; id++ {
		if !try(id) {
			return false
		}
	}
	return true
}

// mark adds the files that match the glob to a bit set.
func (f *Files) mark(pattern string, set []uint64) {
	f.mu.Lock()
	ids, known := f.marked[pattern]
	f.mu.Unlock()
	if known {
		for _, id := range ids {
			set[id/64] |= 1 << (id % 64)
		}
		return
	}
	f.each(pattern, nil, func(id int) bool {
		set[id/64] |= 1 << (id % 64)
		ids = append(ids, int32(id))
		return true
	})
	// A few files are found again as fast as they are remembered.
	if len(ids) > manyCandidates {
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.marked) < maxMarked {
			f.marked[pattern] = ids
		}
	}
}
