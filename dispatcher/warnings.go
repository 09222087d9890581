package dispatcher

import (
	"fmt"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/modules"
)

// knownVendors and knownEvents are what a name is checked against for
// mistakes. They limit only warnings: an event with any other name is matched
// all the same.
var (
	knownVendors = [][]string{
		{"github"}, {"gitlab"}, {"gitea"}, {"bitbucket"}, {"time"}, {"registry"},
		{"webhook"}, {"signed"}, {"mirror"}, {"manual"}, {"converge"},
	}
	knownEvents = [][]string{
		{"push"}, {"tag"}, {"pull", "request"}, {"release"}, {"create"}, {"delete"},
		{"issues"}, {"issue", "comment"}, {"workflow", "dispatch"}, {"repository", "dispatch"},
		{"check", "run"}, {"check", "suite"}, {"pull", "request", "review"},
		{"pull", "request", "review", "comment"}, {"deployment"}, {"deployment", "status"},
	}
)

// filteredEvents are the events whose names are likely to be followed by a
// filter. Any event may be, but versionCreateUser is hardly meant for one.
var filteredEvents = [][]string{{"push"}, {"tag"}, {"pull", "request"}}

// nameWarnings returns what is doubtful about the functions' names. The
// warnings do not depend on the event: they are in every plan, so that a name
// that never matches is noticed before the day it should have.
func nameWarnings(module string, functions []modules.Function, refs Refs) []string {
	var list []string
	for i := range functions {
		name := functions[i].Name
		qualified := module + ":" + name
		split := words(name)
		if at := lostBoundary(split); at != "" {
			list = append(list, fmt.Sprintf("%s ends in the trigger %s without a word boundary before it, so no event calls it; Dagger joins leading capitals to what follows, put a lower-case letter before On", qualified, at))
		}
		if spelt := respelt(split); spelt != "" {
			list = append(list, fmt.Sprintf("%s is read word by word and so not as %s; write it as one word to make it a trigger", qualified, spelt))
		}
		if starts := triggerStarts(split); len(starts) > 1 {
			list = append(list, fmt.Sprintf("%s can be read as %s; it is called for each of them", qualified, joinReadings(split, starts)))
		}
		if kind, same := ambiguousRefs(split, refs); len(same) > 1 {
			list = append(list, fmt.Sprintf("%s is called for more than one %s: %s", qualified, kind, strings.Join(same, ", ")))
		}
	}
	return list
}

// lostBoundary returns the trigger that a name ends in when the word before it
// has swallowed the On, as in httponPush.
func lostBoundary(name []string) string {
	for i, w := range name {
		if w == "on" || !strings.HasSuffix(w, "on") {
			continue
		}
		rest := name[i+1:]
		if startsWithAny(rest, knownVendors) || startsWithAny(rest, filteredEvents) || slices.ContainsFunc(knownEvents, func(e []string) bool { return slices.Equal(e, rest) }) {
			return camel(append([]string{"on"}, rest...))
		}
	}
	return ""
}

// respelt returns the vendor that a name spells with a boundary too many, such
// as onGitHubPush: git hub is not github.
func respelt(name []string) string {
	on := slices.Index(name, "on")
	if on < 0 || startsWithAny(name[on+1:], knownVendors) {
		return ""
	}
	for _, vendor := range knownVendors {
		joined := ""
		for i := on + 1; i < len(name) && len(joined) < len(vendor[0]); i++ {
			joined += name[i]
			if joined == vendor[0] {
				return camel(slices.Concat([]string{"on", vendor[0]}, name[i+1:]))
			}
		}
		// onGithubpush: Dagger has taken OnGITHUBPush for one word.
		if rest, ok := strings.CutPrefix(name[min(on+1, len(name)-1)], vendor[0]); ok {
			for _, event := range knownEvents {
				if rest == event[0] {
					return camel(slices.Concat([]string{"on", vendor[0], rest}, name[on+2:]))
				}
			}
		}
	}
	return ""
}

// triggerStarts returns the positions of every On that starts a trigger.
func triggerStarts(name []string) []int {
	var list []int
	for i, w := range name {
		if w == "on" && (startsWithAny(name[i+1:], knownVendors) || startsWithAny(name[i+1:], knownEvents)) {
			list = append(list, i)
		}
	}
	return list
}

func joinReadings(name []string, starts []int) string {
	var list []string
	for _, at := range starts {
		list = append(list, camel(name[at:]))
	}
	return strings.Join(list, " and as ")
}

// ambiguousRefs returns the refs that the filter part of a push or tag
// function's name can mean, and what they are.
func ambiguousRefs(name []string, refs Refs) (kind string, same []string) {
	for _, at := range triggerStarts(name) {
		rest := name[at+1:]
		for _, vendor := range forgeVendors {
			if hasPrefix(rest, vendor) {
				rest = rest[len(vendor):]
				break
			}
		}
		if len(rest) < 2 {
			continue
		}
		var known []string
		switch rest[0] {
		case events.NamePush:
			kind, known = "branch", refs.Branches
		case events.NameTag:
			kind, known = "tag", refs.Tags
		default:
			continue
		}
		for _, ref := range known {
			if slices.Equal(words(ref), rest[1:]) && !slices.Contains(same, ref) {
				same = append(same, ref)
			}
		}
	}
	slices.Sort(same)
	return kind, same
}

var forgeVendors = [][]string{{"github"}, {"gitlab"}, {"gitea"}, {"bitbucket"}}

// namesRef reports whether a function's name holds a branch or a tag, so that
// the repository's refs are worth asking for.
func namesRef(name string) bool {
	split := words(name)
	for _, at := range triggerStarts(split) {
		rest := split[at+1:]
		if startsWithAny(rest, forgeVendors) {
			rest = rest[1:]
		}
		if len(rest) > 1 && (rest[0] == events.NamePush || rest[0] == events.NameTag) {
			return true
		}
	}
	return false
}

func startsWithAny(list []string, starts [][]string) bool {
	return slices.ContainsFunc(starts, func(s []string) bool { return hasPrefix(list, s) })
}

// camel writes words as they stand in a function's name.
func camel(list []string) string {
	var b strings.Builder
	for _, w := range list {
		if w != "" {
			b.WriteString(strings.ToUpper(w[:1]) + w[1:])
		}
	}
	return b.String()
}
