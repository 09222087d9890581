package config_test

import (
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
)

func TestEventPattern(t *testing.T) {
	push := events.Event{Vendor: events.VendorGitlab, Name: events.NamePush, Filter: "release/1"}
	tick := events.Event{Vendor: events.VendorTime, Name: events.NameTick, Filter: "nightly"}
	signed := events.Event{Vendor: events.VendorSigned, Name: events.NamePush, Filter: "office"}
	for name, c := range map[string]struct {
		pattern config.EventPattern
		event   events.Event
		want    bool
	}{
		"a forge's event":                    {config.EventPattern{Event: "push"}, push, true},
		"a forge's event by a glob":          {config.EventPattern{Event: "push", Filter: "release/*"}, push, true},
		"another branch":                     {config.EventPattern{Event: "push", Filter: "main"}, push, false},
		"letter by letter":                   {config.EventPattern{Event: "push", Filter: "Release/1"}, push, false},
		"the vendor":                         {config.EventPattern{Vendor: "gitlab", Event: "push"}, push, true},
		"another vendor":                     {config.EventPattern{Vendor: "github", Event: "push"}, push, false},
		"any vendor":                         {config.EventPattern{Vendor: "*", Event: "push"}, signed, true},
		"without a vendor, a forge's only":   {config.EventPattern{Event: "push"}, signed, false},
		"a tick":                             {config.EventPattern{Vendor: "time", Event: "tick", Filter: "nightly"}, tick, true},
		"a tick of another schedule":         {config.EventPattern{Vendor: "time", Event: "tick", Filter: "weekly"}, tick, false},
		"every event of a vendor, by a glob": {config.EventPattern{Vendor: "time", Event: "*"}, tick, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.pattern.Matches(&c.event); got != c.want {
				t.Errorf("%q matches: %t", c.pattern, got)
			}
		})
	}
}
