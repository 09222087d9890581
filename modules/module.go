// Package modules describes Dagger modules in plain Go types, whatever the SDK
// they are written in. The package knows no Dagger client: modules/engine
// fills these types in from a real engine and calls what they describe.
package modules

import (
	"encoding/json"
	"strings"
)

// Module is a loaded Dagger module as far as calling it goes.
type Module struct {
	// Path is the module's path inside its repository, slash-separated and
	// without a leading "./"; "." is the repository's root. It is the name
	// the module is known by everywhere.
	Path string
	// Name is the module's own name in its dagger.json.
	Name string
	// Constructor holds the arguments of the main object's constructor.
	Constructor []Arg
	// Functions are the functions of the main object in the order that
	// Dagger lists them.
	Functions []Function
	// Checks are the functions that the module marks as checks, by name. Those
	// of the main object are among Functions as well.
	Checks []Check `json:",omitempty"`
}

// Function returns the function with the given name, which may be spelt as the
// source or a command line spells it (OnGithubPush, on-github-push), or nil.
func (m *Module) Function(name string) *Function {
	for i := range m.Functions {
		if SameName(m.Functions[i].Name, name) {
			return &m.Functions[i]
		}
	}
	return nil
}

// Function is one function of a module's main object.
type Function struct {
	// Name is the name under which Dagger serves the function (lower camel
	// case), which can differ from the name in the source.
	Name        string
	Description string
	Args        []Arg
	Returns     Type
}

// Arg returns the argument with the given name, or nil.
func (f *Function) Arg(name string) *Arg {
	for i := range f.Args {
		if f.Args[i].Name == name {
			return &f.Args[i]
		}
	}
	return nil
}

// Arg is one argument of a function.
type Arg struct {
	Name        string
	Description string
	Type        Type
	// Default is the default value as JSON, nil when there is none or when
	// the SDK hides it from introspection, as Dang's does. Encoded as JSON,
	// none is left out: null would be read back as a default value.
	Default json.RawMessage `json:",omitempty"`
}

// Required reports whether a call that leaves the argument out is refused by
// the engine.
func (a *Arg) Required() bool { return !a.Type.Optional && a.Default == nil }

// Kind is the shape of a type.
type Kind string

// The kinds of types that Dagger functions take and return.
const (
	KindVoid    Kind = "void"
	KindString  Kind = "string"
	KindInteger Kind = "integer"
	KindFloat   Kind = "float"
	KindBoolean Kind = "boolean"
	KindEnum    Kind = "enum"
	KindScalar  Kind = "scalar"
	KindList    Kind = "list"
	KindObject  Kind = "object"
	KindInput   Kind = "input"
)

// Type is the type of an argument or a return value.
type Type struct {
	Kind Kind
	// Name is the name of an object (Directory, File, Secret, …), enum,
	// scalar or input; empty for the other kinds.
	Name string
	// Elem is the type of a list's items, nil for every other kind.
	Elem *Type
	// Values are the members of an enum.
	Values []string
	// Optional says that null is allowed.
	Optional bool
}

// IsObject reports whether t is the object type with the given name.
func (t Type) IsObject(name string) bool { return t.Kind == KindObject && t.Name == name }

// String renders the type as GraphQL writes it, for error messages: String!,
// [Int!], Directory.
func (t Type) String() string {
	var b strings.Builder
	switch t.Kind {
	case KindList:
		b.WriteString("[")
		if t.Elem != nil {
			b.WriteString(t.Elem.String())
		}
		b.WriteString("]")
	case KindString:
		b.WriteString("String")
	case KindInteger:
		b.WriteString("Int")
	case KindFloat:
		b.WriteString("Float")
	case KindBoolean:
		b.WriteString("Boolean")
	case KindVoid:
		b.WriteString("Void")
	default:
		b.WriteString(t.Name)
	}
	if !t.Optional {
		b.WriteString("!")
	}
	return b.String()
}
