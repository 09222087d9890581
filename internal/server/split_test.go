package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/server"
)

// several tells of a push of some branches in one delivery.
type several struct {
	branches []string
	err      error
}

func (several) Vendor() string { return "several" }

func (several) Screen(map[string][]string) error { return nil }

func (several) Receive(map[string][]string, []byte) (events.Event, error) {
	return events.Event{}, errors.New("asked for one of several events")
}

func (s several) ReceiveAll(_ map[string][]string, body []byte) ([]events.Received, error) {
	var all []events.Received
	for i, branch := range s.branches {
		one := events.Received{Event: events.Event{
			Vendor: "several", Name: "push", Kind: "push", Filter: branch, Delivery: fmt.Sprintf("d1/%d", i+1), Payload: body,
		}}
		if branch == "gone" {
			one.Nothing = &events.NothingError{Reason: "the push deletes gone"}
		}
		all = append(all, one)
	}
	return all, s.err
}

func TestSeveralEvents(t *testing.T) {
	t.Parallel()
	in := start(t, func(o *server.Options) {
		o.Hooks = []server.Hook{{Source: several{branches: []string{"main", "gone", "next"}}}}
	})
	a := send(t, delivery(t, in.url+"/webhooks/several", "push", []byte("{}")))
	got := in.sink.accepted()
	if a.status != http.StatusAccepted || len(got) != 3 {
		t.Fatalf("%d %s; %d events were accepted", a.status, a.text, len(got))
	}
	told := a.body["events"].([]any)
	ids := map[string]bool{}
	for i, e := range got {
		ids[e.ID] = true
		if e.Delivery != fmt.Sprintf("d1/%d", i+1) || told[i].(map[string]any)["id"] != e.ID {
			t.Errorf("event %d is %+v, and the answer %v", i, e, told[i])
		}
	}
	if len(ids) != 3 {
		t.Errorf("ids %v", ids)
	}
	if !strings.Contains(in.log.String(), `"events":3`) {
		t.Errorf("the log does not say how many:\n%s", in.log)
	}
}

// One event of a source that can tell of several is answered like any other.
func TestOneOfSeveralEvents(t *testing.T) {
	t.Parallel()
	in := start(t, func(o *server.Options) { o.Hooks = []server.Hook{{Source: several{branches: []string{"main"}}}} })
	a := send(t, delivery(t, in.url+"/webhooks/several", "push", []byte("{}")))
	if a.status != http.StatusAccepted || a.body["id"] != in.sink.accepted()[0].ID {
		t.Errorf("%d %s", a.status, a.text)
	}
}

// If one cannot be taken over, the delivery has to come again.
func TestSeveralEventsFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source several
		fail   error
		status int
	}{
		"no room":         {several{branches: []string{"main", "next"}}, server.ErrFull, http.StatusServiceUnavailable},
		"not proven":      {several{err: &events.UnauthenticatedError{Reason: "no"}}, nil, http.StatusUnauthorized},
		"faulty":          {several{branches: []string{"main"}, err: &events.MalformedError{Reason: "no"}}, nil, http.StatusBadRequest},
		"without anybody": {several{}, nil, http.StatusBadRequest},
	} {
		in := start(t, func(o *server.Options) { o.Hooks = []server.Hook{{Source: c.source}} })
		if c.fail != nil {
			in.sink.accept = func(context.Context) error { return c.fail }
		}
		a := send(t, delivery(t, in.url+"/webhooks/several", "push", []byte("{}")))
		if a.status != c.status || len(in.sink.accepted()) != 0 {
			t.Errorf("%s: %d %s; %d events were accepted", name, a.status, a.text, len(in.sink.accepted()))
		}
	}
}
