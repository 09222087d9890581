package globs

import "strings"

// Set is a list of globs over the files of a repository. A file is in the set
// if it matches an include and no exclude; the order of the globs does not
// matter. The zero Set holds no file.
type Set struct {
	include, exclude []string
	key              string
}

// NewSet makes a set of the globs. One that starts with "!" is an exclude; if
// all do, everything else is included. A leading "./" is dropped. Names that
// begin with an exclamation mark are written "\!name". The error is a
// [*PatternError] for the first glob that is malformed or cannot match a file.
// An empty list makes a set that holds no file.
func NewSet(patterns []string) (*Set, error) {
	s := &Set{include: make([]string, 0, len(patterns))}
	for _, pattern := range patterns {
		rest, exclude := strings.CutPrefix(pattern, "!")
		rest = strings.TrimPrefix(rest, "./")
		if err := CheckPath(rest); err != nil {
			return nil, err
		}
		if exclude {
			s.exclude = append(s.exclude, rest)
		} else {
			s.include = append(s.include, rest)
		}
	}
	if len(s.include) == 0 && len(s.exclude) > 0 {
		s.include = append(s.include, "**")
	}
	s.key = strings.Join(s.include, "\x00") + "\x00\x00" + strings.Join(s.exclude, "\x00")
	return s, nil
}

// Match returns a file that is in the set, if there is one. The same set and
// files always give the same file. The result is remembered in files, so that
// many functions with the same globs cost no more than one.
func (s *Set) Match(files *Files) (matched string, ok bool) {
	if len(s.include) == 0 || files.Len() == 0 {
		return "", false
	}
	files.mu.Lock()
	id, known := files.results[s.key]
	files.mu.Unlock()
	if !known {
		id = s.find(files)
		files.mu.Lock()
		files.results[s.key] = id
		files.mu.Unlock()
	}
	if id < 0 {
		return "", false
	}
	return files.name(id), true
}

func (s *Set) find(files *Files) int {
	// What is excluded is worked out only once an include has matched.
	var excluded []uint64
	skip := func(id int) bool {
		return excluded != nil && excluded[id/64]&(1<<(id%64)) != 0
	}
	for _, pattern := range s.include {
		found := -1
		files.each(pattern, skip, func(id int) bool {
			if len(s.exclude) > 0 && excluded == nil {
				excluded = s.excluded(files)
				if skip(id) {
					return true
				}
			}
			found = id
			return false
		})
		if found >= 0 {
			return found
		}
	}
	return -1
}

func (s *Set) excluded(files *Files) []uint64 {
	union := make([]uint64, (files.Len()+63)/64)
	for _, pattern := range s.exclude {
		files.mark(pattern, union)
	}
	return union
}
