package config

import (
	"errors"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/globs"
	"github.com/franela/pocketci/internal/yamlfile"
	"github.com/franela/pocketci/modules"
)

// Converge is what the file says about what a module keeps as it should be; see
// docs/converge-modules.md.
type Converge struct {
	// IDs are in the order in which they are checked and changed. An empty list
	// has everything removed that was applied before.
	IDs []ConvergeID
	// On are the events that have the module converge, one of which must match.
	// Nil stands for pushes to the default branch.
	On []EventPattern
	// Line is where the setting stands in the file, for messages.
	Line int
}

// ConvergeID names one thing that a module checks, changes and removes.
type ConvergeID struct {
	// ID is the name as the file has it. [modules.SameName] says which functions
	// are its own.
	ID string
	// Line and Column are where it stands in the file, for messages.
	Line, Column int
}

// EventPattern selects events by what functions are named after.
type EventPattern struct {
	// Vendor, Event and Filter are exact values or globs. An empty Vendor stands
	// for every forge, an empty Filter for every filter.
	Vendor, Event, Filter string
}

// Matches reports whether the pattern selects an event.
func (p EventPattern) Matches(ev *events.Event) bool {
	vendor := p.Vendor == "" && ev.FromForge() || p.Vendor != "" && globs.MatchValue([]string{p.Vendor}, ev.Vendor)
	return vendor && globs.MatchValue([]string{p.Event}, ev.Name) && (p.Filter == "" || globs.MatchValue([]string{p.Filter}, ev.Filter))
}

// String is the pattern as the file has it.
func (p EventPattern) String() string {
	return strings.Join(slices.DeleteFunc([]string{p.Vendor, p.Event, p.Filter}, func(s string) bool { return s == "" }), " ")
}

var (
	convergeKeys = []string{"ids", "on"}
	vendors      = []string{
		events.VendorGithub, events.VendorGitlab, events.VendorGitea, events.VendorBitbucket, events.VendorManual, events.VendorTime,
		events.VendorRegistry, events.VendorWebhook, events.VendorSigned, events.VendorMirror, events.VendorConverge, "*",
	}
)

// converge reads a list of ids, or a mapping that says more about it.
func (r *reader) converge(e yamlfile.Entry, remote bool) *Converge {
	v := r.Visit(e.Value)
	if v == nil {
		return nil
	}
	if remote {
		r.Fail(e.Key, "a module of another repository cannot converge here: what was applied is removed by this repository's earlier commits; call it from a module of this repository")
		return nil
	}
	c := &Converge{Line: e.Key.Line}
	if v.Kind != yaml.MappingNode {
		c.IDs = r.ids(e.Value, "converge")
		return c
	}
	entries, _ := r.Mapping(e.Value, "converge")
	named := false
	for _, e := range entries {
		switch e.Name {
		case "ids":
			named = true
			c.IDs = r.ids(e.Value, "ids")
		case "on":
			c.On = r.patterns(e)
		default:
			r.unknown(e, "converge", convergeKeys)
		}
	}
	if !named {
		r.Fail(e.Value, "converge needs ids, the list of what is checked, changed and removed")
	}
	return c
}

// ids reads names, as a list or as a string with commas, each with its place.
func (r *reader) ids(n *yaml.Node, what string) []ConvergeID {
	v := r.Visit(n)
	if v == nil {
		return nil
	}
	list := []ConvergeID{}
	add := func(at *yaml.Node, s string) {
		if !functionName.MatchString(s) {
			r.Fail(at, "%s: %q is not an id; write letters and digits, such as database, whose functions are CheckDatabase, ChangeDatabase and RemoveDatabase", what, s)
			return
		}
		for _, first := range list {
			if modules.SameName(first.ID, s) {
				r.Fail(at, "%s: %s and %s in line %d have the same functions; remove one of them", what, s, first.ID, first.Line)
				return
			}
		}
		list = append(list, ConvergeID{ID: s, Line: at.Line, Column: at.Column})
	}
	if v.Kind == yaml.SequenceNode {
		for _, item := range v.Content {
			if s, ok := r.String(item, "an entry of "+what); ok {
				add(item, s)
			}
		}
		return list
	}
	names, _ := r.Strings(n, what, nil)
	for _, s := range names {
		add(n, s)
	}
	return list
}

// patterns reads the events of on. They are no lists in text, since filters may
// have commas.
func (r *reader) patterns(e yamlfile.Entry) []EventPattern {
	v := r.Visit(e.Value)
	if v == nil {
		return nil
	}
	items := []*yaml.Node{e.Value}
	if v.Kind == yaml.SequenceNode {
		if items = v.Content; len(items) == 0 {
			r.Fail(e.Value, "on is an empty list, which nothing matches; add an event or remove the key")
		}
	}
	var list []EventPattern
	for _, item := range items {
		s, ok := r.String(item, "an entry of on")
		if !ok {
			continue
		}
		p, err := parsePattern(s)
		if err != nil {
			r.Fail(item, "on: %s", err)
			continue
		}
		list = append(list, p)
	}
	return list
}

func parsePattern(s string) (EventPattern, error) {
	words := strings.Fields(s)
	var p EventPattern
	if len(words) > 0 && slices.Contains(vendors, words[0]) {
		p.Vendor, words = words[0], words[1:]
	}
	switch len(words) {
	case 2:
		p.Filter = words[1]
		fallthrough
	case 1:
		p.Event = words[0]
	default:
		return p, errors.New(`write an event as VENDOR EVENT FILTER, of which the vendor of forges and the filter may be left out: push main, time tick nightly, signed push`)
	}
	for _, glob := range []string{p.Event, p.Filter} {
		if err := globs.Check(glob); glob != "" && err != nil {
			return p, err
		}
	}
	if p.Vendor == events.VendorConverge && p.Event == events.NameApply {
		return p, errors.New("what has a module converge cannot be that it converges")
	}
	return p, nil
}
