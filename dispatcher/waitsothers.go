package dispatcher

import (
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
)

// others says what it waits for of a vendor that is no forge.
func (w waits) others(c conditions) string {
	filters := c.filter
	if len(w.filter) > 0 {
		filters = []string{spelt(w.filter)}
	}
	which, event := oneOf(filters, "or"), strings.Join(w.event, "_")
	of := func(what, one string) string {
		if which == "" {
			return what
		}
		return one + " " + which
	}
	switch w.vendor {
	case events.VendorTime:
		return "at each tick of " + of("every schedule of the agent", "the agent's schedule")
	case events.VendorRegistry:
		image := of("a watched image", "the watched image, repository or tag")
		if event == "" {
			return "on every event of " + image
		}
		return "on every event " + event + " of " + image
	case events.VendorSigned:
		source := of("a signed source", "the signed source")
		switch event {
		case "push":
			return "whenever something signed is pushed to " + source
		case "pull":
			return "whenever something signed is pulled from " + source
		}
		return "whenever something signed comes from " + source
	case events.VendorMirror:
		mirror := of("a mirror", "the mirror")
		switch event {
		case "updated":
			return "whenever " + mirror + " was updated"
		case "failed":
			return "whenever " + mirror + " failed"
		}
		return "whenever " + mirror + " was updated or failed"
	case events.VendorManual:
		return "when a person asks for a run of the repository"
	case events.VendorWebhook:
		return "on every delivery of " + w.hook(which)
	}
	if len(w.rest) == 0 {
		return "on every event of the vendor " + w.vendor
	}
	return "on events of the vendor " + w.vendor + " whose name and filter read “" + strings.Join(w.rest, " ") + "”"
}

// hook names webhooks: where the name of one ends, and its filter begins, is known to
// agent.yaml alone.
func (w waits) hook(filter string) string {
	text := "a webhook of agent.yaml"
	switch len(w.rest) {
	case 0:
	case 1:
		text = "the webhook " + w.rest[0]
	default:
		text = "webhooks whose name and filter read “" + strings.Join(w.rest, " ") + "”"
	}
	if filter != "" {
		text += " whose filter is " + filter
	}
	return text
}

// clockWords is a schedule as people say it, where that is easier to read, and as it is
// written otherwise.
func clockWords(s schedule.Schedule) string {
	words := schedule.Words(s.Expression())
	if words == "" {
		words = s.Expression()
	}
	if strings.HasPrefix(s.Expression(), "@every ") {
		return words
	}
	return words + " " + s.TimeZone()
}
