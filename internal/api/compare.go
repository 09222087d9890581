package api

import (
	"bytes"
	"encoding/json"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// compare says which functions of modules were added, are declared otherwise and are gone,
// in the order in which they are declared.
func compare(before, after []v1.DeclaredModule) (added, changed, removed []string, err error) {
	old, _, err := functions(before)
	if err != nil {
		return nil, nil, nil, err
	}
	now, names, err := functions(after)
	if err != nil {
		return nil, nil, nil, err
	}
	added, changed, removed = []string{}, []string{}, []string{}
	for _, name := range names {
		was, there := old[name]
		switch {
		case !there:
			added = append(added, name)
		case !bytes.Equal(was, now[name]):
			changed = append(changed, name)
		}
	}
	for _, m := range before {
		for _, f := range m.Functions {
			if name := m.Module + ":" + f.Name; now[name] == nil {
				removed = append(removed, name)
			}
		}
	}
	return added, changed, removed, nil
}

// functions are the declarations of functions by their names, which are also listed.
func functions(list []v1.DeclaredModule) (declared map[string][]byte, names []string, err error) {
	declared = map[string][]byte{}
	for _, m := range list {
		for _, f := range m.Functions {
			name := m.Module + ":" + f.Name
			if declared[name], err = json.Marshal(f); err != nil {
				return nil, nil, err
			}
			names = append(names, name)
		}
	}
	return declared, names, nil
}
