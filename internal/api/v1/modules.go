package v1

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/franela/pocketci/modules"
)

// Declared are the functions that a repository's modules declare.
type Declared struct {
	Repository string           `json:"repository"`
	SHA        string           `json:"sha" doc:"commit at which they do"`
	Modules    []DeclaredModule `json:"modules" nullable:"false"`
}

// DeclaredModule is what a module declares; docs/functions.schema.json describes it.
type DeclaredModule struct {
	Module    string             `json:"module" doc:"path of the module"`
	Name      string             `json:"name" doc:"its own name in dagger.json"`
	Functions []DeclaredFunction `json:"functions" nullable:"false"`
	Checks    []DeclaredCheck    `json:"checks" nullable:"false"`
	Error     string             `json:"error,omitempty" doc:"why the module cannot be loaded"`
	Converges bool               `json:"converges,omitempty" doc:"pocketci.yaml has a list of what it keeps as it should be"`
}

// DeclaredFunction is a function of a module's main object.
type DeclaredFunction struct {
	Name        string        `json:"name"`
	Description string        `json:"description"`
	Returns     string        `json:"returns" doc:"type as GraphQL writes it"`
	Args        []DeclaredArg `json:"args" nullable:"false"`
	Trigger     string        `json:"trigger,omitempty" doc:"when events call it, in words"`
	ByHand      bool          `json:"by_hand,omitempty" doc:"no event calls it; trigger says why"`
}

// DeclaredCheck is a check. One of the main object is among the functions as well.
type DeclaredCheck struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Path        []string `json:"path" nullable:"false"`
	// Requires are the arguments for which the function is marked as a check and
	// is none.
	Requires []DeclaredArg `json:"requires,omitempty"`
	Trigger  string        `json:"trigger,omitempty" doc:"when events call it, in words"`
	ByHand   bool          `json:"by_hand,omitempty" doc:"no event calls it; trigger says why"`
}

// DeclaredArg is an argument of a function.
type DeclaredArg struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Type        string          `json:"type" doc:"as GraphQL writes it, such as String! or [Int!]"`
	Required    bool            `json:"required"`
	Default     json.RawMessage `json:"default,omitempty" doc:"as JSON; some SDKs hide it"`
	Kind        string          `json:"kind" enum:"string,integer,float,boolean,enum,scalar,list,directory,file,secret,other" doc:"what can be typed: a directory and a file are paths in the repository, a secret is a reference; other cannot be given by hand"`
	Item        string          `json:"item,omitempty" doc:"kind of the items of a list"`
	Values      []string        `json:"values,omitempty" doc:"members of an enum, also of a list's items"`
	Filled      bool            `json:"filled,omitempty" doc:"filled in if it is not given: src and eventTrigger"`
	Constant    json.RawMessage `json:"constant,omitempty" doc:"what pocketci.yaml gives it if nothing else does, as JSON"`
	Secret      string          `json:"secret,omitempty" doc:"reference of the secret that pocketci.yaml maps to it"`
}

// Declare describes a module.
func Declare(m *modules.Module) DeclaredModule {
	view := DeclaredModule{Module: m.Path, Name: m.Name, Functions: []DeclaredFunction{}, Checks: []DeclaredCheck{}}
	for _, fn := range m.Functions {
		f := DeclaredFunction{Name: fn.Name, Description: fn.Description, Returns: fn.Returns.String(), Args: []DeclaredArg{}}
		for i := range fn.Args {
			f.Args = append(f.Args, declareArg(&fn.Args[i]))
		}
		view.Functions = append(view.Functions, f)
	}
	for _, check := range m.Checks {
		c := DeclaredCheck{Name: check.Name, Description: check.Description, Path: append([]string{}, check.Path...)}
		for i := range check.Requires {
			c.Requires = append(c.Requires, declareArg(&check.Requires[i]))
		}
		view.Checks = append(view.Checks, c)
	}
	return view
}

func declareArg(a *modules.Arg) DeclaredArg {
	d := DeclaredArg{
		Name: a.Name, Description: a.Description, Type: a.Type.String(), Required: a.Required(), Default: a.Default, Kind: kindOf(a.Type),
		Filled: a.Name == "src" && a.Type.IsObject("Directory") || a.Name == "eventTrigger" && a.Type.IsObject("File"),
	}
	elem := a.Type
	for elem.Kind == modules.KindList && elem.Elem != nil {
		elem = *elem.Elem
		d.Item = kindOf(elem)
	}
	// Engines list them in any order.
	d.Values = slices.Sorted(slices.Values(elem.Values))
	return d
}

func kindOf(t modules.Type) string {
	switch t.Kind {
	case modules.KindString, modules.KindInteger, modules.KindFloat, modules.KindBoolean, modules.KindEnum, modules.KindScalar, modules.KindList:
		return string(t.Kind)
	}
	switch {
	case t.IsObject("Directory"):
		return "directory"
	case t.IsObject("File"):
		return "file"
	case t.IsObject("Secret"):
		return "secret"
	}
	return "other"
}

// Module is a module that is stored in the agent.
type Module struct {
	Name       string    `json:"name"`
	Repository string    `json:"repository" doc:"full name under which its events, runs and calls are"`
	SHA        string    `json:"sha" doc:"commit of the version that is called now"`
	Version    int64     `json:"version" doc:"how often it was deployed"`
	Files      int64     `json:"files"`
	Size       int64     `json:"size" doc:"bytes of all files"`
	CreatedAt  time.Time `json:"created_at"`
	DeployedAt time.Time `json:"deployed_at"`
	DeployedBy string    `json:"deployed_by"`
	Disabled   *Disabled `json:"disabled,omitempty" doc:"if all of it is"`
	// Modules and Versions are only in the answer for one module.
	Modules  []DeclaredModule `json:"modules,omitempty" doc:"what was found in it when it was deployed"`
	Versions []ModuleVersion  `json:"versions,omitempty" doc:"that are kept, the last one first"`
}

// ModuleVersion is what a module was deployed as.
type ModuleVersion struct {
	SHA          string     `json:"sha"`
	Version      int64      `json:"version"`
	Files        int64      `json:"files"`
	Size         int64      `json:"size"`
	DeployedAt   time.Time  `json:"deployed_at"`
	DeployedBy   string     `json:"deployed_by"`
	SupersededAt *time.Time `json:"superseded_at,omitempty" doc:"when another one took its place"`
}

// Modules lists the modules that are stored in the agent, by name.
type Modules struct {
	Modules []Module `json:"modules" nullable:"false"`
}

// Deploy asks for modules to be stored, all or none.
type Deploy struct {
	Modules []ModuleUpload `json:"modules" minItems:"1" maxItems:"100" nullable:"false"`
	DryRun  bool           `json:"dry_run,omitempty" doc:"only say what would change"`
}

// ModuleUpload is one of them.
type ModuleUpload struct {
	Name    string `json:"name" pattern:"^[a-z0-9][a-z0-9-]*$" patternDescription:"lower-case letters, digits and dashes" maxLength:"100"`
	Archive []byte `json:"archive" doc:"the files in a tar that is compressed with gzip, in base64"`
}

// DeployedModules is the answer to it.
type DeployedModules struct {
	DryRun  bool             `json:"dry_run,omitempty" doc:"nothing was stored"`
	Modules []DeployedModule `json:"modules" nullable:"false"`
}

// DeployedModule says what a deployment changes.
type DeployedModule struct {
	Name    string           `json:"name"`
	SHA     string           `json:"sha"`
	Change  string           `json:"change" enum:"created,updated,unchanged"`
	Added   []string         `json:"added" nullable:"false" doc:"functions that there were not, as MODULE:FUNCTION"`
	Changed []string         `json:"changed" nullable:"false" doc:"functions that are declared otherwise than before"`
	Removed []string         `json:"removed" nullable:"false" doc:"functions that are no longer there"`
	Modules []DeclaredModule `json:"modules" nullable:"false" doc:"what is in it"`
}

// Rename gives a stored module another name.
type Rename struct {
	Name string `json:"name" pattern:"^[a-z0-9][a-z0-9-]*$" patternDescription:"lower-case letters, digits and dashes" maxLength:"100"`
}
