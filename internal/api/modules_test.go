package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/bundle"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// inspector finds in files the functions that functions.txt names, by their return
// types. A file broken makes the module one that cannot be loaded.
type inspector struct{}

func (inspector) Functions(_ context.Context, event events.Event) (string, []dispatcher.Declared, error) {
	if event.Repository.FullName == "a/broken" {
		return "", nil, errors.New("pocketci.yaml: line 3")
	}
	level := modules.Type{Kind: modules.KindEnum, Name: "Level", Values: []string{"LOW", "HIGH"}, Optional: true}
	return sha, []dispatcher.Declared{
		{Path: "ci", Module: &modules.Module{Path: "ci", Name: "CI", Functions: []modules.Function{{
			Name: "build", Description: "Builds.", Returns: modules.Type{Kind: modules.KindString},
			Args: []modules.Arg{
				{Name: "src", Type: modules.Type{Kind: modules.KindObject, Name: "Directory"}},
				{Name: "levels", Description: "How.", Type: modules.Type{Kind: modules.KindList, Elem: &level}, Default: []byte(`["LOW"]`)},
				{Name: "base", Type: modules.Type{Kind: modules.KindObject, Name: "Container", Optional: true}},
			},
		}}}},
		{Path: "web", Err: errors.New("web/main.go:7:9: undefined")},
	}, nil
}

func (inspector) FunctionsOf(_ context.Context, files []bundle.File) ([]dispatcher.Declared, error) {
	m := &modules.Module{Path: ".", Name: "tool"}
	for _, f := range files {
		switch f.Name {
		case "away":
			return nil, fmt.Errorf("%w: no engine", api.ErrAway)
		case "empty":
			return nil, errors.New("the repository has no Dagger module")
		case "broken":
			return []dispatcher.Declared{{Path: ".", Err: errors.New("main.go:7:9: undefined")}}, nil
		}
		for name := range strings.FieldsSeq(string(f.Data)) {
			name, returns, _ := strings.Cut(name, "=")
			m.Functions = append(m.Functions, modules.Function{Name: name, Returns: modules.Type{Kind: modules.KindObject, Name: returns}})
		}
	}
	return []dispatcher.Declared{{Path: ".", Module: m}}, nil
}

// upload is a module with the given functions, and with files of the given names.
func (f *fixture) upload(name, functions string, files ...string) v1.ModuleUpload {
	f.t.Helper()
	all := []bundle.File{{Name: "functions.txt", Data: []byte(functions)}}
	for _, file := range files {
		all = append(all, bundle.File{Name: file})
	}
	archive, err := bundle.Pack(all)
	if err != nil {
		f.t.Fatal(err)
	}
	return v1.ModuleUpload{Name: name, Archive: archive}
}

func (f *fixture) deployed(name string) {
	f.t.Helper()
	f.do(v1.ScopeAdmin, http.MethodPost, "/modules", v1.Deploy{Modules: []v1.ModuleUpload{f.upload(name, "x")}}, http.StatusOK, nil)
}

func TestDeployModules(t *testing.T) {
	f := newFixture(t)
	deploy := func(dry bool, uploads ...v1.ModuleUpload) v1.DeployedModules {
		t.Helper()
		var made v1.DeployedModules
		f.do(v1.ScopeAdmin, http.MethodPost, "/modules", v1.Deploy{Modules: uploads, DryRun: dry}, http.StatusOK, &made)
		if made.DryRun != dry || len(made.Modules) != len(uploads) {
			t.Fatalf("deployed %+v", made)
		}
		return made
	}
	if made := deploy(true, f.upload("tool", "a=A b=B")).Modules[0]; made.Change != "created" || len(made.Added) != 2 {
		t.Errorf("a dry run says %+v", made)
	}
	var list v1.Modules
	if f.get("/modules", &list); len(list.Modules) != 0 {
		t.Errorf("a dry run stored %+v", list.Modules)
	}
	made := deploy(false, f.upload("tool", "a=A b=B"), f.upload("other", ""))
	if m := made.Modules[0]; m.Change != "created" || len(m.SHA) != 40 || m.Modules[0].Functions[1].Name != "b" {
		t.Errorf("deployed %+v", m)
	}
	if m := deploy(false, f.upload("tool", "a=A b=B")).Modules[0]; m.Change != "unchanged" || len(m.Added)+len(m.Changed)+len(m.Removed) != 0 {
		t.Errorf("the same again is %+v", m)
	}
	for _, dry := range []bool{true, false} {
		m := deploy(dry, f.upload("tool", "c=C b=X")).Modules[0]
		got := v1.DeployedModule{Change: m.Change, Added: m.Added, Changed: m.Changed, Removed: m.Removed}
		want := v1.DeployedModule{Change: "updated", Added: []string{".:c"}, Changed: []string{".:b"}, Removed: []string{".:a"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("another version, dry run %t (-want +got):\n%s", dry, diff)
		}
	}
	var m v1.Module
	f.get("/modules/tool", &m)
	if m.Repository != ".modules/tool" || m.Version != 2 || m.DeployedBy != "admin" || len(m.Versions) != 2 || m.Versions[1].SHA != made.Modules[0].SHA ||
		m.Versions[1].SupersededAt == nil || m.Modules[0].Functions[0].Name != "c" || m.Files != 1 || m.Size != 7 {
		t.Errorf("it is %+v", m)
	}
	for sha, want := range map[string]string{"": "c=C b=X", made.Modules[0].SHA: "a=A b=B"} {
		a := f.get("/modules/tool/archive?sha="+sha, nil)
		files, err := bundle.Unpack(a.body)
		if err != nil || len(files) != 1 || string(files[0].Data) != want || a.header.Get("Content-Type") != "application/gzip" {
			t.Errorf("version %q has %+v (%v)", sha, files, err)
		}
	}

	// What is disabled stays so, and is shown.
	f.do(v1.ScopeRun, http.MethodPost, "/disable", v1.Disabled{Repository: ".modules/tool", Module: ".", Function: "b"}, http.StatusNoContent, nil)
	f.do(v1.ScopeRun, http.MethodPost, "/disable", v1.Disabled{Repository: ".modules/tool"}, http.StatusNoContent, nil)
	deploy(false, f.upload("tool", "b=B"))
	if disabled, err := f.store.Disabled(t.Context(), ".modules/tool"); err != nil || len(disabled) != 2 {
		t.Errorf("disabled are %+v (%v)", disabled, err)
	}
	if f.get("/modules", &list); len(list.Modules) != 2 || list.Modules[1].Disabled == nil || list.Modules[0].Disabled != nil {
		t.Errorf("the list is %+v", list.Modules)
	}

	f.do(v1.ScopeAdmin, http.MethodPost, "/modules/tool/rename", v1.Rename{Name: "tool-2"}, http.StatusNoContent, nil)
	f.do(v1.ScopeAdmin, http.MethodDelete, "/modules/tool-2", nil, http.StatusNoContent, nil)
	if f.get("/modules", &list); len(list.Modules) != 1 || list.Modules[0].Name != "other" {
		t.Errorf("at the end there are %+v", list.Modules)
	}
	var audit v1.Audit
	f.do(v1.ScopeAdmin, http.MethodGet, "/audit?limit=2", nil, http.StatusOK, &audit)
	if audit.Entries[0].Action != "delete-module" || audit.Entries[1].Action != "rename" || audit.Entries[1].Detail != "to tool-2" {
		t.Errorf("the audit log has %+v", audit.Entries)
	}
}

// One that is broken, and none is stored.
func TestDeployRefuses(t *testing.T) {
	f := newFixture(t)
	f.deployed("there")
	f.deployed("taken")
	good := f.upload("good", "x")
	raw := func(data string) v1.ModuleUpload { return v1.ModuleUpload{Name: "bad", Archive: []byte(data)} }
	for name, tc := range map[string]struct {
		uploads []v1.ModuleUpload
		status  int
		says    string
	}{
		"a broken module":  {[]v1.ModuleUpload{good, f.upload("bad", "x", "broken")}, 422, `"message":"bad: main.go:7:9: undefined","location":"body.modules[1].archive"`},
		"no module":        {[]v1.ModuleUpload{good, f.upload("bad", "x", "empty")}, 422, "bad: the repository has no Dagger module"},
		"no archive":       {[]v1.ModuleUpload{good, raw("hello")}, 422, "bad: it is no archive"},
		"one name twice":   {[]v1.ModuleUpload{good, good}, 422, "good: the name is given twice"},
		"two broken":       {[]v1.ModuleUpload{f.upload("one", "", "broken"), f.upload("two", "", "broken")}, 422, "two: main.go"},
		"a name with dots": {[]v1.ModuleUpload{good, f.upload("../bad", "x")}, 422, "body.modules[1].name"},
		"no modules":       {[]v1.ModuleUpload{}, 422, "body.modules"},
		"no engine":        {[]v1.ModuleUpload{good, f.upload("bad", "x", "away")}, 503, "no engine"},
		"too much":         {[]v1.ModuleUpload{raw(strings.Repeat("x", bundle.MaxPacked+1))}, 422, "the archive has more than 16 MiB"},
		"far too much":     {[]v1.ModuleUpload{raw(strings.Repeat("x", 50<<20))}, 413, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.do(v1.ScopeAdmin, http.MethodPost, "/modules", v1.Deploy{Modules: tc.uploads}, tc.status, nil)
			if a.problem(t); !bytes.Contains(a.body, []byte(tc.says)) {
				t.Errorf("says %.500s, want %q in it", a.body, tc.says)
			}
			var list v1.Modules
			if f.get("/modules", &list); len(list.Modules) != 2 {
				t.Errorf("there are %+v", list.Modules)
			}
		})
	}
	for name, tc := range map[string]struct {
		method, path string
		body         any
		status       int
		says         string
	}{
		"show nothing":              {"GET", "/modules/nobody", nil, 404, `there is no module \"nobody\"`},
		"files of nothing":          {"GET", "/modules/nobody/archive", nil, 404, `there is no module \"nobody\"`},
		"files of no version":       {"GET", "/modules/there/archive?sha=4711", nil, 404, `there is no version \"4711\"`},
		"rename nothing":            {"POST", "/modules/nobody/rename", v1.Rename{Name: "x"}, 404, `there is no module \"nobody\"`},
		"rename to what is no name": {"POST", "/modules/there/rename", v1.Rename{Name: "a/b"}, 422, "body.name"},
		"rename to a name in use":   {"POST", "/modules/there/rename", v1.Rename{Name: "taken"}, 409, "there is a module taken already"},
		"delete nothing":            {"DELETE", "/modules/nobody", nil, 404, `there is no module \"nobody\"`},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.do(v1.ScopeAdmin, tc.method, tc.path, tc.body, tc.status, nil)
			if a.problem(t); !bytes.Contains(a.body, []byte(tc.says)) {
				t.Errorf("says %.500s, want %q in it", a.body, tc.says)
			}
		})
	}
}

func TestCallOfAModule(t *testing.T) {
	f := newFixture(t)
	f.deployed("tool")
	first, err := f.store.Module(t.Context(), "tool")
	if err != nil {
		t.Fatal(err)
	}
	f.do(v1.ScopeAdmin, http.MethodPost, "/modules", v1.Deploy{Modules: []v1.ModuleUpload{f.upload("tool", "y")}}, http.StatusOK, nil)
	second, err := f.store.Module(t.Context(), "tool")
	if err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]string{"": second.SHA, first.SHA: first.SHA, second.SHA: second.SHA} {
		var made v1.Accepted
		f.do(v1.ScopeRun, http.MethodPost, "/call", v1.CallRequest{Repository: ".modules/tool", Ref: ref, Function: "x"}, http.StatusAccepted, &made)
		e, err := f.store.Event(t.Context(), made.Event)
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := e.Repository.Module(); !ok || id != second.ID || e.SHA != want || e.Ref != "" || !e.Trusted || e.Fork != "" {
			t.Errorf("the ref %q makes %+v of %+v", ref, e.Event, e.Repository)
		}
	}
	for name, tc := range map[string]struct {
		request v1.CallRequest
		status  int
		says    string
	}{
		"no such module":   {v1.CallRequest{Repository: ".modules/nobody", Function: "x"}, 404, `there is no module \"nobody\"`},
		"a branch":         {v1.CallRequest{Repository: ".modules/tool", Ref: "main", Function: "x"}, 422, "body.ref"},
		"no such version":  {v1.CallRequest{Repository: ".modules/tool", Ref: strings.Repeat("9", 40), Function: "x"}, 422, "is no version of the module"},
		"no such cause":    {v1.CallRequest{Repository: ".modules/tool", Function: "x", Cause: "4711"}, 422, "body.cause"},
		"a cause of signs": {v1.CallRequest{Repository: ".modules/tool", Function: "x", Cause: "a b"}, 422, "body.cause"},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.do(v1.ScopeRun, http.MethodPost, "/call", tc.request, tc.status, nil)
			if a.problem(t); !bytes.Contains(a.body, []byte(tc.says)) {
				t.Errorf("says %s, want %q in it", a.body, tc.says)
			}
		})
	}
}

// A chain of calls that call back ends.
func TestCallsThatFollow(t *testing.T) {
	f := newFixture(t)
	f.deployed("tool")
	cause := ""
	for depth := range events.MaxDepth + 2 {
		var made v1.Accepted
		f.do(v1.ScopeRun, http.MethodPost, "/call", v1.CallRequest{Repository: ".modules/tool", Function: "x", Cause: cause}, http.StatusAccepted, &made)
		e, err := f.store.Event(t.Context(), made.Event)
		if err != nil || e.Cause != cause || e.Depth != depth {
			t.Errorf("event %d follows from %q at depth %d (%v)", depth, e.Cause, e.Depth, err)
		}
		run, err := f.store.Run(t.Context(), made.Run)
		if err != nil {
			t.Fatal(err)
		}
		want := store.StateQueued
		if depth > events.MaxDepth {
			want = store.StateSkipped
		}
		if run.State != want {
			t.Errorf("the run at depth %d is %s: %s", depth, run.State, run.Reason)
		}
		cause = made.Event
	}
}

func TestCallIsChecked(t *testing.T) {
	var view *dispatcher.View
	var fault error
	var slow bool
	f := newFixture(t, func(o *api.Options, _ *http.Server) {
		o.Planner = planner(func(ctx context.Context, _ events.Event) (*dispatcher.View, error) {
			if slow {
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}
			return view, fault
		})
	})
	f.accept(push("a/b"))
	broken := dispatcher.Invalid{Module: "ci", Function: "build", Argument: "level", Error: `"MIDDLE" is none of LOW, HIGH`}
	for name, tc := range map[string]struct {
		view    *dispatcher.View
		fault   error
		slow    bool
		request v1.CallRequest
		status  int
		says    string
	}{
		"an argument":       {view: &dispatcher.View{Invalid: []dispatcher.Invalid{broken}}, status: 422, says: `"message":"ci:build: \"MIDDLE\" is none of LOW, HIGH","location":"body.args.level"`},
		"a function":        {view: &dispatcher.View{Invalid: []dispatcher.Invalid{{Function: "build", Error: "there is no function build"}}}, status: 422, says: `"message":"build: there is no function build","location":"body.function"`},
		"a module":          {view: &dispatcher.View{Invalid: []dispatcher.Invalid{{Module: "ci", Error: "cannot be loaded"}}}, status: 422, says: `"location":"body.module"`},
		"it can be called":  {view: &dispatcher.View{Calls: []dispatcher.CallView{{}}, Invalid: []dispatcher.Invalid{broken}}, status: 202},
		"it is disabled":    {view: &dispatcher.View{Skipped: []dispatcher.Skipped{{}}}, status: 202},
		"nobody can say":    {fault: errors.New("the forge is away"), status: 202},
		"it takes too long": {slow: true, status: 202},
		"all that match":    {view: &dispatcher.View{Invalid: []dispatcher.Invalid{broken}}, request: v1.CallRequest{Function: ""}, status: 202},
		"of a stranger's":   {view: &dispatcher.View{Invalid: []dispatcher.Invalid{broken}}, request: v1.CallRequest{Function: "build", Ref: "refs/pull/1/head"}, status: 202},
	} {
		t.Run(name, func(t *testing.T) {
			view, fault, slow = tc.view, tc.fault, tc.slow
			request := v1.CallRequest{Function: "build"}
			if name == "all that match" || tc.request.Ref != "" {
				request = tc.request
			}
			request.Repository = "a/b"
			a := f.do(v1.ScopeRun, http.MethodPost, "/call", request, tc.status, nil)
			if !bytes.Contains(a.body, []byte(tc.says)) {
				t.Errorf("says %s, want %q in it", a.body, tc.says)
			}
		})
	}
}

func TestDeclaredFunctions(t *testing.T) {
	f := newFixture(t)
	f.accept(push("a/b"))
	f.accept(push("a/broken"))
	var got v1.Declared
	f.do(v1.ScopeRun, http.MethodGet, "/functions/declared?repository=a/b&ref=main", nil, http.StatusOK, &got)
	want := v1.Declared{Repository: "a/b", SHA: sha, Modules: []v1.DeclaredModule{
		{Module: "ci", Name: "CI", Checks: []v1.DeclaredCheck{}, Functions: []v1.DeclaredFunction{{
			Name: "build", Description: "Builds.", Returns: "String!", Args: []v1.DeclaredArg{
				{Name: "src", Type: "Directory!", Required: true, Kind: "directory", Filled: true},
				{Name: "levels", Description: "How.", Type: "[Level]!", Default: []byte(`["LOW"]`), Kind: "list", Item: "enum", Values: []string{"HIGH", "LOW"}},
				{Name: "base", Type: "Container", Kind: "other"},
			},
			Trigger: "by hand only: its name is not a trigger: it has no On<Vendor><Event><Filter>", ByHand: true,
		}}},
		{Module: "web", Functions: []v1.DeclaredFunction{}, Checks: []v1.DeclaredCheck{}, Error: "web/main.go:7:9: undefined"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("declared (-want +got):\n%s", diff)
	}
	f.deployed("tool")
	f.do(v1.ScopeRun, http.MethodGet, "/functions/declared?repository=.modules/tool", nil, http.StatusOK, &got)
	for path, want := range map[string]int{
		"/functions/declared":                                         422,
		"/functions/declared?repository=no/body":                      404,
		"/functions/declared?repository=.modules/nobody":              404,
		"/functions/declared?repository=a/b&ref=a..b":                 422,
		"/functions/declared?repository=a/b&ref=" + sha[:39] + "b":    409,
		"/functions/declared?repository=a/broken":                     422,
		"/functions/declared?repository=.modules/tool&ref=" + sha[:7]: 422,
	} {
		f.do(v1.ScopeRun, http.MethodGet, path, nil, want, nil).problem(t)
	}
}
