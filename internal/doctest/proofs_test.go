package doctest_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	testPattern     = regexp.MustCompile(`^Test[A-Z]\w*$`)
	testFuncPattern = regexp.MustCompile(`(?m)^func (Test[A-Z]\w*)\(t \*testing\.T\)`)
)

// proofs are pages that name tests as proof of what they say.
var proofs = []string{"docs/trust.md", "docs/compared.md"}

// The tests that pages name as proof are there.
func TestProofs(t *testing.T) {
	known := map[string]bool{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		data, err := fs.ReadFile(os.DirFS(root), name)
		for _, m := range testFuncPattern.FindAllSubmatch(data, -1) {
			known[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range proofs {
		named := 0
		for _, name := range code(readPage(t, page).prose) {
			if !testPattern.MatchString(name) {
				continue
			}
			named++
			if !known[name] {
				t.Errorf("%s: there is no test %s", page, name)
			}
		}
		if named == 0 {
			t.Errorf("%s names no test", page)
		}
	}
}
