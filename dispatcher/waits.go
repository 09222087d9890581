package dispatcher

import (
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
)

// waits is what a name waits for behind its On. Without a vendor it is any forge's.
type waits struct {
	vendor string
	// event and filter are words; rest are those of which it cannot be told where the
	// event ends and the filter begins.
	event, filter, rest []string
}

// vendorEvents are the events of vendors that are no forges, as far as all are known.
var vendorEvents = map[string][][]string{
	events.VendorTime:     {{"tick"}},
	events.VendorRegistry: {{"tag"}, {"release"}, {"digest"}, {"pin"}, {"reset"}, {"deploy"}},
	events.VendorSigned:   {{"push"}, {"pull"}},
	events.VendorMirror:   {{"updated"}, {"failed"}},
	events.VendorManual:   {{"run"}},
}

// read takes the words behind On apart.
func read(rest []string) waits {
	var w waits
	if startsWithAny(rest, knownVendors) {
		w.vendor, rest = rest[0], rest[1:]
	}
	known := knownEvents
	if w.vendor != "" && !w.ofForge() {
		known = vendorEvents[w.vendor]
	}
	for _, event := range known {
		if hasPrefix(rest, event) && len(event) > len(w.event) {
			w.event = event
		}
	}
	if w.event == nil {
		w.rest = rest
		return w
	}
	w.filter = rest[len(w.event):]
	return w
}

// ofForge reports whether it waits for events of forges, or of one.
func (w waits) ofForge() bool {
	return w.vendor == "" || slices.ContainsFunc(forgeVendors, func(v []string) bool { return v[0] == w.vendor })
}

// possible reports whether there can be such events.
func (w waits) possible() bool {
	if _, all := vendorEvents[w.vendor]; all && len(w.rest) > 0 {
		return false
	}
	return w.vendor != events.VendorManual || len(w.filter) == 0
}

// samples are events that it waits for, of each way in which they can be told.
func (w waits) samples() []events.Event {
	vendors := []string{w.vendor}
	if w.vendor == "" {
		vendors = []string{events.VendorGithub, events.VendorGitlab, events.VendorGitea, events.VendorBitbucket}
	}
	var list []events.Event
	add := func(event, filter []string) {
		name := strings.Join(event, "_")
		if name == "" {
			return
		}
		for _, vendor := range vendors {
			list = append(list, events.Event{Vendor: vendor, Name: name, Filter: strings.Join(filter, "-")})
			for i := 1; vendor == events.VendorRegistry && i < len(filter); i++ {
				list = append(list, events.Event{Vendor: vendor, Name: name, Filter: strings.Join(filter[:i], "-") + ":" + strings.Join(filter[i:], "-")})
			}
		}
	}
	if w.event != nil {
		add(w.event, w.filter)
	}
	for i := range w.rest {
		add(w.rest[:i+1], w.rest[i+1:])
	}
	if w.event == nil && len(w.rest) == 0 {
		// Of a vendor as a whole, any event will do.
		add([]string{"any"}, nil)
	}
	return list
}

// forgeNames are what people call forges.
var forgeNames = map[string]string{
	events.VendorGithub: "GitHub", events.VendorGitlab: "GitLab", events.VendorGitea: "Gitea or Forgejo", events.VendorBitbucket: "Bitbucket",
}

// words says what it waits for, under conditions, behind "called".
func (w waits) words(c conditions) string {
	switch {
	case !w.ofForge() && len(w.filter) > 0:
		return w.others(c) + c.rest()
	case !w.ofForge():
		return w.others(c) + c.rest("filter")
	case len(w.rest) > 0:
		from := " of a forge"
		if w.vendor != "" {
			from = w.at(" of ")
		}
		return "on events" + from + " whose name and filter read “" + strings.Join(w.rest, " ") + "”" + c.rest() + c.changed()
	case w.event == nil:
		text := "on every event" + w.at(" of ")
		if c.event != nil {
			text += " that is " + oneOf(c.event, "or")
		}
		return text + c.pulls() + c.rest("event") + c.changed()
	}
	// What the name says of the filter and what a condition does both have to hold.
	filters, taken := c.filter, "filter"
	if len(w.filter) > 0 {
		filters, taken = []string{spelt(w.filter)}, ""
	}
	which := oneOf(filters, "or")
	switch event := strings.Join(w.event, "_"); event {
	case events.NamePush:
		if which == "" {
			which = "a branch"
		}
		return "on every push to " + which + w.at(" at ") + c.rest(taken) + c.changed()
	case events.NameTag:
		text := "on every push of a tag"
		if which != "" {
			text = "on every push of the tag " + which
		}
		return text + w.at(" at ") + c.rest(taken) + c.changed()
	case events.NamePullRequest:
		return w.pull(c, which) + c.rest(taken, "base") + c.changed()
	case "release":
		if which == "" {
			return "on everything that happens to a release" + w.at(" at ") + c.rest(taken)
		}
		return "on every release" + w.at(" at ") + " whose action is " + which + c.rest(taken)
	case "create", "delete":
		if which == "" {
			which = "branch or tag"
		}
		return "whenever a " + which + " is " + strings.TrimSuffix(event, "e") + "ed" + w.at(" at ") + c.rest(taken)
	default:
		text := "on every event " + event + w.at(" of ")
		if which != "" {
			text += " whose filter is " + which
		}
		return text + c.rest(taken)
	}
}

// pull says what pull requests it waits for.
func (w waits) pull(c conditions, actions string) string {
	text := "on every pull request"
	if actions == "" && c.anyFilter {
		text = "on everything that happens to a pull request"
	}
	text += w.at(" at ")
	if c.base != nil {
		text += " against " + oneOf(c.base, "or")
	}
	switch {
	case actions != "":
		return text + " whose action is " + actions
	case c.anyFilter:
		return text
	}
	return text + " that is opened, reopened or gets new commits"
}

// at names the forge, if it is one alone.
func (w waits) at(preposition string) string {
	if w.vendor == "" {
		return ""
	}
	return preposition + forgeNames[w.vendor]
}

// spelt is a filter that names spell in words: which characters stand between them is
// open.
func spelt(filter []string) string {
	if len(filter) == 1 {
		return filter[0]
	}
	return "“" + strings.Join(filter, " ") + "” (whatever separates the words)"
}
