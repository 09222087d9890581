package e2e_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestWebhookIsProvenBeforeItIsRead(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", dang(`  pub onGithubPush: String! { "ran" }`)...)
	a := start(t, f, settings{})
	body := push(t, f, "", sha)
	valid := sign(a.secret, body)

	// The original hashed the signature in place of the body, and accepted
	// everything.
	signature := hmac.New(sha256.New, []byte(a.secret))
	signature.Write([]byte(valid))
	ofSignature := "sha256=" + hex.EncodeToString(signature.Sum(nil))
	unkeyed := sha256.Sum256([]byte(valid))
	old := hmac.New(sha1.New, []byte(a.secret))
	old.Write(body)
	large := append(bytes.Repeat([]byte(" "), 25<<20), body...)

	tests := map[string]struct {
		kind    string
		body    []byte
		headers map[string]string
		status  int
		says    string
	}{
		"no signature":                      {headers: map[string]string{"X-Hub-Signature-256": ""}, status: 401, says: "missing"},
		"signed with another secret":        {headers: map[string]string{"X-Hub-Signature-256": sign("other", body)}, status: 401},
		"signature of another body":         {headers: map[string]string{"X-Hub-Signature-256": sign(a.secret, append(body, ' '))}, status: 401},
		"signature of the signature":        {headers: map[string]string{"X-Hub-Signature-256": ofSignature}, status: 401},
		"hash of the signature":             {headers: map[string]string{"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(unkeyed[:])}, status: 401},
		"signed with an empty secret":       {headers: map[string]string{"X-Hub-Signature-256": sign("", body)}, status: 401},
		"half a signature":                  {headers: map[string]string{"X-Hub-Signature-256": valid[:39]}, status: 401},
		"no signature after the prefix":     {headers: map[string]string{"X-Hub-Signature-256": "sha256="}, status: 401},
		"SHA-1 only":                        {headers: map[string]string{"X-Hub-Signature-256": "", "X-Hub-Signature": "sha1=" + hex.EncodeToString(old.Sum(nil))}, status: 401, says: "SHA-1"},
		"SHA-1 as SHA-256":                  {headers: map[string]string{"X-Hub-Signature-256": "sha1=" + hex.EncodeToString(old.Sum(nil))}, status: 401},
		"plain text":                        {headers: map[string]string{"Content-Type": "text/plain"}, status: 415},
		"no content type":                   {headers: map[string]string{"Content-Type": ""}, status: 415},
		"broken JSON, signed":               {body: body[:len(body)-1], status: 400},
		"no JSON, signed":                   {body: []byte("payload"), status: 400},
		"empty, signed":                     {body: []byte{}, status: 400},
		"broken JSON, not signed":           {body: body[:len(body)-1], headers: map[string]string{"X-Hub-Signature-256": "sha256=00"}, status: 401},
		"no event":                          {headers: map[string]string{"X-GitHub-Event": ""}, status: 400, says: "X-GitHub-Event"},
		"more than 25 MiB":                  {body: large, status: 413, says: "25 MiB"},
		"a form without a payload":          {body: []byte("a=b"), headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, status: 400, says: "payload"},
		"a ping":                            {kind: "ping", body: payload(t, "ping", f, nil), status: 200},
		"the deletion of a branch":          {body: payload(t, "push_deleted", f, nil), status: 202, says: "deletes"},
		"an event that is of no repository": {kind: "installation", body: []byte(`{"action":"created"}`), status: 202, says: "no repository"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.body == nil {
				tt.body = body
			}
			if tt.kind == "" {
				tt.kind = "push"
			}
			status, answer, err := a.post(tt.kind, tt.body, tt.headers)
			if err != nil {
				t.Fatal(err)
			}
			if status != tt.status || !strings.Contains(answer, tt.says) {
				t.Errorf("%d %s, want %d and %q", status, answer, tt.status, tt.says)
			}
			var object map[string]any
			if err := json.Unmarshal([]byte(answer), &object); err != nil {
				t.Errorf("the answer is not JSON: %s", answer)
			}
			if said, ok := object["error"].(string); status >= 400 != (ok && said != "") {
				t.Errorf("the answer is %s", answer)
			}
		})
	}

	for path, want := range map[string]int{"/webhooks/github": 405, "/webhooks/gitlab": 405, "/": 200, "/healthz": 200, "/nothing": 404} {
		if status, answer := a.get(path); status != want {
			t.Errorf("GET %s: %d %s, want %d", path, status, answer, want)
		}
	}

	// None of all that ran anything; a form, and the root, do.
	a.mu.Lock()
	lines := len(a.lines)
	a.mu.Unlock()
	if lines != 0 {
		t.Errorf("there are %d lines of reports", lines)
	}
	form := []byte(url.Values{"payload": {string(body)}}.Encode())
	request, err := http.NewRequest(http.MethodPost, a.url+"/", bytes.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-GitHub-Event", "push")
	request.Header.Set("X-Hub-Signature-256", sign(a.secret, form))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusAccepted {
		t.Fatalf("a form is answered with %s: %v", response.Status, err)
	}
	if got := a.finish(a.remember(answer).ID).succeeded("onGithubPush"); got != "ran" {
		t.Errorf("a form's run returned %q", got)
	}
}
