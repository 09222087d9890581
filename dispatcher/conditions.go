package dispatcher

import (
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/globs"
	"github.com/franela/pocketci/modules"
)

// conditions are those that a function has by its defaults or by pocketci.yaml. Nil is
// none.
type conditions struct {
	vendor, event, filter, base []string
	onChanges, paths            []string
	payload                     []string
	// anyFilter says that the function declares filter.
	anyFilter bool
	// asksEvent says that it has a condition on event, even one that holds of all.
	asksEvent bool
}

// conditionsOf reads them as [Match] does.
func conditionsOf(fn *modules.Function, settings config.Function) (c conditions, err error) {
	for _, one := range []struct {
		name    string
		setting []string
		to      *[]string
	}{
		{"vendor", settings.Vendor, &c.vendor},
		{"event", settings.Event, &c.event},
		{"filter", settings.Filter, &c.filter},
		{"base", settings.Base, &c.base},
	} {
		if *one.to, err = valuesOf(fn, one.name, one.setting); err != nil {
			return c, err
		}
	}
	if c.onChanges = settings.OnChanges; c.onChanges == nil {
		if c.onChanges, err = changePatterns(fn); err != nil {
			return c, err
		}
	}
	for i := range settings.Filters {
		c.payload = append(c.payload, settings.Filters[i].String())
	}
	c.anyFilter = fn.Arg("filter") != nil || settings.Filter != nil
	arg := fn.Arg("event")
	c.asksEvent = settings.Event != nil || arg != nil && arg.Default != nil
	return c, nil
}

// rest says what else has to hold, but for conditions that have been told.
func (c conditions) rest(told ...string) string {
	var list []string
	for _, one := range []struct {
		name  string
		allow []string
	}{{"vendor", c.vendor}, {"event", c.event}, {"filter", c.filter}, {"base", c.base}} {
		if one.allow == nil || slices.Contains(told, one.name) {
			continue
		}
		list = append(list, "the "+one.name+" is "+oneOf(one.allow, "or"))
	}
	list = append(list, c.payload...)
	if len(list) == 0 {
		return ""
	}
	return ", if " + oneOf(list, "and")
}

// pulls says which pull requests are meant by who asks for events of that name.
func (c conditions) pulls() string {
	if !c.asksEvent || c.anyFilter || c.event != nil && !globs.MatchValue(c.event, events.NamePullRequest) {
		return ""
	}
	return " (pull requests once they are opened, reopened or get new commits)"
}

// changed says what files have to have changed.
func (c conditions) changed() string { return changedWords(c.onChanges, c.paths) }

// changedWords says that for each list of globs.
func changedWords(lists ...[]string) string {
	var list []string
	for _, patterns := range lists {
		var in, out []string
		for _, p := range patterns {
			if exclude, ok := strings.CutPrefix(p, "!"); ok {
				out = append(out, exclude)
				continue
			}
			in = append(in, p)
		}
		text := oneOf(in, "or")
		if len(out) > 0 {
			if len(in) == 0 {
				text = "something"
			}
			text += " (but not " + oneOf(out, "or") + ")"
		}
		if text != "" {
			list = append(list, text+" changed")
		}
	}
	if len(list) == 0 {
		return ""
	}
	return " when " + strings.Join(list, " and ")
}
