package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
	"github.com/franela/pocketci/internal/secretref"
)

// formPage is the form that calls a function by hand, made from its signature.
type formPage struct {
	Repository, Ref string
	Module          string
	Function        string
	Description     string
	Returns         string
	SHA             string
	Fields          []field
	// Trigger says when events call it, empty if none do.
	Trigger string
	// Refs are branches and tags to choose from, Secrets references that pocketci.yaml
	// maps.
	Refs    []string
	Secrets []string
	// Error is what is wrong and belongs to no argument.
	Error string
}

// field is an argument and what was typed for it.
type field struct {
	v1.DeclaredArg
	// ID is that of the control, and Key the name that it is sent under.
	ID, Key string
	// Control is what the argument is typed with: line, lines, number, choice, choices or
	// json.
	Control string
	// Value is what was typed, Values what was chosen.
	Value  string
	Chosen []string
	// Default is what holds if nothing is given, as it would be typed.
	Default string
	Example string
	Error   string
}

// Needed reports whether a call without a value is refused.
func (f *field) Needed() bool {
	return f.Required && !f.Filled && f.Secret == "" && f.Constant == nil
}

// Given is what pocketci.yaml gives the argument, as it would be typed; empty if that is
// nothing.
func (f *field) Given() string {
	if f.Secret != "" {
		return f.Secret
	}
	return typedDefault(f.Constant)
}

// Has reports whether a member was chosen.
func (f *field) Has(member string) bool { return slices.Contains(f.Chosen, member) }

// argKey is in front of the names of arguments in a form, whatever they are.
const argKey = "arg."

// fieldOf makes the control for an argument.
func fieldOf(i int, a v1.DeclaredArg) field {
	f := field{DeclaredArg: a, ID: fmt.Sprintf("arg-%d", i), Key: argKey + a.Name, Default: typedDefault(a.Default)}
	switch {
	case a.Kind == "boolean":
		f.Control, f.Values = "choice", []string{"true", "false"}
	case a.Kind == "enum":
		f.Control = "choice"
	case a.Kind == "integer", a.Kind == "float":
		f.Control = "number"
	case a.Kind == "list" && strings.HasPrefix(a.Type, "[["):
		f.Control, f.Example = "json", `[["a", "b"], ["c"]]`
	case a.Kind == "list" && a.Item == "boolean":
		f.Control, f.Example = "lines", "true"
	case a.Kind == "list" && len(a.Values) > 0:
		f.Control = "choices"
	case a.Kind == "list":
		f.Control = "lines"
	case a.Kind == "secret":
		f.Control, f.Example = "line", "env://NAME"
	case a.Kind == "directory":
		f.Control, f.Example = "line", "path/in/the/repository"
	case a.Kind == "file":
		f.Control, f.Example = "line", "path/to/a/file"
	default:
		f.Control = "text"
	}
	return f
}

// typedDefault is a default as it would be typed, empty if there is none.
func typedDefault(raw json.RawMessage) string {
	var text string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case json.Unmarshal(raw, &text) == nil:
		return text
	}
	return string(raw)
}

// take reads what was typed for an argument. given is false if nothing was.
func (f *field) take(form url.Values) (text string, given bool) {
	// Browsers end lines with both characters.
	typed := strings.ReplaceAll(form.Get(f.Key), "\r\n", "\n")
	if f.Kind != "secret" || secretref.Valid(strings.TrimSpace(typed)) {
		f.Value = typed // a secret that was typed itself is not shown again
	}
	switch f.Control {
	case "choices":
		f.Chosen = form[f.Key]
		return list(f.Chosen), len(f.Chosen) > 0
	case "lines":
		lines := slices.DeleteFunc(strings.Split(typed, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
		return list(lines), len(lines) > 0
	case "text":
		// A text that is required may be empty.
		return typed, typed != "" || f.Needed() && f.Kind == "string"
	}
	typed = strings.TrimSpace(typed)
	return typed, typed != ""
}

// list writes items as the API takes them, whatever is in them.
func list(items []string) string {
	data, err := json.Marshal(append([]string{}, items...))
	if err != nil {
		panic(err) // text can be written always
	}
	return string(data)
}

// formOf finds the function that a form is for. The address says which.
func (s *Site) formOf(v *visit, q url.Values) (*formPage, error) {
	page := &formPage{Repository: q.Get("repository"), Ref: q.Get("ref"), Module: q.Get("module"), Function: q.Get("function")}
	if page.Repository == "" {
		return nil, &problem{http.StatusNotFound, "The address names no repository. The pages of repositories have links to the forms of their functions."}
	}
	if _, stored := events.ModuleName(page.Repository); !stored {
		known, err := v.api.Refs(v.ctx(), page.Repository)
		if err != nil {
			return nil, err
		}
		for _, r := range known.Refs {
			if r.Ref == clear(r.Ref) {
				page.Refs = append(page.Refs, shortRef(r.Ref))
			}
		}
	}
	if page.Function == "" {
		return page, nil
	}
	v.patient()
	declared, err := v.api.Declared(v.ctx(), page.Repository, page.Ref)
	if err != nil {
		return nil, err
	}
	for _, m := range declared.Modules {
		if page.Module != "" && m.Module != page.Module {
			continue
		}
		for _, f := range m.Functions {
			if f.Name != page.Function {
				continue
			}
			page.Module, page.Description, page.Returns, page.SHA = m.Module, f.Description, f.Returns, declared.SHA
			if !f.ByHand {
				page.Trigger = f.Trigger
			}
			page.Secrets = references(&m)
			for i, a := range f.Args {
				page.Fields = append(page.Fields, fieldOf(i, a))
			}
			return page, nil
		}
	}
	return nil, &problem{http.StatusNotFound, fmt.Sprintf("No module of %s has a function %s at %s.", page.Repository, page.Function, short(declared.SHA))}
}

// references are those of the secrets that pocketci.yaml maps for a module.
func references(m *v1.DeclaredModule) []string {
	var list []string
	for _, f := range m.Functions {
		for _, a := range f.Args {
			if a.Secret != "" && !slices.Contains(list, a.Secret) {
				list = append(list, a.Secret)
			}
		}
	}
	return list
}

func (s *Site) form(v *visit) error {
	page, err := s.formOf(v, v.r.URL.Query())
	if err != nil {
		return err
	}
	return v.show("form", page)
}

// callFunction starts the run that a form asks for. What is wrong with it is shown where it
// was typed.
func (s *Site) callFunction(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return &problem{http.StatusRequestEntityTooLarge, "The form is too large, or is none."}
	}
	page, err := s.formOf(v, v.r.PostForm)
	if err != nil {
		return err
	}
	request := v1.CallRequest{Repository: page.Repository, Ref: page.Ref, Module: page.Module, Function: page.Function}
	if page.Function != "" {
		request.Args = map[string]string{}
	}
	wrong := false
	for i := range page.Fields {
		f := &page.Fields[i]
		text, given := f.take(v.r.PostForm)
		switch {
		case given:
			request.Args[f.Name] = text
		case f.Needed():
			f.Error, wrong = "is needed", true
		}
	}
	if wrong {
		return v.showStatus(http.StatusUnprocessableEntity, "form", page)
	}
	accepted, err := v.api.StartCall(v.ctx(), request)
	if refused, ok := errors.AsType[*client.Error](err); ok && refused.Status < http.StatusInternalServerError {
		page.refused(refused)
		return v.showStatus(refused.Status, "form", page)
	}
	if err != nil {
		return err
	}
	return v.back(runPath(accepted.Number), "")
}

// refused puts what the API says of a call where it belongs.
func (p *formPage) refused(e *client.Error) {
	rest := &client.Error{Status: e.Status, Title: e.Title, Detail: e.Detail}
	placed := false
	for _, fault := range e.Faults {
		name := strings.TrimPrefix(fault.Location, "body.args.")
		i := slices.IndexFunc(p.Fields, func(f field) bool { return f.Name == name })
		if i < 0 {
			rest.Faults = append(rest.Faults, fault)
			continue
		}
		p.Fields[i].Error = strings.TrimPrefix(fault.Message, p.Module+":"+p.Function+": ")
		placed = true
	}
	if !placed || len(rest.Faults) > 0 {
		p.Error = sentence(rest)
	}
}
