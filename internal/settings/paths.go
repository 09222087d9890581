package settings

import (
	"cmp"
	"fmt"

	"github.com/franela/pocketci/events"
)

// receiver is something that webhooks are sent to.
type receiver struct {
	// path is where, line where it stands in the file, zero if it does not.
	path string
	line int
	// what it is, in messages, and advice what may be done about its path.
	what, advice string
}

// receivers lists everything of a file that has a path. What can be moved most easily
// comes last.
func (s *Settings) receivers() []receiver {
	var list []receiver
	add := func(path, name string, line int, what, advice string) {
		list = append(list, receiver{cmp.Or(path, "/webhooks/"+name), line, what, cmp.Or(advice, "give one of them another name")})
	}
	if len(s.Forges) == 0 {
		add("", events.VendorGithub, 0, "GitHub, where there are no forges", "")
	}
	for _, f := range s.Forges {
		add("", f.Name, f.Line, "the forge "+f.Name, "")
	}
	for _, g := range s.Registries {
		if g.WebhookSecret != nil {
			add("", g.Name, g.Line, "the registry "+g.Name, "")
		}
	}
	for _, w := range s.Webhooks {
		add("", w.Name, w.Line, "the webhook "+w.Name, "")
	}
	for _, c := range s.Converge {
		add("", c.Name, c.Line, "the source of reports "+c.Name, "")
	}
	for _, m := range s.Mirrors {
		if m.Webhook != nil {
			add(m.Webhook.Path, m.Name, m.Webhook.Line, "the mirror "+m.Name, "give its webhook another path")
		}
	}
	return list
}

// paths reports what would receive at a path that something else has. The names in a
// section of the file are known to differ.
func (r reader) paths(s *Settings) {
	owners := map[string]receiver{}
	for _, here := range s.receivers() {
		other, twice := owners[here.path]
		if !twice {
			owners[here.path] = here
			continue
		}
		if here.what == other.what {
			continue // that the name is there twice has been reported
		}
		where := other.what
		if other.line > 0 {
			where = fmt.Sprintf("%s in line %d", where, other.line)
		}
		r.Report(here.line, 1, "%s receives at %s, and so does %s; %s", here.what, here.path, where, here.advice)
	}
}
