package settings

import (
	"fmt"
	"strings"

	"github.com/franela/pocketci/internal/globs"
)

// ModuleError says that the agent does not allow a module of another repository.
type ModuleError struct {
	// Module is HOST/OWNER/NAME[/FOLDER]@VERSION.
	Module string
}

func (e *ModuleError) Error() string {
	name, _, _ := strings.Cut(e.Module, "@")
	return fmt.Sprintf("the agent does not allow the module %s of another repository; in its agent.yaml, modules: {remote: [%q]} does", e.Module, name+"@*")
}

// Allow returns a [*ModuleError] unless one of the patterns matches a module of
// another repository, spelt HOST/OWNER/NAME[/FOLDER]@VERSION. * stands for anything
// but a slash, and the version * for every version.
func (m Modules) Allow(module string) error {
	name, version, _ := strings.Cut(module, "@")
	for _, pattern := range m.Remote {
		names, versions, _ := strings.Cut(pattern, "@")
		host, path, _ := strings.Cut(names, "/")
		if globs.MatchValue([]string{strings.ToLower(host) + "/" + path}, name) && (versions == "*" || globs.MatchValue([]string{versions}, version)) {
			return nil
		}
	}
	return &ModuleError{Module: module}
}
