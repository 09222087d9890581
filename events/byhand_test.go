package events_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
)

func TestManualCall(t *testing.T) {
	for name, c := range map[string]struct {
		asked   events.ByHand
		payload string
	}{
		"everything":   {events.ByHand{Module: "ci", Function: "deploy", Args: map[string]string{"env": "a,b", "n": "3"}}, `{"module":"ci","function":"deploy","args":{"env":"a,b","n":"3"}}`},
		"no arguments": {events.ByHand{Function: "deploy"}, `{"module":"","function":"deploy","args":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			event := events.ManualCall(&events.Repository{FullName: "octo/hello"}, "refs/heads/main", "", "jane", c.asked)
			want := events.Manual(&events.Repository{FullName: "octo/hello"}, "refs/heads/main", "", "jane")
			want.Payload = json.RawMessage(c.payload)
			if diff := cmp.Diff(want, event); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
			got, ok, err := events.ReadByHand(&event)
			if c.asked.Args == nil {
				c.asked.Args = map[string]string{}
			}
			if diff := cmp.Diff(c.asked, got); diff != "" || !ok || err != nil {
				t.Errorf("read %t, %v (-want +got):\n%s", ok, err, diff)
			}
			if _, err := events.EncodeFile(&event, nil); err != nil {
				t.Errorf("event file: %v", err)
			}
		})
	}
}

func TestReadByHand(t *testing.T) {
	manual := func(payload string) events.Event {
		event := events.Manual(nil, "", "", "jane")
		event.Payload = json.RawMessage(payload)
		return event
	}
	other := manual(`{"function": "deploy"}`)
	other.Vendor = events.VendorGithub
	for name, c := range map[string]struct {
		event events.Event
		asked bool
		bad   bool
	}{
		"a function":            {manual(`{"function": "deploy"}`), true, false},
		"more than is known":    {manual(`{"function": "deploy", "later": 1}`), true, false},
		"of another vendor":     {other, false, false},
		"no payload":            {manual(``), false, false},
		"null":                  {manual(`null`), false, false},
		"a list":                {manual(`["function"]`), false, false},
		"no JSON":               {manual(`{`), false, false},
		"no function":           {manual(`{"module": "ci"}`), false, false},
		"an empty function":     {manual(`{"function": ""}`), false, false},
		"a function of null":    {manual(`{"function": null}`), false, false},
		"a number of functions": {manual(`{"function": 3}`), false, true},
		"an argument of 3":      {manual(`{"function": "deploy", "args": {"n": 3}}`), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, asked, err := events.ReadByHand(&c.event)
			if asked != c.asked || (err != nil) != c.bad {
				t.Errorf("asked %t, %v, want %t, an error %t", asked, err, c.asked, c.bad)
			}
			if _, ok := errors.AsType[*events.MalformedError](err); c.bad && !ok {
				t.Errorf("error %v is of type %T", err, err)
			}
		})
	}
}
