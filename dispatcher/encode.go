package dispatcher

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/franela/pocketci/modules"
)

// callFile is a call as it is stored.
type callFile struct {
	Module       string          `json:"module"`
	Function     string          `json:"function"`
	Path         []string        `json:"path,omitempty"`
	Args         []boundFile     `json:"args"`
	Returns      modules.Type    `json:"returns"`
	Why          string          `json:"why"`
	Timeout      time.Duration   `json:"timeout_ns,omitempty"`
	RunsOn       string          `json:"runs_on,omitempty"`
	Commit       string          `json:"commit,omitempty"`
	After        []int           `json:"after"`
	AfterSkipped []int           `json:"after_skipped,omitempty"`
	Concurrency  concurrencyFile `json:"concurrency,omitzero"`
	At           string          `json:"at,omitempty"`
	Converge     *Converging     `json:"converge,omitempty"`
}

type concurrencyFile struct {
	Group  string `json:"group"`
	Cancel bool   `json:"cancel"`
	Newest bool   `json:"newest,omitempty"`
}

type boundFile struct {
	Name   string            `json:"name"`
	Type   modules.Type      `json:"type"`
	Kind   modules.ValueKind `json:"kind"`
	Const  *constFile        `json:"const,omitempty"`
	Secret string            `json:"secret,omitempty"`
	Path   string            `json:"path,omitempty"`
	Git    bool              `json:"git,omitempty"`
}

// MarshalJSON writes the call so that [Call.UnmarshalJSON] reads the same one,
// with the types of its constants. It holds references to secrets and no
// secret. JSON has no place for text that is not UTF-8: outside of constants its
// invalid bytes become U+FFFD. The error is that of a constant whose type is
// none of those of [modules.Value].
func (c Call) MarshalJSON() ([]byte, error) {
	f := callFile{
		Module:       c.Module,
		Function:     c.Function,
		Path:         c.Path,
		Returns:      c.Returns,
		Why:          c.Why,
		Timeout:      c.Timeout,
		RunsOn:       c.RunsOn,
		Commit:       c.Commit,
		After:        c.After,
		AfterSkipped: c.AfterSkipped,
		Concurrency:  concurrencyFile(c.Concurrency),
		At:           c.At,
		Converge:     c.Converge,
	}
	if c.Args != nil {
		f.Args = make([]boundFile, len(c.Args))
	}
	for i, arg := range c.Args {
		b := boundFile{Name: arg.Name, Type: arg.Type, Kind: arg.Value.Kind, Secret: arg.Value.Secret, Path: arg.Value.Path, Git: arg.Value.Git}
		if arg.Value.Const != nil {
			b.Const = &constFile{arg.Value.Const}
		}
		f.Args[i] = b
	}
	data, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode call of %s: %w", c.qualified(), err)
	}
	return data, nil
}

// UnmarshalJSON reads what [Call.MarshalJSON] wrote.
func (c *Call) UnmarshalJSON(data []byte) error {
	var f callFile
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("decode call: %w", err)
	}
	*c = Call{
		Module:       f.Module,
		Call:         modules.Call{Function: f.Function, Path: f.Path, Returns: f.Returns},
		Why:          f.Why,
		Timeout:      f.Timeout,
		RunsOn:       f.RunsOn,
		Commit:       f.Commit,
		After:        f.After,
		AfterSkipped: f.AfterSkipped,
		Concurrency:  Concurrency(f.Concurrency),
		At:           f.At,
		Converge:     f.Converge,
	}
	if f.Args != nil {
		c.Args = make([]modules.Bound, len(f.Args))
	}
	for i, b := range f.Args {
		value := modules.Value{Kind: b.Kind, Secret: b.Secret, Path: b.Path, Git: b.Git}
		if b.Const != nil {
			value.Const = b.Const.value
		}
		c.Args[i] = modules.Bound{Name: b.Name, Type: b.Type, Value: value}
	}
	return nil
}

// constFile is a constant. JSON has one type of numbers, so that each is an
// object with its type and its text: {"int": "3"}, {"float": "0.5"}. Text that
// is not UTF-8, as names of files may be, is {"bytes": "…"} in base64.
type constFile struct{ value any }

type taggedFile struct {
	Int   *string `json:"int,omitempty"`
	Float *string `json:"float,omitempty"`
	Bytes []byte  `json:"bytes,omitempty"`
}

func (c constFile) MarshalJSON() ([]byte, error) {
	switch v := c.value.(type) {
	case bool:
		return json.Marshal(v)
	case string:
		if !utf8.ValidString(v) {
			return json.Marshal(taggedFile{Bytes: []byte(v)})
		}
		return json.Marshal(v)
	case int64:
		text := strconv.FormatInt(v, 10)
		return json.Marshal(taggedFile{Int: &text})
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		return json.Marshal(taggedFile{Float: &text})
	case []any:
		items := make([]constFile, len(v))
		for i, item := range v {
			items[i] = constFile{item}
		}
		return json.Marshal(items)
	}
	return nil, fmt.Errorf("a constant is a %T", c.value)
}

func (c *constFile) UnmarshalJSON(data []byte) error {
	var read any
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	switch v := read.(type) {
	case bool, string:
		c.value = v
		return nil
	case []any:
		var items []constFile
		if err := json.Unmarshal(data, &items); err != nil {
			return err
		}
		list := make([]any, len(items))
		for i := range items {
			list[i] = items[i].value
		}
		c.value = list
		return nil
	case map[string]any:
		return c.tagged(data)
	}
	return fmt.Errorf("%s is not a constant", data)
}

// tagged reads a constant that is written with its type.
func (c *constFile) tagged(data []byte) (err error) {
	var t taggedFile
	if err := json.Unmarshal(data, &t); err != nil {
		return err
	}
	switch {
	case t.Int != nil:
		c.value, err = strconv.ParseInt(*t.Int, 10, 64)
	case t.Float != nil:
		c.value, err = strconv.ParseFloat(*t.Float, 64)
	case t.Bytes != nil:
		c.value = string(t.Bytes)
	default:
		err = fmt.Errorf("%s is not a constant", data)
	}
	return err
}
