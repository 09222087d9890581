package doctest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/modules"
)

func push(branch string) *events.Event {
	return &events.Event{ID: "1", Vendor: events.VendorGithub, Name: events.NamePush, Kind: "push", Filter: branch, Branch: branch}
}

// function is a function without arguments by its name in Go, which Dagger
// serves in lower camel case.
func function(name string) modules.Function {
	return modules.Function{Name: strings.ToLower(name[:1]) + name[1:]}
}

func plan(event *events.Event, changes []string, functions ...modules.Function) dispatcher.Plan {
	return dispatcher.Match(dispatcher.Input{
		Event:   event,
		Changes: dispatcher.Changes{Files: changes},
		Refs:    dispatcher.Refs{Branches: []string{"feature/login", "feature-login", "main"}},
		Module:  &modules.Module{Path: "ci", Functions: functions},
	})
}

func called(p dispatcher.Plan) []string {
	var list []string
	for _, c := range p.Calls {
		list = append(list, strings.ToUpper(c.Function[:1])+c.Function[1:])
	}
	return list
}

func one(t testing.TB, cell string) string {
	t.Helper()
	list := code(cell)
	if len(list) != 1 {
		t.Fatalf("cell %q has %d pieces of code, want one", cell, len(list))
	}
	return list[0]
}

func TestTableOfNames(t *testing.T) {
	for _, row := range readPage(t, "docs/matching.md").table(t, "Names are lists of words", "branch").rows {
		branch, right, wrong := one(t, row[0]), one(t, row[1]), one(t, row[2])
		p := plan(push(branch), nil, function(right), function(wrong))
		if diff := cmp.Diff([]string{right}, called(p)); diff != "" {
			t.Errorf("%s (-table +called):\n%s", branch, diff)
		}
	}
	if p := plan(push("v-2"), nil, function("OnGithubPushV2")); len(p.Calls) > 0 {
		t.Error("v-2 can be spelt in a name")
	}
	if p := plan(push("ветка"), nil, function("OnGithubPushВетка")); len(p.Calls) > 0 {
		t.Error("a name without ASCII can be spelt")
	}
}

func TestTableOfLevels(t *testing.T) {
	rows := readPage(t, "docs/matching.md").table(t, "Levels", "level").rows
	for i, row := range rows {
		level, name := one(t, row[0]), one(t, row[1])
		// Each wins over all that come after it.
		var list []modules.Function
		for _, below := range rows[i:] {
			list = append(list, function(one(t, below[1])))
		}
		slices.Reverse(list)
		p := plan(push("main"), nil, list...)
		if diff := cmp.Diff([]string{name}, called(p)); diff != "" {
			t.Errorf("%s (-table +called):\n%s", level, diff)
			continue
		}
		if want := "named " + level; p.Calls[0].Why != want {
			t.Errorf("%s is called because it is %q, want %q", name, p.Calls[0].Why, want)
		}
	}
	if len(rows) != int(dispatcher.LevelDispatch) {
		t.Errorf("the table has %d levels of %d", len(rows), int(dispatcher.LevelDispatch))
	}
}

func TestTableOfPrecedence(t *testing.T) {
	for _, row := range readPage(t, "docs/matching.md").table(t, "Prefixes and precedence", "functions").rows {
		var list []modules.Function
		for _, name := range code(row[0]) {
			list = append(list, function(name))
		}
		if diff := cmp.Diff(code(row[1]), called(plan(push("main"), nil, list...))); diff != "" {
			t.Errorf("%s (-table +called):\n%s", row[0], diff)
		}
	}
}

func TestTableOfChanges(t *testing.T) {
	for _, row := range readPage(t, "docs/matching.md").table(t, "Changed files", "default of `onChanges`").rows {
		value, err := json.Marshal(one(t, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		fn := function("OnPush")
		fn.Args = []modules.Arg{{Name: "onChanges", Type: modules.Type{Kind: modules.KindString}, Default: value}}
		p := plan(push("main"), code(row[1]), fn)
		if got := len(p.Calls) == 1; got != (row[2] == "yes") || len(p.Invalid) > 0 {
			t.Errorf("%s with %s: called is %t, table says %s; %v", row[0], row[1], got, row[2], p.Invalid)
		}
	}
}

func TestTableOfWarnings(t *testing.T) {
	for _, row := range readPage(t, "docs/matching.md").table(t, "Warnings", "name").rows {
		warnings := plan(push("main"), nil, function(one(t, row[0]))).Warnings
		if len(warnings) != 1 || !strings.Contains(warnings[0], row[1]) {
			t.Errorf("%s: warnings %q, want one with %q", row[0], warnings, row[1])
		}
	}
}

// Every reason in the table is one that the code gives: what stands between the
// dots is found in the sources of the planner.
func TestTableOfReasons(t *testing.T) {
	var sources strings.Builder
	for _, pattern := range []string{"dispatcher/*.go", "internal/config/*.go", "internal/predicate/*.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(data)
		}
	}
	for _, row := range readPage(t, "docs/matching.md").table(t, "Why did my function not run?", "reason").rows {
		for _, part := range strings.Split(row[0], "…") {
			if part = strings.TrimSpace(part); !strings.Contains(sources.String(), part) {
				t.Errorf("nothing gives the reason %q: %q is in no source", row[0], part)
			}
		}
	}
}

// The README and docs/matching.md describe the same arguments, and pocketci
// passes each that has a name.
func TestTableOfArguments(t *testing.T) {
	names := func(tab table) []string {
		var list []string
		for _, row := range tab.rows {
			if regexp.MustCompile("^(`[a-zA-Z]+` ?)+$").MatchString(row[0]) {
				list = append(list, code(row[0])...)
			}
		}
		slices.Sort(list)
		return list
	}
	readme := names(readPage(t, "README.md").table(t, "Arguments", "argument"))
	page := readPage(t, "docs/matching.md")
	passed := names(page.table(t, "Arguments", "argument"))
	conditions := names(page.table(t, "Conditions", "argument"))
	both := slices.Concat(passed, conditions)
	slices.Sort(both)
	if diff := cmp.Diff(readme, slices.Compact(both)); diff != "" {
		t.Errorf("arguments (-README +docs/matching.md):\n%s", diff)
	}

	objects := map[string]string{"src": "Directory", "eventTrigger": "File"}
	fn := function("OnPush")
	for _, name := range passed {
		typ := modules.Type{Kind: modules.KindString}
		if object := objects[name]; object != "" {
			typ = modules.Type{Kind: modules.KindObject, Name: object}
		}
		fn.Args = append(fn.Args, modules.Arg{Name: name, Type: typ})
	}
	p := plan(push("main"), nil, fn)
	if len(p.Calls) != 1 {
		t.Fatalf("not called: %v %v", p.Invalid, p.Skipped)
	}
	var bound []string
	for _, b := range p.Calls[0].Args {
		bound = append(bound, b.Name)
	}
	slices.Sort(bound)
	if diff := cmp.Diff(passed, bound); diff != "" {
		t.Errorf("arguments (-docs/matching.md +passed):\n%s", diff)
	}
}
