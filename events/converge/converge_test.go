package converge_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/converge"
	"github.com/franela/pocketci/events/sourcetest"
)

// report is one that has everything.
func report() converge.Report {
	return converge.Report{
		Version: 1, ID: "0198-run", Outcome: "changed", Source: "web", Host: "web1", Trigger: "push", Pattern: "ab12",
		EndedAt: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), Changed: []string{"write a file"}, Removed: []string{"copy file"},
		Token: &converge.Token{ID: "t1", Issuer: "ci", Subject: "deploy", Key: "good"},
	}
}

func encode(t testing.TB, r converge.Report) []byte {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestConformance(t *testing.T) {
	t.Parallel()
	at := report().EndedAt
	deliveries := map[string]sourcetest.Delivery{}
	for name, c := range map[string]struct {
		change func(*converge.Report)
		want   events.Event
	}{
		"changed": {func(*converge.Report) {}, events.Event{Name: "changed", Filter: "web"}},
		"failed": {
			func(r *converge.Report) {
				r.Outcome, r.Err, r.Exit, r.Changed, r.Removed = "failed", `change of "a": exit status 3`, 3, []string{}, []string{}
			},
			events.Event{Name: "failed", Filter: "web"},
		},
		"of a host's own pattern": {func(r *converge.Report) { r.Token = nil }, events.Event{Name: "changed", Filter: "web"}},
		"another source":          {func(r *converge.Report) { r.Source = "data-base" }, events.Event{Name: "changed", Filter: "data-base"}},
		"in a chain":              {func(r *converge.Report) { r.Cause, r.Depth = "0198-event", 3 }, events.Event{Name: "changed", Filter: "web", Cause: "0198-event", Depth: 3}},
	} {
		r := report()
		c.change(&r)
		c.want.Vendor, c.want.Kind, c.want.Delivery, c.want.Sender, c.want.Trusted, c.want.OccurredAt = events.VendorConverge, c.want.Name, r.ID, "web1", true, at
		deliveries[name] = sourcetest.Delivery{
			Header: http.Header{"Content-Type": {"application/json"}, "X-Pocketci-Delivery": {r.ID}}, Body: encode(t, r), Want: c.want,
		}
	}
	sourcetest.Run(t, sourcetest.Forge{
		Vendor:       events.VendorConverge,
		New:          func(secrets ...string) (events.Source, error) { return converge.New(secrets...) },
		Prove:        prove,
		CoversBody:   true,
		NoRepository: true,
		Deliveries:   deliveries,
	})
}

func prove(h http.Header, secret string, body []byte) {
	h.Set(converge.HeaderSignature, "sha256="+converge.Sign(secret, body))
}

func TestReceiveRefuses(t *testing.T) {
	t.Parallel()
	s, err := converge.New("correct horse battery staple")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*converge.Report)
		header string
		err    string
	}{
		"another id in the header": {func(*converge.Report) {}, "another", "header X-Pocketci-Delivery: is not the id of the report"},
		"another version":          {func(r *converge.Report) { r.Version = 2 }, "", "version: is 2"},
		"another outcome":          {func(r *converge.Report) { r.Outcome = "deployed" }, "", "outcome: is neither"},
		"no source":                {func(r *converge.Report) { r.Source = "" }, "", "source: is missing"},
		"a depth without a cause":  {func(r *converge.Report) { r.Depth = 2 }, "", "depth: does not fit the cause"},
		"a source with a line":     {func(r *converge.Report) { r.Source = "a\nb" }, "", "source: "},
	} {
		t.Run(name, func(t *testing.T) {
			r := report()
			c.change(&r)
			body := encode(t, r)
			h := http.Header{}
			h.Set(converge.HeaderDelivery, r.ID)
			if c.header != "" {
				h.Set(converge.HeaderDelivery, c.header)
			}
			prove(h, "correct horse battery staple", body)
			if _, err := s.Receive(h, body); err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(encode(f, report()))
	f.Add([]byte(`{"version":1,"id":"","outcome":"changed"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := converge.Parse(body)
		if err != nil {
			sourcetest.CheckError(t, err)
			return
		}
		if e.Delivery == "" || e.Filter == "" || e.Name != "changed" && e.Name != "failed" {
			t.Errorf("the event %+v", e)
		}
	})
}
