package dispatcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/franela/pocketci/internal/secretref"
	"github.com/franela/pocketci/modules"
)

// ByHand binds a function's arguments to values that a person typed, for a
// call without an event to match. Values are checked against the function's
// own types: lists are written as JSON or with commas, a Secret as a reference
// (env://NAME, agent://NAME, op://…), a Directory or File as a path in the tree, or
// anywhere if the tree is the user's own. An argument src of type Directory and an
// argument eventTrigger of type File are filled in if they are not given. The
// error names the function and the argument.
func ByHand(modulePath string, fn *modules.Function, given map[string]string, tree modules.Tree) (Call, error) {
	args, argument, err := bindByHand(fn, given, typed{tree}, nil)
	if err != nil {
		return Call{}, fmt.Errorf("%s:%s: argument %s: %w", modulePath, fn.Name, argument, err)
	}
	return Call{Module: modulePath, Call: modules.Call{Function: fn.Name, Args: args, Returns: fn.Returns}, Why: whyByHand}, nil
}

// whyByHand is why a function is called that no event has matched.
const whyByHand = "called by hand"

// bindByHand gives every argument its value: the one that was typed, else what
// otherwise has for it, which may be nil. The error is about argument.
func bindByHand(fn *modules.Function, given map[string]string, typed typed, otherwise func(*modules.Arg) (modules.Value, bool, error)) (args []modules.Bound, argument string, err error) {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if argOf(fn, name) == nil {
			var names []string
			for _, a := range fn.Args {
				names = append(names, a.Name)
			}
			slices.Sort(names)
			return nil, name, fmt.Errorf("the function does not declare it; it has %s", strings.Join(append(names, "no other"), ", "))
		}
	}
	for i := range fn.Args {
		arg := &fn.Args[i]
		value, ok, err := typed.value(arg, given)
		if err == nil && !ok && otherwise != nil {
			value, ok, err = otherwise(arg)
		}
		if err != nil {
			return nil, arg.Name, err
		}
		if ok {
			args = append(args, modules.Bound{Name: arg.Name, Type: arg.Type, Value: value})
		} else if arg.Required() {
			return nil, arg.Name, fmt.Errorf("it is required (%s); give it by name", arg.Type)
		}
	}
	return args, "", nil
}

// typed reads values as a person types them. Paths are those of the tree.
type typed struct{ tree modules.Tree }

func (r typed) value(arg *modules.Arg, given map[string]string) (modules.Value, bool, error) {
	for name, text := range given {
		if modules.SameName(name, arg.Name) {
			value, err := r.parse(arg.Type, text)
			return value, err == nil, err
		}
	}
	switch {
	case arg.Name == "src" && arg.Type.IsObject("Directory"):
		return modules.Value{Kind: modules.ValueSource}, true, nil
	case arg.Name == "eventTrigger" && arg.Type.IsObject("File"):
		return modules.Value{Kind: modules.ValueEvent}, true, nil
	}
	return modules.Value{}, false, nil
}

// parse reads one value.
func (r typed) parse(t modules.Type, text string) (modules.Value, error) {
	switch {
	case t.IsObject("Secret"):
		if !secretref.Valid(text) {
			return modules.Value{}, errors.New("a secret is given by reference, as env://NAME, agent://NAME or the URI of a secret provider")
		}
		return modules.Value{Kind: modules.ValueSecret, Secret: text}, nil
	case t.IsObject("Directory"), t.IsObject("File"):
		return r.path(t, text)
	case !isConstantType(t):
		return modules.Value{}, fmt.Errorf("a %s cannot be given here; use dagger call", t)
	}
	if t.Kind == modules.KindList && !strings.HasPrefix(strings.TrimSpace(text), "[") {
		var items []any
		for item := range strings.SplitSeq(text, ",") {
			v, err := parseConstant(*t.Elem, strings.TrimSpace(item))
			if err != nil {
				return modules.Value{}, err
			}
			items = append(items, v)
		}
		return modules.Value{Kind: modules.ValueConst, Const: items}, nil
	}
	v, err := parseConstant(t, text)
	return modules.Value{Kind: modules.ValueConst, Const: v}, err
}

func parseConstant(t modules.Type, text string) (any, error) {
	var value any = text
	switch t.Kind {
	case modules.KindInteger:
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return nil, fmt.Errorf("%s is a number of more than 64 bits", text)
		case err != nil:
			return nil, fmt.Errorf("%q is not a whole number", text)
		}
		value = n
	case modules.KindFloat:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, fmt.Errorf("%q is not a number", text)
		}
		value = f
	case modules.KindBoolean:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not true or false", text)
		}
		value = b
	case modules.KindList:
		items, err := parseItems(text)
		if err != nil {
			return nil, err
		}
		for i, item := range items {
			if item == nil {
				return nil, fmt.Errorf("item %d: there is no null in a list", i+1)
			}
			v, err := parseConstant(*t.Elem, itemText(item))
			if err != nil {
				return nil, fmt.Errorf("item %d: %w", i+1, err)
			}
			items[i] = v
		}
		return items, nil
	}
	return constantFor(t, value)
}

// parseItems reads a JSON list and nothing behind it.
func parseItems(text string) ([]any, error) {
	items := []any{}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&items); err != nil {
		return nil, fmt.Errorf("%q is not a JSON list: %w", text, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%q is not a JSON list: something stands behind it", text)
	}
	return items, nil
}

// itemText returns an item of a JSON list as it would be typed alone.
func itemText(item any) string {
	if s, ok := item.(string); ok {
		return s
	}
	text, err := json.Marshal(item)
	if err != nil {
		return fmt.Sprint(item)
	}
	return string(text)
}
