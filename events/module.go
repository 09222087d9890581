package events

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ModuleOwner is the owner in the full names of modules that are stored in the
// agent: .modules/NAME. No forge has a repository of that name, since
// [CheckFullName] takes no owner that begins with a dot, so that no payload can
// claim what is granted to a stored module.
const ModuleOwner = ".modules"

// moduleScheme begins the clone URLs of stored modules. [CheckCloneURL] takes it from
// no payload.
const moduleScheme = "module://"

var (
	moduleNamePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,99}$`)
	moduleIDPattern   = regexp.MustCompile(`^[0-9a-z-]{1,100}$`)
)

// CheckModuleName returns an error unless a stored module can be called so: 1 to
// 100 lower-case letters, digits and dashes, the first of which is no dash.
func CheckModuleName(name string) error {
	switch {
	case name == "":
		return errors.New("is missing")
	case !moduleNamePattern.MatchString(name):
		return fmt.Errorf("%s is no name for a module: want lower-case letters, digits and dashes, at most 100, and no dash in front", quote(name))
	}
	return nil
}

// ModuleFullName is the full name of the repository that a stored module stands
// for, such as .modules/deploy.
func ModuleFullName(name string) string { return ModuleOwner + "/" + name }

// ModuleName is the name in the full name of a stored module. It is false for the
// full names of other repositories.
func ModuleName(fullName string) (name string, ok bool) {
	name, ok = strings.CutPrefix(fullName, ModuleOwner+"/")
	return name, ok && CheckModuleName(name) == nil
}

// ModuleRepository is the repository that stands for a stored module in events. The
// id stays the same when the module is renamed.
func ModuleRepository(id, name string) *Repository {
	return &Repository{FullName: ModuleFullName(name), CloneURL: moduleScheme + id, Private: true}
}

// Module returns the id of the stored module that the repository stands for. It is
// false for every repository that is cloned from somewhere.
func (r *Repository) Module() (id string, ok bool) {
	if r == nil {
		return "", false
	}
	if _, ok := ModuleName(r.FullName); !ok {
		return "", false
	}
	id, ok = strings.CutPrefix(r.CloneURL, moduleScheme)
	return id, ok && moduleIDPattern.MatchString(id)
}
