package dispatcher_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/modules"
)

func listOf(elem modules.Type) modules.Type { return modules.Type{Kind: modules.KindList, Elem: &elem} }

// Every type takes what it can hold as text and nothing else.
func TestByHandTypes(t *testing.T) {
	level := modules.Type{Kind: modules.KindEnum, Name: "Level", Values: []string{"LOW", "HIGH"}}
	float, boolean := modules.Type{Kind: modules.KindFloat}, modules.Type{Kind: modules.KindBoolean}
	container := modules.Type{Kind: modules.KindObject, Name: "Container"}
	for name, c := range map[string]struct {
		typ  modules.Type
		text string
		want any    // nil for an error
		says string // in the error
	}{
		"a string":                     {stringType, "a,b = c", "a,b = c", ""},
		"no string":                    {stringType, "", "", ""},
		"a scalar":                     {modules.Type{Kind: modules.KindScalar, Name: "Platform"}, "linux/arm64", "linux/arm64", ""},
		"a number":                     {intType, "-7", int64(-7), ""},
		"a number with a fraction":     {intType, "7.0", nil, `"7.0" is not a whole number`},
		"a number in words":            {intType, "seven", nil, "not a whole number"},
		"no number":                    {intType, "", nil, "not a whole number"},
		"a number that is too large":   {intType, "9223372036854775808", nil, "more than 64 bits"},
		"a float":                      {float, "1e-3", 1e-3, ""},
		"a float without a fraction":   {float, "2", float64(2), ""},
		"no float":                     {float, "x", nil, "not a number"},
		"infinity":                     {float, "inf", nil, "not a number"},
		"what is no number":            {float, "NaN", nil, "not a number"},
		"true":                         {boolean, "true", true, ""},
		"false":                        {boolean, "0", false, ""},
		"perhaps":                      {boolean, "perhaps", nil, "not true or false"},
		"a member":                     {level, "HIGH", "HIGH", ""},
		"a member in another case":     {level, "high", nil, `"high" is none of HIGH, LOW`},
		"a list with commas":           {listOf(stringType), "a, b", []any{"a", "b"}, ""},
		"a list in JSON":               {listOf(stringType), ` ["a,b", "c"]`, []any{"a,b", "c"}, ""},
		"an empty list":                {listOf(stringType), "[]", []any{}, ""},
		"a list of numbers":            {listOf(intType), "1,2", []any{int64(1), int64(2)}, ""},
		"large numbers in JSON":        {listOf(intType), "[9007199254740993]", []any{int64(9007199254740993)}, ""},
		"a list of members":            {listOf(level), "LOW,MIDDLE", nil, `"MIDDLE" is none of`},
		"an item of another type":      {listOf(intType), `[1, "x"]`, nil, "item 2: "},
		"a list of lists":              {listOf(listOf(intType)), `[[1],[2,3]]`, []any{[]any{int64(1)}, []any{int64(2), int64(3)}}, ""},
		"a list that is cut":           {listOf(stringType), `["a"`, nil, "not a JSON list"},
		"a list with more":             {listOf(stringType), `["a"] "b"`, nil, "something stands behind it"},
		"a list with null":             {listOf(stringType), `[null]`, nil, "no null"},
		"an object that has no text":   {container, "alpine", nil, "a Container! cannot be given here; use dagger call"},
		"a list of objects without it": {listOf(container), "[]", nil, "cannot be given here"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fn("f", arg("x", c.typ))
			call, err := dispatcher.ByHand("ci", &f, map[string]string{"X": c.text}, modules.Tree{})
			if c.want == nil {
				if err == nil || !strings.HasPrefix(err.Error(), "ci:f: argument x: ") || !strings.Contains(err.Error(), c.says) {
					t.Errorf("the error is %v, want the argument and %q", err, c.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, call.Args[0].Value.Const); diff != "" {
				t.Errorf("the value (-want +got):\n%s", diff)
			}
		})
	}
}

// Files and directories are parts of the repository, and on a laptop of the machine.
func TestByHandPaths(t *testing.T) {
	machine := t.TempDir()
	file := filepath.Join(machine, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	committed := tree(map[string]string{"docs/a.md": "", "go.mod": ""})
	laptop := committed
	laptop.Dir = machine
	path := func(name string) *modules.Value { return &modules.Value{Kind: modules.ValuePath, Path: name} }
	for name, c := range map[string]struct {
		tree modules.Tree
		typ  modules.Type
		text string
		want *modules.Value // nil for an error
		says string
	}{
		"a file":                        {committed, fileType, "docs/a.md", path("docs/a.md"), ""},
		"a directory":                   {committed, directoryType, "./docs/", path("docs"), ""},
		"all of it":                     {committed, directoryType, ".", &modules.Value{Kind: modules.ValueSource}, ""},
		"all of it otherwise":           {committed, directoryType, "docs/..", &modules.Value{Kind: modules.ValueSource}, ""},
		"all of it as a file":           {committed, fileType, ".", nil, "is no file"},
		"a directory as a file":         {committed, fileType, "docs", nil, `"docs" is no file`},
		"a file as a directory":         {committed, directoryType, "go.mod", nil, `"go.mod" is no directory`},
		"what is not there":             {committed, fileType, "go.sum", nil, "is not there at this commit"},
		"what cannot be looked at":      {modules.Tree{}, fileType, "go.sum", path("go.sum"), ""},
		"nothing":                       {committed, fileType, "", nil, "is empty"},
		"out of the repository":         {committed, fileType, "../a", nil, "leaves the repository"},
		"out of it by a detour":         {committed, fileType, "docs/../../a", nil, "leaves the repository"},
		"a file of the agent's machine": {committed, fileType, "/etc/passwd", nil, "is an absolute path"},
		"a URL":                         {committed, directoryType, "https://example.com/a.git", nil, "looks like a URL"},
		"a file of the laptop":          {laptop, fileType, file, path(file), ""},
		"a directory of the laptop":     {laptop, directoryType, machine, path(machine), ""},
		"nothing of the laptop":         {laptop, fileType, file + "s", nil, "is not there"},
		"a relative one on the laptop":  {laptop, fileType, "go.mod", path("go.mod"), ""},
		"one above, on the laptop":      {laptop, fileType, "../a", nil, "leaves the repository"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fn("f", arg("x", c.typ))
			call, err := dispatcher.ByHand("ci", &f, map[string]string{"x": c.text}, c.tree)
			if c.want == nil {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("the error is %v, want %q in it", err, c.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(*c.want, call.Args[0].Value); diff != "" {
				t.Errorf("the value (-want +got):\n%s", diff)
			}
		})
	}
}
