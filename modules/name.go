package modules

// SameName reports whether two spellings name one function or argument. They
// go by different names in different places: LintOnPush in Go, lint_on_push in
// Python, lintOnPush in Dagger's API, lint-on-push on its command line. Dagger
// moves word boundaries on the way, so that only letters and digits count.
func SameName(a, b string) bool {
	i, j := 0, 0
	for {
		for i < len(a) && (a[i] == '-' || a[i] == '_') {
			i++
		}
		for j < len(b) && (b[j] == '-' || b[j] == '_') {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if lower(a[i]) != lower(b[j]) {
			return false
		}
		i++
		j++
	}
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
