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

// The tests that the page about trust names as proof are there.
func TestProofsOfTrust(t *testing.T) {
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
	named := 0
	for _, name := range code(readPage(t, "docs/trust.md").prose) {
		if !testPattern.MatchString(name) {
			continue
		}
		named++
		if !known[name] {
			t.Errorf("docs/trust.md: there is no test %s", name)
		}
	}
	if named == 0 {
		t.Error("docs/trust.md names no test")
	}
}
