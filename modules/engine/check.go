package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dagger.io/dagger"
	"github.com/iancoleman/strcase" // names checks as the engine does

	"github.com/franela/pocketci/modules"
)

// listedCheck is a check as the engine lists it.
type listedCheck struct {
	Name, Description string
	Path              []string
}

// markedType says which functions of an object are marked as checks.
type markedType struct {
	Name   string
	Fields []struct {
		Name       string
		Directives []struct{ Name string }
	}
}

// checkDirective is what the engine's schema marks a check with. It is there
// also where the engine does not list the function, which requires arguments.
const checkDirective = "check"

// readChecks adds to s the checks of the module. Generators, which Dagger's
// command line runs as checks as well, are none.
func readChecks(ctx context.Context, client *dagger.Client, s *schema, defs []typeDef, module *dagger.Module) error {
	id, err := module.ID(ctx)
	if err != nil {
		return fmt.Errorf("introspect module %s: %w", s.Module.Path, err)
	}
	query := `query($id: ID!) { node(id: $id) { ... on Module { checks(noGenerate: true) { list { name description path } } } }`
	for i, def := range defs {
		if o := def.AsObject; o != nil && o.SourceModuleName == s.Module.Name {
			query += fmt.Sprintf(` t%d: __type(name: %s) { name fields { name directives { name } } }`, i, strconv.Quote(o.Name))
		}
	}
	var data map[string]json.RawMessage
	err = client.Do(ctx, &dagger.Request{Query: query + " }", Variables: map[string]any{"id": id}}, &dagger.Response{Data: &data})
	if err != nil {
		return fmt.Errorf("introspect the checks of module %s: %w", s.Module.Path, err)
	}
	var listed struct{ Checks struct{ List []listedCheck } }
	var marked []markedType
	for key, raw := range data {
		if key == "node" {
			err = json.Unmarshal(raw, &listed)
		} else {
			var t *markedType
			if err = json.Unmarshal(raw, &t); t != nil {
				marked = append(marked, *t)
			}
		}
		if err != nil {
			return fmt.Errorf("introspect the checks of module %s: %w", s.Module.Path, err)
		}
	}
	return s.addChecks(defs, listed.Checks.List, marked)
}

// addChecks adds the checks that the engine lists, and those that are marked
// and require arguments.
func (s *schema) addChecks(defs []typeDef, listed []listedCheck, marked []markedType) error {
	w := walker{schema: s, reader: newReader(defs), marks: map[string]bool{}}
	for _, t := range marked {
		for _, f := range t.Fields {
			for _, d := range f.Directives {
				if d.Name == checkDirective {
					w.marks[t.Name+"."+f.Name] = true
				}
			}
		}
	}
	for _, l := range listed {
		check, err := w.find(l)
		if err != nil {
			return err
		}
		s.Module.Checks = append(s.Module.Checks, check)
		// With a default of the user's own, what is required is not.
		delete(w.marks, w.last)
	}
	w.demanding(s.main, nil, map[string]bool{})
	slices.SortFunc(s.Module.Checks, func(a, b modules.Check) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// walker finds checks in the types of a module.
type walker struct {
	schema *schema
	reader reader
	marks  map[string]bool // functions marked as checks, as Type.function
	last   string          // the function that was found last, in the same way
}

// find describes a check that the engine lists.
func (w *walker) find(l listedCheck) (modules.Check, error) {
	check := modules.Check{Name: l.Name, Description: l.Description, Path: l.Path}
	at := w.schema.main
	for i, name := range l.Path {
		ref, ok := w.step(at, l.Path[:i+1])
		if !ok {
			return check, &LoadError{Module: w.schema.Module.Path, Message: fmt.Sprintf("the check %s is listed, and %s has no %s", l.Name, cmp.Or(at, l.Path[max(i-1, 0)]), name)}
		}
		check.Returns, w.last = w.reader.typ(ref, 0), at+"."+name
		at = check.Returns.Name
	}
	if len(l.Path) == 0 {
		return check, &LoadError{Module: w.schema.Module.Path, Message: fmt.Sprintf("the check %q is listed without a path", l.Name)}
	}
	return check, nil
}

// step gives the type of the last field of a path, which is one of the given
// object, and remembers what of the repository it takes by default.
func (w *walker) step(object string, path []string) (typeRef, bool) {
	def := w.reader.types[object]
	if def == nil || def.AsObject == nil {
		return typeRef{}, false
	}
	name := path[len(path)-1]
	for _, f := range def.AsObject.Functions {
		if f.Name != name {
			continue
		}
		if len(path) > 1 {
			key := strings.Join(path, ".")
			if _, known := w.schema.Contextual[key]; !known {
				w.reader.args(w.schema, key, f.Args)
			}
		}
		return f.ReturnType, true
	}
	for _, f := range def.AsObject.Fields {
		if f.Name == name {
			return f.TypeDef, true
		}
	}
	return typeRef{}, false
}

// demanding adds the functions that are marked as checks and require arguments.
// Each type is looked at once, on the first way to it.
func (w *walker) demanding(object string, path []string, seen map[string]bool) {
	def := w.reader.types[object]
	if def == nil || def.AsObject == nil || seen[object] || def.AsObject.SourceModuleName != w.schema.Module.Name {
		return
	}
	seen[object] = true
	for _, f := range def.AsObject.Functions {
		to := append(slices.Clone(path), f.Name)
		requires := w.reader.required(f.Args)
		switch {
		case len(requires) == 0:
			w.demanding(f.ReturnType.Name, to, seen)
		case w.marks[object+"."+f.Name]:
			w.schema.Module.Checks = append(w.schema.Module.Checks, modules.Check{
				Name: checkName(to), Description: f.Description, Path: to,
				Returns: w.reader.typ(f.ReturnType, 0), Requires: requires,
			})
		}
	}
	for _, f := range def.AsObject.Fields {
		w.demanding(f.TypeDef.Name, append(slices.Clone(path), f.Name), seen)
	}
}

// checkName names a check as the engine does.
func checkName(path []string) string {
	names := make([]string, len(path))
	for i := range path {
		names[i] = strcase.ToKebab(path[i])
	}
	return strings.Join(names, ":")
}

// required gives the arguments without which the engine does not take a
// function for a check: what it fills in by itself it counts only in part.
func (r *reader) required(defs []argDef) []modules.Arg {
	var list []modules.Arg
	for _, def := range defs {
		if !def.TypeDef.Optional && def.DefaultPath == "" && (len(def.DefaultValue) == 0 || string(def.DefaultValue) == "null") {
			list = append(list, modules.Arg{Name: def.Name, Description: def.Description, Type: r.typ(def.TypeDef, 0)})
		}
	}
	return list
}

// pathOf gives the fields from the main object to what is called.
func pathOf(call modules.Call) []string {
	if len(call.Path) > 0 {
		return call.Path
	}
	return []string{call.Function}
}

// selected writes what is asked of the main object. A check is called in the
// same way as a function, by the fields on its way: run through Dagger's own
// list it would get its default paths from the module's folder and not from the
// repository, and its error would have lost the step that failed.
func (s *Session) selected(ctx context.Context, call modules.Call) (string, error) {
	path := pathOf(call)
	var b strings.Builder
	for i, field := range path {
		var bound []modules.Bound
		if i == len(path)-1 {
			bound = call.Args
		}
		args, err := s.args(ctx, strings.Join(path[:i+1], "."), bound)
		if err != nil {
			return "", err
		}
		if i > 0 {
			b.WriteString(" { ")
		}
		b.WriteString(field + args)
	}
	b.WriteString(s.selection(call.Returns) + strings.Repeat(" }", len(path)-1))
	return b.String(), nil
}

// follow gives the value at the end of a path of fields.
func follow(object json.RawMessage, path []string) (json.RawMessage, error) {
	for _, field := range path {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(object, &fields); err != nil {
			return nil, fmt.Errorf("read the value of %s: %w", strings.Join(path, "."), err)
		}
		object = fields[field]
	}
	return object, nil
}
