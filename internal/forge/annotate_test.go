package forge_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/forge"
)

var changed = []string{"main.go", "shop/cart.go", "shop/cart_test.go", "web/cart.go", "a b/c.py", "docs/ü.md"}

func TestAnnotationsIn(t *testing.T) {
	one := func(path string, line int, message string) []forge.Annotation {
		return []forge.Annotation{{Path: path, Line: line, Message: message}}
	}
	for name, c := range map[string]struct {
		output string
		want   []forge.Annotation
	}{
		"nothing":                     {"ok  \tshop\t0.1s\n", nil},
		"a line":                      {"shop/cart.go:7: undefined: x\n", one("shop/cart.go", 7, "undefined: x")},
		"and a column":                {"shop/cart.go:7:12: undefined: x", one("shop/cart.go", 7, "undefined: x")},
		"from here":                   {"./main.go:1:1: expected 'package'\r\n", one("main.go", 1, "expected 'package'")},
		"indented":                    {"    shop/cart_test.go:9: got 1, want 2\n", one("shop/cart_test.go", 9, "got 1, want 2")},
		"in colours":                  {"\x1b[1mshop/cart.go:7:2:\x1b[0m \x1b[31merror:\x1b[m no", one("shop/cart.go", 7, "error: no")},
		"without a space":             {"shop/cart.go:7:2:no", one("shop/cart.go", 7, "no")},
		"as go test names it":         {"    cart_test.go:9: got 1", one("shop/cart_test.go", 9, "got 1")},
		"a name of two files":         {"cart.go:9: got 1", nil},
		"where it is mounted":         {"/src/shop/cart.go:3: no", one("shop/cart.go", 3, "no")},
		"deep down":                   {"/app/src/main.go:3: no", one("main.go", 3, "no")},
		"somebody else's main.go":     {"/usr/local/go/src/main.go:3: no", nil},
		"somebody else's cart_test":   {"/x/cart_test.go:3: no", nil},
		"a file that has not changed": {"shop/other.go:7: undefined: x", nil},
		"outside":                     {"../main.go:7: undefined: x", nil},
		"dots":                        {"shop/../main.go:7: no", one("main.go", 7, "no")},
		"line zero":                   {"main.go:0: no", nil},
		"a line out of bounds":        {"main.go:99999999: no", nil},
		"no message":                  {"main.go:7: \nmain.go:7:2:\n", nil},
		"a time":                      {"12:30:01: no", nil},
		"an address":                  {"http://main.go:80: no", nil},
		"a space in its name":         {"a b/c.py:3: no", one("a b/c.py", 3, "no")},
		"letters of any kind":         {"docs/ü.md:3: größer", one("docs/ü.md", 3, "größer")},
		"bytes of any kind":           {"main.go:3: a\xffb\x00c\td", one("main.go", 3, "a\ufffdbc d")},
		"twice":                       {"main.go:3: no\nmain.go:3: no\nmain.go:4: no", []forge.Annotation{{Path: "main.go", Line: 3, Message: "no"}, {Path: "main.go", Line: 4, Message: "no"}}},
		"a line for ever":             {"main.go:3: " + strings.Repeat("x", 5000) + "\nmain.go:4: no", one("main.go", 4, "no")},
		"a long message":              {"main.go:3: " + strings.Repeat("ü", 1000), one("main.go", 3, strings.Repeat("ü", 500)+"…")},
		"the end of much":             {strings.Repeat("noise\n", 1<<20) + "main.go:3: no", one("main.go", 3, "no")},
	} {
		if diff := cmp.Diff(c.want, forge.AnnotationsIn(c.output, changed)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	var many strings.Builder
	for i := range 1000 {
		many.WriteString("main.go:" + strconv.Itoa(i+1) + ": no\n")
	}
	if n := len(forge.AnnotationsIn(many.String(), changed)); n != 300 {
		t.Errorf("%d of a thousand", n)
	}
	if got := forge.AnnotationsIn("main.go:1: no", nil); got != nil {
		t.Errorf("%v without files", got)
	}
}

func FuzzAnnotationsIn(f *testing.F) {
	f.Add("shop/cart.go:7:12: undefined: x\n", "shop/cart.go")
	f.Add("\x1b[1m/src/main.go:1:\x1b[0m \xff", "main.go")
	f.Add(".:1: x\n..:1: x\n/:1: x", "/")
	f.Fuzz(func(t *testing.T, output, file string) {
		files := []string{file, "main.go"}
		got := forge.AnnotationsIn(output, files)
		if len(got) > 300 || len(got) > strings.Count(output, "\n")+1 {
			t.Errorf("%d annotations", len(got))
		}
		for _, a := range got {
			if !slices.Contains(files, a.Path) || a.Line < 1 || a.Message == "" || len(a.Message) > 1100 {
				t.Errorf("%+v", a)
			}
			if !utf8.ValidString(a.Message) || strings.ContainsFunc(a.Message, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("message %q", a.Message)
			}
		}
	})
}
