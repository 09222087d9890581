package looktest

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/bundle"
	"github.com/franela/pocketci/internal/web/webtest"
	"github.com/franela/pocketci/modules"
)

// declared is what the modules of every repository declare, since loading them needs an
// engine. Repositories with long names have long functions.
type declared struct{}

// Functions implements [api.Inspector].
func (declared) Functions(_ context.Context, e events.Event) (string, []dispatcher.Declared, error) {
	m := &modules.Module{Path: "ci", Name: "ci", Functions: []modules.Function{greet("greet", "Greets somebody."), {Name: "onGithubPush", Returns: text}}}
	if e.Repository != nil && e.Repository.FullName == longRepository {
		m = &modules.Module{Path: "ci", Name: "ci", Functions: []modules.Function{greet("greet", longText+hostile), greet(longFunction, longText)}}
		for i := range m.Functions {
			arg := &m.Functions[i].Args[0]
			arg.Name, arg.Description = "name"+strings.Repeat("VeryLong", 20), longText+hostile
		}
	}
	return webtest.SHA, []dispatcher.Declared{{Path: m.Path, Module: m}}, nil
}

// FunctionsOf implements [api.Inspector].
func (d declared) FunctionsOf(ctx context.Context, _ []bundle.File) ([]dispatcher.Declared, error) {
	_, list, err := d.Functions(ctx, events.Event{})
	return list, err
}

var (
	text = modules.Type{Kind: modules.KindString}
	mood = modules.Type{Kind: modules.KindEnum, Name: "Mood", Values: []string{"SAD", "HAPPY"}}
)

// greet is a function with an argument of each kind.
func greet(name, doc string) modules.Function {
	optional := func(t modules.Type) modules.Type { t.Optional = true; return t }
	return modules.Function{Name: name, Description: doc, Returns: text, Args: []modules.Arg{
		{Name: "name", Type: text, Description: "Whom to greet."},
		{Name: "title", Type: optional(text), Default: json.RawMessage(`"Dr."`)},
		{Name: "times", Type: modules.Type{Kind: modules.KindInteger}},
		{Name: "loud", Type: optional(modules.Type{Kind: modules.KindBoolean}), Default: json.RawMessage("true")},
		{Name: "mood", Type: mood},
		{Name: "tags", Type: optional(modules.Type{Kind: modules.KindList, Elem: &text})},
		{Name: "moods", Type: optional(modules.Type{Kind: modules.KindList, Elem: &mood})},
		{Name: "token", Type: optional(modules.Type{Kind: modules.KindObject, Name: "Secret"})},
		{Name: "src", Type: modules.Type{Kind: modules.KindObject, Name: "Directory"}},
	}}
}
