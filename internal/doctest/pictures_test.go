package doctest_test

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	imagePattern   = regexp.MustCompile(`!\[([^\]]*)\]\(([^)\s]+)\)`)
	picturePattern = regexp.MustCompile(`\.Picture\(t, "([a-z-]+)"\)`)
)

// The pictures of pages are those that tests in a browser make, all of them, small, and
// said in words.
func TestPictures(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "internal", "e2e", "web*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range picturePattern.FindAllSubmatch(data, -1) {
			made = append(made, "pictures/"+string(m[1])+".png")
		}
	}
	var shown []string
	for _, m := range imagePattern.FindAllStringSubmatch(readPage(t, "docs/web.md").prose, -1) {
		shown = append(shown, m[2])
		if len(m[1]) < 10 {
			t.Errorf("%s is not said in words: %q", m[2], m[1])
		}
		if !slices.Contains(made, m[2]) {
			t.Errorf("no test makes %s", m[2])
		}
	}
	for _, name := range made {
		if !slices.Contains(shown, name) {
			t.Errorf("docs/web.md does not show %s, which a test makes", name)
		}
	}
	there, err := os.ReadDir(filepath.Join(root, "docs", "pictures"))
	if err != nil || len(there) == 0 {
		t.Fatalf("there are no pictures: %v", err)
	}
	for _, file := range there {
		name := "pictures/" + file.Name()
		data, err := os.ReadFile(filepath.Join(root, "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.DecodeConfig(bytes.NewReader(data)); err != nil || !strings.HasSuffix(name, ".png") {
			t.Errorf("%s is no picture: %v", name, err)
		}
		if len(data) > 60<<10 {
			t.Errorf("%s has %d bytes, want at most 60 KiB", name, len(data))
		}
		if !slices.Contains(shown, name) {
			t.Errorf("docs/web.md does not show %s", name)
		}
	}
}
