package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"dagger.io/dagger"

	"github.com/franela/pocketci/modules"
)

// typeDefsQuery asks for everything about the served module at once. Types
// refer to each other by name, so that nesting has no limit.
const typeDefsQuery = `
fragment ref on TypeDef { name optional }
fragment function on Function {
  name description sourceModuleName
  returnType { ...ref }
  args { name description defaultValue defaultPath defaultAddress ignore typeDef { ...ref } }
}
query {
  typeDefs: currentTypeDefs(returnAllTypes: true, hideCore: true) {
    name kind optional
    asObject { name sourceModuleName functions { ...function } fields { name typeDef { ...ref } } }
    asEnum { name members { name } }
    asScalar { name }
    asInput { name }
    asInterface { name }
    asList { elementTypeDef { ...ref } }
  }
}`

type (
	typeDef struct {
		Name     string
		Kind     string
		Optional bool
		AsObject *struct {
			Name, SourceModuleName string
			Functions              []functionDef
			Fields                 []fieldDef
		}
		AsEnum *struct {
			Name    string
			Members []struct{ Name string }
		}
		AsScalar, AsInput, AsInterface *struct{ Name string }
		AsList                         *struct{ ElementTypeDef typeRef }
	}
	typeRef struct {
		Name     string
		Optional bool
	}
	fieldDef struct {
		Name    string
		TypeDef typeRef
	}
	functionDef struct {
		Name, Description, SourceModuleName string
		ReturnType                          typeRef
		Args                                []argDef
	}
	argDef struct {
		Name, Description           string
		DefaultValue                json.RawMessage
		DefaultPath, DefaultAddress string
		Ignore                      []string
		TypeDef                     typeRef
	}
)

// schema is a served module with what calling it takes beyond the plain types.
type schema struct {
	Module modules.Module
	// Field is the field of the Query type that constructs the main object.
	Field string
	// Contextual are the arguments whose default is a path of the
	// repository, by function; the constructor is the function "", and one on
	// the way to a check is its path with dots.
	Contextual map[string][]contextual
	// Ignore are the patterns of what is not to be in a directory, by
	// function and argument.
	Ignore map[string]map[string][]string
	// Syncable are the object types that have a sync field.
	Syncable []string

	main string // the main object's type, known when it is read
}

// contextual is an argument that takes a part of the repository by default.
type contextual struct {
	Name, Type, Path string
	Ignore           []string
}

// introspect reads the module that is served in the session.
func introspect(ctx context.Context, client *dagger.Client, module *dagger.Module, path, name string) (*schema, error) {
	var data struct{ TypeDefs []typeDef }
	if err := client.Do(ctx, &dagger.Request{Query: typeDefsQuery}, &dagger.Response{Data: &data}); err != nil {
		return nil, fmt.Errorf("introspect module %s: %w", path, err)
	}
	s, err := readSchema(data.TypeDefs, path, name)
	if err != nil {
		return nil, err
	}
	return s, readChecks(ctx, client, s, data.TypeDefs, module)
}

// readSchema finds the module's main object the way Dagger's own command line
// does: its constructor is the field of Query that comes from the module.
func readSchema(defs []typeDef, path, name string) (*schema, error) {
	r := newReader(defs)
	query := r.types["Query"]
	if query == nil || query.AsObject == nil {
		return nil, fmt.Errorf("introspect module %s: the engine lists no Query type", path)
	}
	i := slices.IndexFunc(query.AsObject.Functions, func(f functionDef) bool { return f.SourceModuleName == name })
	if i < 0 {
		return nil, &LoadError{Module: path, Message: "the module has no main object"}
	}
	constructor := query.AsObject.Functions[i]
	main := r.types[constructor.ReturnType.Name]
	if main == nil || main.AsObject == nil {
		return nil, &LoadError{Module: path, Message: fmt.Sprintf("the constructor gives a %s, which is not an object", constructor.ReturnType.Name)}
	}
	s := &schema{Field: constructor.Name, main: main.AsObject.Name, Contextual: map[string][]contextual{}, Ignore: map[string]map[string][]string{}}
	s.Module = modules.Module{Path: path, Name: name, Constructor: r.args(s, "", constructor.Args)}
	for _, f := range main.AsObject.Functions {
		s.Module.Functions = append(s.Module.Functions, modules.Function{
			Name:        f.Name,
			Description: f.Description,
			Args:        r.args(s, f.Name, f.Args),
			Returns:     r.typ(f.ReturnType, 0),
		})
	}
	for _, def := range r.types {
		if def.AsObject != nil && slices.ContainsFunc(def.AsObject.Functions, func(f functionDef) bool { return f.Name == "sync" }) {
			s.Syncable = append(s.Syncable, def.AsObject.Name)
		}
	}
	slices.Sort(s.Syncable)
	return s, nil
}

type reader struct{ types map[string]*typeDef }

func newReader(defs []typeDef) reader {
	r := reader{types: make(map[string]*typeDef, len(defs))}
	for i := range defs {
		if _, known := r.types[defs[i].Name]; !known {
			r.types[defs[i].Name] = &defs[i]
		}
	}
	return r
}

func (r *reader) args(s *schema, function string, defs []argDef) []modules.Arg {
	args := make([]modules.Arg, 0, len(defs))
	for _, def := range defs {
		arg := modules.Arg{Name: def.Name, Description: def.Description, Type: r.typ(def.TypeDef, 0)}
		var text string
		// The default arrives as a JSON string that holds JSON.
		if json.Unmarshal(def.DefaultValue, &text) == nil && text != "" {
			arg.Default = json.RawMessage(text)
		}
		if def.DefaultPath != "" {
			s.Contextual[function] = append(s.Contextual[function], contextual{
				Name: def.Name, Type: arg.Type.Name, Path: def.DefaultPath, Ignore: def.Ignore,
			})
		}
		if len(def.Ignore) > 0 && arg.Type.IsObject("Directory") {
			if s.Ignore[function] == nil {
				s.Ignore[function] = map[string][]string{}
			}
			s.Ignore[function][def.Name] = def.Ignore
		}
		// The engine fills these in by itself, whatever the source says.
		if def.DefaultPath != "" || def.DefaultAddress != "" || arg.Type.IsObject("Workspace") {
			arg.Type.Optional = true
		}
		args = append(args, arg)
	}
	return args
}

// maxDepth limits lists of lists.
const maxDepth = 16

func (r *reader) typ(ref typeRef, depth int) modules.Type {
	t := modules.Type{Optional: ref.Optional}
	def := r.types[ref.Name]
	if def == nil || depth > maxDepth {
		t.Kind, t.Name = modules.KindObject, ref.Name
		return t
	}
	switch {
	case def.AsObject != nil:
		t.Kind, t.Name = modules.KindObject, def.AsObject.Name
	case def.AsInterface != nil:
		t.Kind, t.Name = modules.KindObject, def.AsInterface.Name
	case def.AsInput != nil:
		t.Kind, t.Name = modules.KindInput, def.AsInput.Name
	case def.AsScalar != nil:
		t.Kind, t.Name = modules.KindScalar, def.AsScalar.Name
	case def.AsEnum != nil:
		t.Kind, t.Name = modules.KindEnum, def.AsEnum.Name
		for _, m := range def.AsEnum.Members {
			t.Values = append(t.Values, m.Name)
		}
	case def.AsList != nil:
		elem := r.typ(def.AsList.ElementTypeDef, depth+1)
		t.Kind, t.Elem = modules.KindList, &elem
	default:
		t.Kind = plainKinds[def.Kind]
		if t.Kind == "" {
			t.Kind, t.Name = modules.KindObject, ref.Name
		}
	}
	return t
}

var plainKinds = map[string]modules.Kind{
	"STRING_KIND":  modules.KindString,
	"INTEGER_KIND": modules.KindInteger,
	"FLOAT_KIND":   modules.KindFloat,
	"BOOLEAN_KIND": modules.KindBoolean,
	"VOID_KIND":    modules.KindVoid,
}
