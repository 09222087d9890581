package pattern

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/yamlfile"
)

// eventPrefix begins an entry of on-change or on-fail that names an event.
const eventPrefix = "event:"

// eventName is what events may be called.
var eventName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// member is a command or a group in the list that it stands in.
type member struct {
	at    *yaml.Node
	id    string
	group bool
	// commands are the command itself, or those of the group.
	commands                   []Command
	onChange, onFail, onRemove []target
}

// target is an entry of a trigger.
type target struct {
	at   *yaml.Node
	key  string
	text string
}

func (r *reader) targets(e yamlfile.Entry) []target {
	items, ok := r.List(e.Value, e.Name)
	if ok && len(items) == 0 {
		r.Fail(e.Value, "%s is an empty list; add an id or remove the key", e.Name)
	}
	var list []target
	for _, item := range items {
		if s, ok := r.String(item, "an entry of "+e.Name); ok {
			list = append(list, target{item, e.Name, s})
		}
	}
	return list
}

// link turns the triggers of a list's members into ids of commands.
func (r *reader) link(members []member) {
	for i := range members {
		m := &members[i]
		if m.group {
			continue
		}
		cmd := &m.commands[0]
		cmd.OnChange, cmd.ChangeEvents = r.resolve(members, i, m.onChange, true)
		cmd.OnFail, cmd.FailEvents = r.resolve(members, i, m.onFail, true)
		cmd.OnRemove, _ = r.resolve(members, i, m.onRemove, false)
		for _, id := range slices.Concat(cmd.OnChange, cmd.OnFail) {
			r.triggered[id] = true
		}
		if cmd.Check == nil && cmd.Change != nil && !cmd.Always {
			r.bare = append(r.bare, *m)
		}
	}
}

// reachable reports the commands that nothing would ever run. What a group's own
// list does not name, the list that the group is in may.
func (r *reader) reachable() {
	for _, m := range r.bare {
		if !r.triggered[m.id] {
			r.Fail(m.at, "the command %q would never run: it has no check, is not always, and no command before it names it in on-change or on-fail", m.id)
		}
	}
}

// resolve returns the commands that the entries of one trigger mean, in the order of
// the list, and the events. Only what comes later can be meant, or with later unset
// only what comes earlier.
func (r *reader) resolve(members []member, self int, targets []target, later bool) (ids, events []string) {
	found := map[string]bool{}
	for _, t := range targets {
		if name, ok := strings.CutPrefix(t.text, eventPrefix); ok {
			switch {
			case !later:
				r.Fail(t.at, "%s cannot name an event", t.key)
			case !eventName.MatchString(name):
				r.Fail(t.at, "an event's name must be small letters and digits, with single dashes between them")
			case !slices.Contains(events, name):
				events = append(events, name)
			}
			continue
		}
		for _, i := range r.meant(members, self, t, later) {
			for _, cmd := range members[i].commands {
				if cmd.Change != nil {
					found[cmd.ID] = true
				}
			}
		}
	}
	for _, m := range members {
		for _, cmd := range m.commands {
			if found[cmd.ID] {
				ids = append(ids, cmd.ID)
			}
		}
	}
	return ids, events
}

// meant returns the places of the members that one entry means.
func (r *reader) meant(members []member, self int, t target, later bool) []int {
	fits := func(i int) bool { return later && i > self || !later && i < self }
	where := "later"
	if !later {
		where = "earlier"
	}
	if len(t.text) > 1 && strings.HasPrefix(t.text, "/") && strings.HasSuffix(t.text, "/") {
		re, err := regexp.Compile("^(?:" + t.text[1:len(t.text)-1] + ")$")
		if err != nil {
			r.Fail(t.at, "%s: %q is not a regular expression", t.key, t.text)
			return nil
		}
		var places []int
		for i, m := range members {
			if fits(i) && re.MatchString(m.id) {
				places = append(places, i)
			}
		}
		if len(places) == 0 {
			r.Fail(t.at, "%s: no command that comes %s in the same list matches %q", t.key, where, t.text)
		}
		return places
	}
	i := slices.IndexFunc(members, func(m member) bool { return m.id == t.text })
	switch {
	case i == self:
		r.Fail(t.at, "%s: a command cannot name itself", t.key)
	case i >= 0 && !fits(i):
		r.Fail(t.at, "%s: %q does not come %s; move it", t.key, t.text, where)
	case i >= 0 && !members[i].group && members[i].commands[0].Change == nil:
		r.Fail(t.at, "%s: %q has no change, so that it cannot be triggered", t.key, t.text)
	case i >= 0:
		return []int{i}
	case r.lines[t.text] != 0:
		r.Fail(t.at, "%s: %q is in another list; only commands of the same list can be named", t.key, t.text)
	default:
		var known []string
		for _, m := range members {
			known = append(known, m.id)
		}
		if meant := yamlfile.Suggest(t.text, known); meant != "" {
			r.Fail(t.at, "%s: there is no command %q; did you mean %q?", t.key, t.text, meant)
		} else {
			r.Fail(t.at, "%s: there is no command %q in the same list", t.key, t.text)
		}
	}
	return nil
}
