package modules

// Check is a function that its module marks as a check: @check in Dang, +check
// in Go. It may be one of an object that the main object leads to.
type Check struct {
	// Name is the check's name as Dagger lists it: the parts of Path in kebab
	// case, with colons between them, such as lint or web:lint-js.
	Name        string
	Description string
	// Path are the fields that lead from the main object to the check, as
	// Dagger serves them. The last one is the check's own.
	Path    []string
	Returns Type
	// Requires are the arguments that a call would have to give. A check is
	// called without arguments, so that a function that requires some is
	// marked as a check and cannot be called as one.
	Requires []Arg `json:",omitempty"`
}

// Check returns the check with the given name, in which case, dashes and
// underscores do not count, or nil.
func (m *Module) Check(name string) *Check {
	for i := range m.Checks {
		if SameName(m.Checks[i].Name, name) {
			return &m.Checks[i]
		}
	}
	return nil
}

// CheckOf returns the check that is the function of the main object with the
// given name as Dagger serves it, or nil.
func (m *Module) CheckOf(function string) *Check {
	for i := range m.Checks {
		if path := m.Checks[i].Path; len(path) == 1 && path[0] == function {
			return &m.Checks[i]
		}
	}
	return nil
}
