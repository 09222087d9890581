package dispatcher_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/modules"
)

// Filters are conditions like the others: a plan says which one does not hold, and
// what the value was, and a failed one opens no lower level of names.
func TestFilters(t *testing.T) {
	t.Parallel()
	const payload = `{"action":"opened","pull_request":{"draft":false,"number":7},"text":"TEXT"}`
	for name, c := range map[string]struct{ filters, payload, reason, why string }{
		"one that holds":        {filters: `[{"path":"/pull_request/draft","is-equal-to":false}]`, why: "named On<Vendor><Event><Filter>; filter is opened; /pull_request/draft is-equal-to false"},
		"one that does not":     {filters: `[{"path":"/pull_request/draft","is-equal-to":true}]`, reason: "the filter /pull_request/draft is-equal-to true does not hold: the value is false"},
		"one of two does not":   {filters: `[{"path":"/action","matches":"^open"},{"path":"/pull_request/number","is-equal-to":8}]`, reason: "the filter /pull_request/number is-equal-to 8 does not hold: the value is 7"},
		"a value that is not":   {filters: `[{"path":"/label","is-equal-to":"x"}]`, reason: "the filter /label is-equal-to \"x\" does not hold: there is no such value"},
		"negative, no value":    {filters: `[{"path":"/label","does-not-match":"x"}]`, why: `/label does-not-match "x"`},
		"a long value":          {filters: `[{"path":"/text","is-equal-to":"x"}]`, payload: strings.Repeat("ab\u202e", 10000), reason: "…"},
		"an event of no source": {filters: `[{"path":"","exists":true}]`, payload: "-", reason: "there is no such value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var filters []predicate.Filter
			if err := json.Unmarshal([]byte(c.filters), &filters); err != nil {
				t.Fatal(err)
			}
			ev := events.Event{
				Vendor: events.VendorGithub, Name: events.NamePullRequest, Filter: "opened", Trusted: true,
				Payload: json.RawMessage(strings.Replace(payload, "TEXT", c.payload, 1)),
			}
			if c.payload == "-" {
				ev.Payload = nil
			}
			plan := match(t, dispatcher.Input{
				Event:  &ev,
				Module: module([]modules.Function{fn("onGithubPullRequestOpened"), fn("onGithubPullRequest")}),
				Config: config.Module{Path: "ci", Functions: map[string]config.Function{
					"onGithubPullRequestOpened": {Filter: []string{"opened"}, Filters: filters},
				}},
			})
			if c.reason == "" {
				if len(plan.Calls) != 1 || !strings.Contains(plan.Calls[0].Why, c.why) {
					t.Errorf("calls %+v, skipped %+v", plan.Calls, plan.Skipped)
				}
				return
			}
			if len(plan.Calls) != 0 || len(plan.Skipped) != 2 || !strings.Contains(plan.Skipped[0].Reason, c.reason) {
				t.Fatalf("calls %+v, skipped %+v, want the reason %q", plan.Calls, plan.Skipped, c.reason)
			}
			if reason := plan.Skipped[0].Reason; len(reason) > 600 || strings.Contains(reason, "\u202e") {
				t.Errorf("the reason is %q", reason)
			}
		})
	}
}
