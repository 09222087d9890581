package poll_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/predicate"
)

// filtered is a source with filters.
type filtered struct {
	source
	filters []predicate.Filter
}

func (f *filtered) Filters() []predicate.Filter { return f.filters }

// What does not pass is stored, and says why nothing comes of it.
func TestFiltersOfASource(t *testing.T) {
	t.Parallel()
	f := &filtered{source: source{name: "a", poll: func(context.Context, poll.At) (poll.Found, error) {
		var list []events.Event
		for _, payload := range []string{`{"tag":"v1"}`, `{"tag":"v2-rc"}`} {
			list = append(list, events.Event{Vendor: "registry", Name: "tag", Delivery: payload, Repository: &events.Repository{FullName: "a/b"}, Payload: json.RawMessage(payload)})
		}
		return poll.Found{Position: json.RawMessage("1"), Events: list}, nil
	}}}
	if err := json.Unmarshal([]byte(`[{"path":"/tag","does-not-match":"-rc"}]`), &f.filters); err != nil {
		t.Fatal(err)
	}
	var s memory
	if _, err := poll.Once(t.Context(), &s, f, time.Now()); err != nil {
		t.Fatal(err)
	}
	if len(s.events) != 2 || s.events[0].Skip != "" || !strings.Contains(s.events[1].Skip, `the value is "v2-rc"`) {
		t.Errorf("%+v", s.events)
	}
}
