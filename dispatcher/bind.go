package dispatcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/secretref"
	"github.com/franela/pocketci/modules"
)

// bind gives every argument that the function declares its value. Arguments
// that pocketci has nothing for are left out if they are optional; a required
// one is an error, and argument names it.
func bind(in Input, fn *modules.Function, settings config.Function) (args []modules.Bound, argument string, err error) {
	if name, err := undeclared(fn, settings); err != nil {
		return nil, name, err
	}
	for i := range fn.Args {
		arg := &fn.Args[i]
		value, bound, err := valueFor(in, arg, settings)
		if err != nil {
			return nil, arg.Name, err
		}
		if bound {
			args = append(args, modules.Bound{Name: arg.Name, Type: arg.Type, Value: value})
			continue
		}
		if arg.Required() {
			return nil, arg.Name, unboundError(arg)
		}
	}
	return args, "", nil
}

// undeclared refuses constants for arguments that do not exist.
func undeclared(fn *modules.Function, settings config.Function) (argument string, err error) {
	for _, name := range slices.Sorted(maps.Keys(settings.Args)) {
		if argOf(fn, name) == nil {
			return name, fmt.Errorf("%s:%d: args sets %s, which the function does not declare", config.FileName, settings.Line, name)
		}
	}
	return "", nil
}

// argOf finds an argument by a name from pocketci.yaml.
func argOf(fn *modules.Function, name string) *modules.Arg {
	if arg := fn.Arg(name); arg != nil {
		return arg
	}
	for i := range fn.Args {
		if modules.SameName(fn.Args[i].Name, name) {
			return &fn.Args[i]
		}
	}
	return nil
}

// valueFor returns what an argument is called with. An argument with one of
// pocketci's names and another type is the function's own and left alone: base
// is often a Container.
func valueFor(in Input, arg *modules.Arg, settings config.Function) (modules.Value, bool, error) {
	if value, ok, err := constantOf(in, arg, settings); ok || err != nil {
		return value, ok, err
	}
	if value, ok := eventValue(in, arg, settings); ok {
		return value, true, nil
	}
	return secretFor(in, arg)
}

// constantOf returns the value that pocketci.yaml gives an argument.
func constantOf(in Input, arg *modules.Arg, settings config.Function) (modules.Value, bool, error) {
	for name, constant := range settings.Args {
		if !modules.SameName(name, arg.Name) {
			continue
		}
		if _, own := eventValue(in, arg, settings); own {
			return modules.Value{}, false, fmt.Errorf("args cannot set %s: pocketci passes it", arg.Name)
		}
		value, err := constantFor(arg.Type, constant)
		if err != nil {
			return modules.Value{}, false, fmt.Errorf("args: %s is %s: %w", arg.Name, arg.Type, err)
		}
		return modules.Value{Kind: modules.ValueConst, Const: value}, true, nil
	}
	return modules.Value{}, false, nil
}

// eventValue returns the value of the arguments that the event fills.
func eventValue(in Input, arg *modules.Arg, settings config.Function) (modules.Value, bool) {
	constant := func(v any) (modules.Value, bool) {
		return modules.Value{Kind: modules.ValueConst, Const: v}, true
	}
	isString := arg.Type.Kind == modules.KindString
	switch {
	case arg.Name == "src" && arg.Type.IsObject("Directory"):
		return modules.Value{Kind: modules.ValueSource, Git: in.Config.Git}, true
	case arg.Name == "eventTrigger" && arg.Type.IsObject("File"):
		return modules.Value{Kind: modules.ValueEvent}, true
	case arg.Name == "vendor" && isString:
		return constant(in.Event.Vendor)
	case arg.Name == "event" && isString:
		return constant(in.Event.Name)
	case arg.Name == "filter" && isString:
		return constant(in.Event.Filter)
	case arg.Name == "base" && isString:
		return constant(in.Event.BaseRef)
	case arg.Name == "runUrl" && isString:
		return constant(in.RunURL)
	case arg.Name == "schedule" && isString && settings.Schedule != "":
		return constant(settings.Schedule)
	case arg.Name == "onChanges" && isString:
		return constant(in.joined())
	case arg.Name == "onChanges" && isStringList(arg.Type):
		return constant(in.items())
	}
	return modules.Value{}, false
}

func itemsOf(files []string) []any {
	items := make([]any, len(files))
	for i, f := range files {
		items[i] = f
	}
	return items
}

// joinFiles writes a list of files into one string: with commas where that can
// be taken apart again, as a JSON list where a name has a comma or a newline.
func joinFiles(files []string) string {
	if !slices.ContainsFunc(files, func(f string) bool { return strings.ContainsAny(f, ",\n") }) {
		return strings.Join(files, ",")
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(files); err != nil {
		panic(fmt.Sprintf("encode a list of strings: %v", err)) // cannot happen: strings always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// secretFor binds an argument to the secret that pocketci.yaml maps to its
// name.
func secretFor(in Input, arg *modules.Arg) (modules.Value, bool, error) {
	at := slices.IndexFunc(in.Config.Secrets, func(s config.Secret) bool { return modules.SameName(s.Name, arg.Name) })
	if at < 0 {
		return modules.Value{}, false, nil
	}
	secret := in.Config.Secrets[at]
	if !arg.Type.IsObject("Secret") {
		return modules.Value{}, false, fmt.Errorf("%s:%d: secret %s is mapped to an argument of type %s; only a Secret can take it", config.FileName, secret.Line, secret.Name, arg.Type)
	}
	ref := SecretRef(secret)
	switch err := in.checkSecret(ref); {
	case err != nil && !arg.Required() && isWithheld(err):
		return modules.Value{}, false, nil
	case err != nil:
		return modules.Value{}, false, fmt.Errorf("%s:%d: secret %s: %w", config.FileName, secret.Line, secret.Name, err)
	}
	return modules.Value{Kind: modules.ValueSecret, Secret: ref}, true, nil
}

// isWithheld reports whether a run gets no secrets at all, as that of a fork's pull
// request, whose checks are to run all the same.
func isWithheld(err error) bool {
	w, ok := errors.AsType[interface {
		error
		Withheld() bool
	}](err)
	return ok && w.Withheld()
}

// checkSecret says why a secret reference may not or cannot be resolved.
func (in *Input) checkSecret(ref string) error {
	if in.Secret == nil {
		return errors.New("no secret may be used here")
	}
	return in.Secret(ref)
}

// SecretRef returns the reference by which a secret is looked up: env://NAME,
// agent://NAME or the URI of a secret provider. But for agent:// it is also what
// the dagger command line takes in place of a value.
func SecretRef(s config.Secret) string {
	switch {
	case s.FromAgent != "":
		return secretref.AgentScheme + s.FromAgent
	case s.FromProvider != "":
		return s.FromProvider
	}
	return secretref.EnvScheme + s.FromEnv
}

func unboundError(arg *modules.Arg) error {
	switch {
	case arg.Type.IsObject("Secret"):
		return fmt.Errorf("required secret %s is not mapped; add it under secrets in %s", arg.Name, config.FileName)
	case slices.Contains([]string{"src", "eventTrigger", "vendor", "event", "filter", "base", "onChanges", "runUrl"}, arg.Name):
		return fmt.Errorf("required argument %s is %s, which is not the type that pocketci passes by that name; see docs/matching.md", arg.Name, arg.Type)
	case isConstantType(arg.Type):
		return fmt.Errorf("required argument %s (%s) has no value; give it a default or set it under args in %s", arg.Name, arg.Type, config.FileName)
	}
	return fmt.Errorf("required argument %s (%s) is nothing that an event can fill; make it optional", arg.Name, arg.Type)
}

func isConstantType(t modules.Type) bool {
	switch t.Kind {
	case modules.KindString, modules.KindInteger, modules.KindFloat, modules.KindBoolean, modules.KindEnum, modules.KindScalar:
		return true
	case modules.KindList:
		return t.Elem != nil && isConstantType(*t.Elem)
	}
	return false
}

// constantFor checks a constant from pocketci.yaml against a type and returns
// it in the form that the type calls for.
func constantFor(t modules.Type, value any) (any, error) {
	mismatch := func() (any, error) { return nil, fmt.Errorf("%v cannot be passed", value) }
	switch t.Kind {
	case modules.KindString:
		if s, ok := value.(string); ok {
			return s, nil
		}
		return nil, fmt.Errorf("%v is not a string; put it in quotes", value)
	case modules.KindScalar:
		if s, ok := value.(string); ok {
			return s, nil
		}
	case modules.KindBoolean:
		if b, ok := value.(bool); ok {
			return b, nil
		}
	case modules.KindInteger:
		if n, ok := value.(int64); ok {
			return n, nil
		}
	case modules.KindFloat:
		switch n := value.(type) {
		case float64:
			return n, nil
		case int64:
			return float64(n), nil
		}
	case modules.KindEnum:
		if s, ok := value.(string); ok {
			if !slices.Contains(t.Values, s) {
				return nil, fmt.Errorf("%q is none of %s", s, strings.Join(slices.Sorted(slices.Values(t.Values)), ", "))
			}
			return s, nil
		}
	case modules.KindList:
		items, ok := value.([]any)
		if !ok || t.Elem == nil {
			return nil, fmt.Errorf("%v is not a list", value)
		}
		list := make([]any, 0, len(items))
		for i, item := range items {
			v, err := constantFor(*t.Elem, item)
			if err != nil {
				return nil, fmt.Errorf("item %d: %w", i+1, err)
			}
			list = append(list, v)
		}
		return list, nil
	}
	return mismatch()
}
