package yamlfile

import "strings"

// Suggest returns the known name that an unknown one was probably meant to be,
// or an empty string.
func Suggest(unknown string, known []string) string {
	best, bestDistance := "", 3
	for _, name := range known {
		if Plain(name) == Plain(unknown) {
			return name
		}
		// Two changes turn any short word into any other.
		if d := distance(unknown, name); d < bestDistance && d < min(len(unknown), len(name)) {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance is the number of characters to insert, remove or replace, or of
// neighbours to swap, to turn a into b.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > 64 || len(t) > 64 {
		return max(len(s), len(t))
	}
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range t {
		rows[0][j+1] = j + 1
	}
	for i := range s {
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			d := min(rows[i][j+1]+1, rows[i+1][j]+1, rows[i][j]+cost)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				d = min(d, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = d
		}
	}
	return rows[len(s)][len(t)]
}

// Plain takes from a name what depends on where it is written: case, dashes
// and underscores.
func Plain(name string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
}
