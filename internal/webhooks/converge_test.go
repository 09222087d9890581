package webhooks_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/converge"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/webhooks"
)

// A report is an event of the repository that agent.yaml names, once however often it
// is sent, and the end of a chain that is too long.
func TestReports(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	in := receive(t, s, "converge:\n- {name: hosts, secrets: [{from-env: A}, {from-env: B}], filters: [{path: /host, is-not-equal-to: test}], calls: acme/shop}\n")
	report := func(id, host string, depth int) string {
		cause := ""
		if depth > 0 {
			cause = "an-event"
		}
		return fmt.Sprintf(`{"version":1,"id":%q,"outcome":"failed","source":"web","host":%q,"trigger":"push","ended_at":"2026-11-25T12:00:00Z","changed":[],"removed":[],"err":"no","exit":3,"cause":%q,"depth":%d}`, id, host, cause, depth)
	}
	send := func(body, id, secret string) (int, map[string]any) {
		return in.send(http.MethodPost, "hosts", body, converge.HeaderDelivery, id, converge.HeaderSignature, "sha256="+converge.Sign(secret, []byte(body)))
	}
	if status, _ := send(report("r1", "web1", 0), "r1", "another"); status != http.StatusUnauthorized {
		t.Errorf("with another secret: %d", status)
	}
	status, answer := send(report("r1", "web1", 2), "r1", "the value of B")
	if status >= 300 {
		t.Fatalf("%d %v", status, answer)
	}
	e, run := in.event(answer)
	if e.Vendor != events.VendorConverge || e.Name != "failed" || e.Filter != "web" || e.Cause != "an-event" || e.Depth != 2 ||
		e.Repository == nil || e.Repository.FullName != "acme/shop" || e.OccurredAt.IsZero() || run.Reason != "" {
		t.Errorf("event %+v, run %+v", e, run)
	}
	_, again := send(report("r1", "web1", 2), "r1", "the value of A")
	if again["id"] != answer["id"] {
		t.Errorf("it is another event when it is sent again: %v, before %v", again, answer)
	}
	for name, body := range map[string]string{"a chain that is too long": report("r2", "web1", events.MaxDepth+1), "a filter": report("r2", "test", 0)} {
		body = strings.Replace(body, `"r2"`, fmt.Sprintf("%q", name), 1)
		if _, answer := send(body, name, "the value of A"); answer["id"] == nil {
			t.Errorf("%s: %v", name, answer)
		} else if _, run := in.event(answer); run.Reason == "" {
			t.Errorf("%s: the run is %+v", name, run)
		}
	}
}

func TestOpenConvergeRefuses(t *testing.T) {
	t.Parallel()
	c := settings.ConvergeSource{Name: "hosts", Secrets: []settings.Secret{{Env: "NONE"}}, Line: 7}
	if _, err := webhooks.OpenConverge("agent.yaml", c, value, nil); err == nil || !strings.Contains(err.Error(), "agent.yaml:7: source of reports hosts") {
		t.Errorf("error %v", err)
	}
}
