package doctest_test

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var linkPattern = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Links within the repository lead to files that exist and to headings in them.
func TestLinks(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range linkPattern.FindAllStringSubmatch(p.prose, -1) {
			u, err := url.Parse(m[1])
			switch {
			case err != nil:
				t.Errorf("%s: %s: %v", p.name, m[1], err)
				continue
			case u.Scheme == "https":
				continue
			case u.Scheme != "":
				t.Errorf("%s: %s is not https", p.name, m[1])
				continue
			}
			target := p.name
			if u.Path != "" {
				target = path.Join(path.Dir(p.name), u.Path)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: %s leads nowhere: %v", p.name, m[1], err)
				continue
			}
			if u.Fragment != "" && !slices.Contains(anchors(readPage(t, target)), u.Fragment) {
				t.Errorf("%s: %s has no heading #%s", p.name, target, u.Fragment)
			}
		}
	}
}

// anchors are the names by which GitHub links to the headings of a page.
func anchors(p *page) []string {
	var list []string
	for _, line := range strings.Split(p.prose, "\n") {
		if !strings.HasPrefix(line, "#") {
			continue
		}
		heading := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
		list = append(list, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return r
			}
			return -1
		}, heading))
	}
	return list
}

// Every page below docs can be reached from the README.
func TestEveryPageIsLinked(t *testing.T) {
	readme := readPage(t, "README.md")
	for _, p := range pages(t) {
		if p.name != "README.md" && !strings.Contains(readme.prose, "]("+p.name+")") {
			t.Errorf("README.md has no link to %s", p.name)
		}
	}
}

var makePattern = regexp.MustCompile(`\bmake (?:-s )?([a-z][a-z-]*)`)

// Every make target that is named exists.
func TestMakeTargets(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, p := range pages(t) {
		var texts []string
		for _, b := range p.blocksOf("sh") {
			texts = append(texts, b.text)
		}
		for _, text := range append(texts, code(p.prose)...) {
			for _, m := range makePattern.FindAllStringSubmatch(text, -1) {
				named++
				if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(data) {
					t.Errorf("%s: there is no target %s", p.name, m[1])
				}
			}
		}
	}
	if named == 0 {
		t.Error("no target is named anywhere")
	}
}

// The files and folders of this repository that are named exist.
func TestPaths(t *testing.T) {
	pattern := regexp.MustCompile(`^(cmd|dispatcher|events|modules|internal|docs|testdata|ci/engine)(/[a-zA-Z0-9_./-]*)?$`)
	named := 0
	for _, p := range pages(t) {
		if p.name != "CONTRIBUTING.md" && !strings.HasPrefix(p.name, "docs/decisions/") {
			continue // elsewhere such paths are those of a user's repository
		}
		for _, name := range code(p.prose) {
			if !pattern.MatchString(name) {
				continue
			}
			named++
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Errorf("%s: %v", p.name, err)
			}
		}
	}
	if named == 0 {
		t.Error("no path is named anywhere")
	}
}
