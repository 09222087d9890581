package delivery

import (
	"fmt"
	"strings"

	"github.com/franela/pocketci/events"
)

// CheckRepository is stricter than [events.CheckFullName]: the name has an owner
// and no more, for forges that nest no groups.
func CheckRepository(name string) error {
	if err := events.CheckFullName(name); err != nil {
		return err
	}
	if strings.Count(name, "/") != 1 {
		return fmt.Errorf("%.80q is not the full name of a repository: want owner/name", name)
	}
	return nil
}

// ReadRepository returns the repository if all of it may be believed. Errors say
// where in the payload the fault is by GitHub's names for the fields, which other
// forges took over, below path.
func ReadRepository(path string, r events.Repository) (*events.Repository, error) {
	if err := CheckRepository(r.FullName); err != nil {
		return nil, Malformed(path+".full_name", err)
	}
	if err := events.CheckCloneURL(r.CloneURL); err != nil {
		return nil, Malformed(path+".clone_url", err)
	}
	if err := events.CheckWebURL(r.WebURL); err != nil {
		return nil, Malformed(path+".html_url", err)
	}
	if err := CheckDefaultBranch(r.DefaultBranch); err != nil {
		return nil, Malformed(path+".default_branch", err)
	}
	return &r, nil
}
