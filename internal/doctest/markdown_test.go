package doctest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the top of the repository.
const root = "../.."

// page is one document.
type page struct {
	// name is its path from the top of the repository.
	name string
	text string
	// prose is the text without its fenced blocks.
	prose  string
	blocks []block
}

// block is one fenced block.
type block struct {
	language, text string
	// section is the heading that it stands below.
	section string
	line    int
}

// table is one table, by its cells.
type table struct {
	section string
	header  []string
	rows    [][]string
}

func readPage(t testing.TB, name string) *page {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	p := &page{name: name, text: string(data)}
	var prose strings.Builder
	var open *block
	section := ""
	for i, line := range strings.Split(p.text, "\n") {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && open == nil:
			open = &block{language: strings.TrimPrefix(strings.TrimSpace(line), "```"), section: section, line: i + 1}
		case fence:
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		default:
			if strings.HasPrefix(line, "#") {
				section = strings.TrimSpace(strings.TrimLeft(line, "#"))
			}
			prose.WriteString(line + "\n")
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: a block is not closed", name, open.line)
	}
	p.prose = prose.String()
	return p
}

// pages returns all documents: those at the top and those below docs.
func pages(t testing.TB) []*page {
	t.Helper()
	list := []*page{readPage(t, "README.md"), readPage(t, "CONTRIBUTING.md"), readPage(t, "CHANGELOG.md")}
	err := fs.WalkDir(os.DirFS(root), "docs", func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".md") {
			list = append(list, readPage(t, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// blocksOf returns the page's blocks in a language.
func (p *page) blocksOf(language string) []block {
	var list []block
	for _, b := range p.blocks {
		if b.language == language {
			list = append(list, b)
		}
	}
	return list
}

// table returns the one table in a section whose first column has the given
// heading. A bar in a cell is written \|.
func (p *page) table(t testing.TB, section, first string) table {
	t.Helper()
	var found []table
	var open *table
	at := ""
	for _, line := range strings.Split(p.prose, "\n") {
		if strings.HasPrefix(line, "#") {
			at = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
		if !strings.HasPrefix(line, "|") {
			open = nil
			continue
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		switch {
		case open == nil:
			found = append(found, table{section: at, header: cells})
			open = &found[len(found)-1]
		case strings.Trim(line, "|-") != "":
			if len(cells) != len(open.header) {
				t.Errorf("%s: %d cells below %d headings: %s", p.name, len(cells), len(open.header), line)
			}
			open.rows = append(open.rows, cells)
		}
	}
	var match []table
	for _, candidate := range found {
		if candidate.section == section && candidate.header[0] == first {
			match = append(match, candidate)
		}
	}
	if len(match) != 1 || len(match[0].rows) == 0 {
		t.Fatalf("%s: %d tables %q in section %q, want one with rows", p.name, len(match), first, section)
	}
	return match[0]
}

var codePattern = regexp.MustCompile("`([^`]+)`")

// code returns the inline code in a text.
func code(text string) []string {
	var list []string
	for _, m := range codePattern.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}
