package dispatcher

import (
	"path"

	"github.com/franela/pocketci/modules"
)

// Disabled is a repository, a module or a function that somebody has said is
// not to be called.
type Disabled struct {
	// Module is the module's path, empty for the whole repository.
	Module string
	// Function is the function's name in any spelling, empty for the whole
	// module.
	Function string
	// By is who disabled it, and Reason why, empty if they did not say.
	By, Reason string
}

// reason says why something is not called.
func (d *Disabled) reason() string {
	if d.Reason == "" {
		return "disabled by " + d.By
	}
	return "disabled by " + d.By + ": " + d.Reason
}

// disabledReason says why a module is not to be called, or a function of it if
// that is not empty; a module that is empty stands for the repository. The
// answer is empty if nobody has disabled it.
func disabledReason(list []Disabled, module, function string) string {
	for i := range list {
		d := &list[i]
		if sameModule(d.Module, module) && (d.Function == function || function != "" && modules.SameName(d.Function, function)) {
			return d.reason()
		}
	}
	return ""
}

// sameModule reports whether two paths name one module; nothing is no path.
func sameModule(a, b string) bool {
	return a == b || a != "" && b != "" && path.Clean(a) == path.Clean(b)
}
