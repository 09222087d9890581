package gittest

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"
)

// LargeFiles is the number of files in the repository that benchmarks use.
const LargeFiles = 11000

// Large fills the branch main of an empty repository with the given number of
// files, a few hundred bytes to a few kilobytes of text each, in folders three
// levels deep, and gives it a history of the given number of further commits
// of one to eight changed files. It is the same on every machine and takes
// about a second for LargeFiles. It returns the shas, oldest first.
func (r *Repo) Large(files, commits int) []string {
	r.t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	path := func(i int) string {
		return fmt.Sprintf("area%02d/package%03d/file%05d.go", i%20, i%400, i)
	}
	text := func() []byte {
		var b bytes.Buffer
		for range 5 + random.IntN(60) {
			fmt.Fprintf(&b, "func f%016x() { return %d }\n", random.Uint64(), random.IntN(1000))
		}
		return b.Bytes()
	}
	var in bytes.Buffer
	w := bufio.NewWriter(&in)
	header := func(mark int, message string) {
		when := epoch.Add(time.Duration(r.commits) * time.Minute).Unix()
		r.commits++
		fmt.Fprintf(w, "commit refs/heads/main\nmark :%d\ncommitter Test <test@example.com> %d +0000\ndata %d\n%s\n", mark, when, len(message), message)
	}
	file := func(i int) {
		content := text()
		fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n%s\n", path(i), len(content), content)
	}
	header(1, "import")
	for i := range files {
		file(i)
	}
	for c := range commits {
		header(c+2, fmt.Sprintf("change %d", c+1))
		for range 1 + random.IntN(8) {
			file(random.IntN(files))
		}
	}
	if err := w.Flush(); err != nil {
		r.t.Fatalf("write history: %v", err)
	}
	run(r.t, in.Bytes(), "", "--git-dir", r.Dir, "fast-import", "--quiet", "--force", "--date-format=raw-permissive")
	shas := make([]string, 0, commits+1)
	for line := range bytes.Lines([]byte(r.Git("rev-list", "--reverse", "refs/heads/main"))) {
		shas = append(shas, string(bytes.TrimSpace(line)))
	}
	return shas
}
