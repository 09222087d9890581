package converge_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/signed"
)

// What a request says reaches commands as variables and input.
func TestWebhook(t *testing.T) {
	t.Parallel()
	const secret = "a secret of the webhook"
	h := newHost(t, `
listen: 127.0.0.1:0
state-dir: {{state}}
keys: ["{{key}}"]
dir: {{dir}}
sources:
- {name: listen, push: true, trigger-only: true, webhook: [{from-env: HOOK}], sends: [deployed]}
- {name: other, push: true, trigger-only: true, receives: [deployed]}
`)
	h.env = []string{"HOOK=" + secret}
	h.start()
	_, r := h.push("listen", h.sign(h.key, `commands:
- {id: save, always: true, change: 'cat > body; printf %s "$POCKETCI_REQUEST_QUERY" > query; printf %s "$POCKETCI_REQUEST_HEADERS" > headers; env > env', on-change: [answer, "event:deployed", "event:unknown"]}
- {id: answer, change: 'printf "%s to %s" "$POCKETCI_REQUEST_METHOD" "$POCKETCI_REQUEST_PATH"', answer: text/plain}`))
	h.check("what only runs when it is triggered", r, nil, nil, nil)
	other := h.claims(h.key, signed.Claims{Content: signed.Content{Source: "other", Pattern: yamlFiles(t, `commands: [{id: a, always: true, change: 'echo "$POCKETCI_EVENT from $POCKETCI_EVENT_SOURCE" > event'}]`)}})
	if status, r := h.push("other", other); status != http.StatusOK {
		t.Errorf("%d %+v", status, r)
	}
	const hostile = "$(touch pwned);`touch pwned`;touch pwned\n\"'; touch pwned #"
	for what, header := range map[string]map[string]string{"nothing": nil, "another secret": {"Authorization": "Bearer another secret"}, "a bad signature": {"X-Hub-Signature-256": "sha256=00"}} {
		status, told, _ := h.request(http.MethodPost, "/webhooks/listen", hostile, header)
		if status != http.StatusUnauthorized {
			t.Errorf("with %s: status %d", what, status)
		}
		for name, path := range map[string]string{"without a webhook": "/webhooks/other", "that is not there": "/webhooks/nobody"} {
			if s, body, _ := h.request(http.MethodPost, path, hostile, header); s != status || body != told {
				t.Errorf("with %s, a source %s: status %d, %s", what, name, s, body)
			}
		}
	}
	status, body, header := h.request(http.MethodPost, "/webhooks/listen?x=$(touch%20pwned);`touch+pwned`", hostile, map[string]string{"Authorization": "Bearer " + secret, "X-Evil": "$(touch pwned)", "Cookie": "session=" + secret})
	if status != http.StatusOK || body != "POST to /webhooks/listen" || header.Get("Content-Type") != "text/plain" {
		t.Errorf("%d %q %v", status, body, header)
	}
	h.until("the event", func() bool { return h.read("event") == "deployed from listen\n" })
	if diff := cmp.Diff([]string{"body", "env", "event", "headers", "query"}, h.files()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if h.read("body") != hostile || h.read("query") != "x=$(touch%20pwned);`touch+pwned`" || !strings.Contains(h.read("headers"), "X-Evil: $(touch pwned)") {
		t.Errorf("body %q, query %q, headers %q", h.read("body"), h.read("query"), h.read("headers"))
	}
	if strings.Contains(h.read("env")+h.read("headers"), secret) {
		t.Error("the secret reaches commands")
	}
	h.stop()
	if log := h.log.String(); strings.Contains(log, secret) || !strings.Contains(log, "sends does not have it") {
		t.Errorf("the log is\n%s", log)
	}
}

// A request that is cut off goes on with what it said, and one that comes meanwhile
// is not lost.
func TestWebhookGoesOn(t *testing.T) {
	t.Parallel()
	const secret = "a secret of the webhook"
	h := newHost(t, `
listen: 127.0.0.1:0
state-dir: {{state}}
keys: ["{{key}}"]
dir: {{dir}}
push-timeout: 100ms
sources:
- {name: listen, push: true, trigger-only: true, webhook: [{from-env: HOOK}]}
`)
	h.env = []string{"HOOK=" + secret}
	h.start()
	h.push("listen", h.sign(h.key, `commands:
- {id: wait, always: true, change: 'touch "at-$POCKETCI_REQUEST_QUERY"; until test -e go; do sleep 0.01; done'}
- {id: save, always: true, change: 'cat >> log; echo " $POCKETCI_REQUEST_QUERY $POCKETCI_TRIGGER" >> log'}`))
	send := func(query, body string) {
		if status, answer, _ := h.request(http.MethodPost, "/webhooks/listen?"+query, body, map[string]string{"Authorization": "Bearer " + secret}); status != http.StatusAccepted {
			t.Errorf("%d %s", status, answer)
		}
	}
	send("one", "first")
	h.until("the first request", func() bool { return slices.Contains(h.files(), "at-one") })
	h.kill()
	h.start()
	send("two", "second")
	h.write("go", "")
	h.until("both requests", func() bool { return strings.Count(h.read("log"), "\n") == 2 })
	if diff := cmp.Diff("first one webhook\nsecond two webhook\n", h.read("log")); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	h.stop()
}
