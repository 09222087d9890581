package secrets

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// mask is what stands in place of a secret.
const mask = "***"

// matcher finds texts of at least MinLength bytes. Every four neighbouring
// bytes are looked up in a set of hashes, which few of them are in; only then
// are the texts themselves compared. It never changes.
type matcher struct {
	// texts are sorted by the hash of their first four bytes, longest first
	// within one hash. They start for hash h at from[h].
	texts [][]byte
	from  []int32
	bits  [1 << hashBits / 64]uint64
	// pairs are the two bytes that texts begin with, first those that the
	// pairs do.
	pairs [1 << 16 / 64]uint64
	first [256]bool
}

const hashBits = 14

func hash(window uint32) uint32 { return window * 0x9e3779b1 >> (32 - hashBits) }

func newMatcher(texts []string) *matcher {
	m := &matcher{from: make([]int32, 1<<hashBits+1)}
	for _, text := range texts {
		m.texts = append(m.texts, []byte(text))
		h := hash(binary.LittleEndian.Uint32([]byte(text)))
		m.bits[h/64] |= 1 << (h % 64)
		m.from[h+1]++
		pair := uint(text[0]) | uint(text[1])<<8
		m.pairs[pair/64] |= 1 << (pair % 64)
		m.first[text[0]] = true
	}
	slices.SortFunc(m.texts, func(a, b []byte) int {
		return cmp.Or(
			cmp.Compare(hash(binary.LittleEndian.Uint32(a)), hash(binary.LittleEndian.Uint32(b))),
			cmp.Compare(len(b), len(a)),
			bytes.Compare(a, b),
		)
	})
	for h := range 1 << hashBits {
		m.from[h+1] += m.from[h]
	}
	return m
}

// mask appends data to dst with secrets masked. The first covered bytes of data
// belong to a secret that has been masked already. Secrets that overlap are
// masked as one, so that nothing of either shows. Unless final, it stops where
// a secret might begin that does not end in data; it returns from where on data
// has to be kept, and how much of that is covered.
func (m *matcher) mask(dst, data []byte, covered int, final bool) (out []byte, kept, stillCovered int) {
	// All of data before done has been appended or masked.
	done, stop := covered, len(data)
	var window uint32
	if len(data) >= MinLength {
		window = binary.LittleEndian.Uint32(data) << 8
	}
scan:
	for i := 0; i+MinLength <= len(data); i++ {
		window = window>>8 | uint32(data[i+3])<<24
		h := hash(window)
		if m.bits[h/64]&(1<<(h%64)) == 0 {
			continue
		}
		rest := data[i:]
		for _, text := range m.texts[m.from[h]:m.from[h+1]] {
			if len(text) > len(rest) {
				if !final && bytes.HasPrefix(text, rest) {
					stop = i
					break scan
				}
				continue
			}
			if !bytes.HasPrefix(rest, text) {
				continue
			}
			if i >= done {
				dst = append(dst, data[done:i]...)
				dst = append(dst, mask...)
				done = i + len(text)
			} else {
				done = max(done, i+len(text))
			}
			break
		}
	}
	if !final && stop == len(data) {
		for i := max(0, len(data)-MinLength+1); i < len(data); i++ {
			if m.begins(data[i:]) {
				stop = i
				break
			}
		}
	}
	if stop > done {
		return append(dst, data[done:stop]...), stop, 0
	}
	return dst, stop, done - stop
}

// begins reports whether a text begins with fewer than MinLength bytes.
func (m *matcher) begins(s []byte) bool {
	if !m.first[s[0]] || len(s) == 1 {
		return m.first[s[0]]
	}
	pair := uint(s[0]) | uint(s[1])<<8
	if m.pairs[pair/64]&(1<<(pair%64)) == 0 || len(s) == 2 {
		return m.pairs[pair/64]&(1<<(pair%64)) != 0
	}
	return slices.ContainsFunc(m.texts, func(text []byte) bool { return bytes.HasPrefix(text, s) })
}
