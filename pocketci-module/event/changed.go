package event

import (
	"fmt"
	"slices"
	"strings"
)

// Changed reports whether the event changed a file that the globs mean, with
// the rules of onChanges: a file has to match one of the globs, and none of
// those that start with "!". If all do, every other file counts. A leading
// "./" is dropped, and names that begin with an exclamation mark are written
// "\!name". No globs are no condition.
//
// If it is not known what changed, as for a tag or a release, it reports true:
// nothing is skipped on ignorance. It fails for a malformed glob.
func (f *File) Changed(globs []string) (bool, error) {
	var include, exclude []string
	for _, glob := range globs {
		rest, excludes := strings.CutPrefix(glob, "!")
		rest = strings.TrimPrefix(rest, "./")
		if err := checkGlob(rest); err != nil {
			return false, fmt.Errorf("compare the changed files: %w", err)
		}
		if excludes {
			exclude = append(exclude, rest)
		} else {
			include = append(include, rest)
		}
	}
	if f.Changes == nil || len(globs) == 0 {
		return true, nil
	}
	if len(include) == 0 {
		include = []string{"**"}
	}
	some := func(globs []string, name string) bool {
		return slices.ContainsFunc(globs, func(glob string) bool { return matchGlob(glob, name) })
	}
	return slices.ContainsFunc(f.Changes, func(name string) bool {
		return name != "" && some(include, name) && !some(exclude, name)
	}), nil
}

// Matches reports whether the event's filter (the branch of a push, the action
// of a pull request) is one of the entries, letter by letter, or matches one
// of them as a glob, as a default value of the argument filter does. No
// entries are matched by nothing.
func (f *File) Matches(filters []string) bool {
	return slices.ContainsFunc(filters, func(entry string) bool {
		if entry == f.Filter {
			return true
		}
		// An entry that is no valid glob is compared only.
		return validValue(entry) && matchGlob(entry, f.Filter)
	})
}

// validValue reports whether an entry can be a glob over values, which are no
// files: slashes are allowed everywhere.
func validValue(glob string) bool {
	return glob != "" && len(glob) <= maxGlob && strings.IndexByte(glob, 0) < 0 &&
		malformed(glob) == "" && alternatives(glob) <= maxAlternatives
}
