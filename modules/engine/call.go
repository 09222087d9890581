package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dagger.io/dagger"

	"github.com/franela/pocketci/modules"
)

// Call calls one function and waits for everything that its value stands for:
// a Container, Directory, File or other object that can be synced is, so that
// its steps really run. Cancelling ctx ends the call and its containers.
//
// report, if not nil, is given the steps of the call in their order, from one
// goroutine at a time, and not after Call has returned. A report that cannot
// keep up loses output, and is told so in its place.
//
// Errors are a [*CallError] if the function failed, an [*ArgError] if it could
// not be called with these values, the context's error, or wrap
// [modules.ErrUnavailable] if the engine was lost.
func (s *Session) Call(ctx context.Context, call modules.Call, report func(modules.Step)) (modules.Result, error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return modules.Result{}, err
	}
	defer done()
	query, err := s.query(ctx, call)
	if err != nil {
		return modules.Result{}, err
	}
	traced, finish := s.traces.begin(ctx, report)
	var data map[string]json.RawMessage
	err = s.link.client.Do(traced, &dagger.Request{Query: query}, &dagger.Response{Data: &data})
	finish(s.link.proc.exited)
	if err != nil {
		return modules.Result{}, s.callError(ctx, call.Function, err)
	}
	value, err := follow(data[s.schema.Field], pathOf(call))
	if err != nil {
		return modules.Result{}, fmt.Errorf("call %s: %w", call.Function, err)
	}
	return result(call.Returns, value)
}

// query writes the request: the constructor, the function and, of its value,
// what makes the work happen.
func (s *Session) query(ctx context.Context, call modules.Call) (string, error) {
	for _, arg := range s.schema.Module.Constructor {
		if arg.Required() {
			return "", &ArgError{Function: call.Function, Argument: arg.Name, Err: errors.New("the module's constructor requires it")}
		}
	}
	construct, err := s.args(ctx, "", nil)
	if err != nil {
		return "", err
	}
	selected, err := s.selected(ctx, call)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("query { %s%s { %s } }", s.schema.Field, construct, selected), nil
}

// args writes a function's arguments in parentheses.
func (s *Session) args(ctx context.Context, function string, bound []modules.Bound) (string, error) {
	var parts []string
	for _, b := range bound {
		text, err := s.value(ctx, function, b)
		if err != nil {
			return "", argError(ctx, function, b.Name, err)
		}
		parts = append(parts, b.Name+": "+text)
	}
	for _, c := range s.schema.Contextual[function] {
		if slices.ContainsFunc(bound, func(b modules.Bound) bool { return b.Name == c.Name }) {
			continue
		}
		id, err := s.part(ctx, c)
		if err != nil {
			return "", argError(ctx, function, c.Name, err)
		}
		if id != "" {
			parts = append(parts, c.Name+": "+quote(string(id)))
		}
	}
	if len(parts) == 0 {
		return "", nil
	}
	return "(" + strings.Join(parts, ", ") + ")", nil
}

func (s *Session) value(ctx context.Context, function string, b modules.Bound) (string, error) {
	var id dagger.ID
	var err error
	switch b.Value.Kind {
	case modules.ValueConst:
		return literal(b.Type, b.Value.Const)
	case modules.ValueSource:
		id, err = s.source(ctx, b.Value.Git)
		if ignore := s.schema.Ignore[function][b.Name]; err == nil && len(ignore) > 0 {
			id, err = s.without(ctx, id, ignore)
		}
	case modules.ValueEvent:
		id, err = s.eventFile(ctx)
	case modules.ValueSecret:
		id, err = s.secret(ctx, b.Value.Secret)
	case modules.ValuePath:
		id, err = s.file(ctx, b.Type, b.Value.Path)
	default:
		err = fmt.Errorf("values of kind %q are unknown", b.Value.Kind)
	}
	return quote(string(id)), err
}

// selection writes what is asked of a returned object: its sync where it has
// one, because objects are lazy, else its id, for which the function has to
// run as well. A list asks it of every item.
func (s *Session) selection(t modules.Type) string {
	for t.Kind == modules.KindList && t.Elem != nil {
		t = *t.Elem
	}
	if t.Kind != modules.KindObject {
		return ""
	}
	if slices.Contains(s.schema.Syncable, t.Name) {
		return " { sync }"
	}
	return " { id }"
}

// result turns the JSON of a returned value into a call's output.
func result(t modules.Type, value json.RawMessage) (modules.Result, error) {
	value = bytes.TrimSpace(value)
	elem := t
	for elem.Kind == modules.KindList && elem.Elem != nil {
		elem = *elem.Elem
	}
	switch {
	case elem.Kind == modules.KindObject, t.Kind == modules.KindVoid, len(value) == 0, string(value) == "null":
		return modules.Result{}, nil
	case t.Kind == modules.KindString:
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return modules.Result{}, fmt.Errorf("read returned string: %w", err)
		}
		return modules.Result{Output: text}, nil
	}
	return modules.Result{Output: string(value)}, nil
}

func (s *Session) callError(ctx context.Context, function string, err error) error {
	err = s.link.classify(ctx, err)
	if ctx.Err() != nil || errors.Is(err, modules.ErrUnavailable) {
		return fmt.Errorf("call %s: %w", function, err)
	}
	mask := s.link.engine.cfg.Mask
	e := &CallError{Function: function, Message: message(err.Error())}
	if r := reported(err); r != nil {
		e.Message = message(r.Message)
	}
	var exec *dagger.ExecError
	if errors.As(err, &exec) {
		if build := s.link.buildError(ctx, s.run.Module); build != nil {
			return build
		}
		e.Message = message(exec.Message())
		e.Command, e.ExitCode = masked(exec.Cmd, mask), exec.ExitCode
		e.Stdout, e.Stderr = last(mask(exec.Stdout)), last(mask(exec.Stderr))
	}
	return e
}

// masked masks the words of a command, which errors show in part.
func masked(args []string, mask func(string) string) []string {
	args = slices.Clone(args)
	for i := range args {
		args[i] = mask(args[i])
	}
	return args
}

// last gives the end of a step's output.
func last(s string) string {
	if over := len(s) - MaxErrorOutput; over > 0 {
		s = strings.ToValidUTF8(s[over:], "")
	}
	return s
}
