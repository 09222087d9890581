package runs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// maxNotes is how many files are named that a plan does not use.
const maxNotes = 10

// Terms say by whose rules an event is run.
type Terms struct {
	// BaseRules has pocketci.yaml and the modules be those of the target
	// branch, or of the default branch where there is none, laid over the tree
	// of the event's commit.
	BaseRules bool `json:"base_rules,omitempty"`
	// AsBranch has the event be taken for one of the repository's own.
	AsBranch bool `json:"as_branch,omitempty"`
	// Untrusted has the calls run where other people's code may.
	Untrusted bool `json:"untrusted,omitempty"`
}

// Apply returns the event as it is planned by the terms.
func (t Terms) Apply(event events.Event) events.Event {
	if t.AsBranch {
		event.Fork, event.Trusted = "", true
	}
	return event
}

// ErrNoBase says that a commit cannot be run by the target branch's rules because
// that branch cannot be had.
var ErrNoBase = errors.New("the commit of the target branch cannot be had, whose pocketci.yaml and modules are the rules")

// Overlayer lays trees of one repository over each other; it is [mirror.Mirrors].
type Overlayer interface {
	Overlay(ctx context.Context, under, over modules.Tree, paths []string) (modules.Tree, error)
}

// ByBaseRules has a repository be run by the rules of its Base: the first tree has
// them, the second is the repository's own with the rules laid over it. The notes
// name what the event's own commit changed of the rules, which is not used.
//
// The errors are [ErrNoBase], a [*modules.WholeError] for modules that cannot be
// told from the rest of the repository, and those of git.
func ByBaseRules(ctx context.Context, o Overlayer, s *mirror.Snapshot) (rules, source modules.Tree, notes []string, err error) {
	if s.Base == nil {
		return rules, source, nil, ErrNoBase
	}
	rules = *s.Base
	places, err := rulePlaces(ctx, rules)
	if err != nil {
		return rules, source, nil, err
	}
	if source, err = o.Overlay(ctx, s.Tree, rules, places); err != nil {
		return rules, source, nil, err
	}
	return rules, source, unused(s.Changes.Files, places, rules.Commit), nil
}

// rulePlaces lists where a tree has its rules. What is wrong with them is said
// when they are planned with.
func rulePlaces(ctx context.Context, rules modules.Tree) ([]string, error) {
	places := []string{config.FileName, "dagger.json"}
	cfg, err := config.Load(rules.FS)
	if err != nil {
		return places, nil
	}
	for _, module := range cfg.Modules {
		if _, err := modules.ParseRemote(module.Path); err == nil {
			continue // no change of this repository reaches it
		}
		found, err := engine.Footprint(ctx, rules.FS, module.Path)
		whole := (*modules.WholeError)(nil)
		switch {
		case errors.As(err, &whole):
			return nil, err
		case errors.Is(err, modules.ErrModule):
			if module.Path != "." {
				places = append(places, module.Path)
			}
		case err != nil:
			return nil, fmt.Errorf("find the files of module %s: %w", module.Path, err)
		}
		places = append(places, found...)
	}
	slices.Sort(places)
	return slices.Compact(places), nil
}

// unused names the changed files that are not used.
func unused(changed, places []string, base string) []string {
	var files []string
	for _, file := range changed {
		for p := file; p != "."; p = path.Dir(p) {
			if slices.Contains(places, p) {
				files = append(files, file)
				break
			}
		}
	}
	if len(files) == 0 {
		return nil
	}
	more := ""
	if n := len(files) - maxNotes; n > 0 {
		files, more = files[:maxNotes], fmt.Sprintf(" and %d more", n)
	}
	return []string{fmt.Sprintf("not used: the changes to %s%s; pocketci.yaml and the modules are those of commit %.12s of the repository", strings.Join(files, ", "), more, base)}
}
