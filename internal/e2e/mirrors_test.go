package e2e_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
	"github.com/franela/pocketci/internal/gittest"
)

// The example of docs/mirrors.md: a directory over ssh, a webhook of its own, a
// trigger, and functions that are called after it.
func TestMirrorOfAnAgent(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub onMirrorUpdatedShop(src: Directory!, eventTrigger: File!): String! {
    shell(src, "true").withFile("/event.json", eventTrigger).withExec(["/bin/cat", "/event.json"]).stdout
  }
  pub onMirrorFailed(src: Directory!, eventTrigger: File!): String! {
    shell(src, "true").withFile("/event.json", eventTrigger).withExec(["/bin/cat", "/event.json"]).stdout
  }
  pub onPush: String! { "never" }
`))...)
	server := gittest.NewSSHD(t)
	shop := server.Repo(fullName)
	first := shop.Commit("main", "first", gittest.Write("index.html", "1"))
	home := t.TempDir()
	page, err := os.ReadFile("../../docs/mirrors.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindSubmatch(page)
	if example == nil {
		t.Fatal("the page has no example")
	}
	known := filepath.Join(home, "known_hosts")
	if err := os.WriteFile(known, []byte(server.KnownHosts), 0o600); err != nil {
		t.Fatal(err)
	}
	config := string(example[1])
	for from, to := range map[string]string{
		"git@git.example.com:acme/shop.git": server.CloneURL(fullName),
		"/srv/shop":                         filepath.Join(home, "shop"),
		"/etc/pocketci/known_hosts":         known,
		"/run/shop/deploy":                  filepath.Join(home, "trigger"),
		"retry-delay: 10s":                  "retry-delay: 1s",
		"calls: acme/deploy":                "calls: {repository: " + fullName + ", clone-url: " + f.CloneURL(fullName) + "}",
	} {
		if !strings.Contains(config, from) {
			t.Fatalf("the example has no %s", from)
		}
		config = strings.ReplaceAll(config, from, to)
	}
	file := filepath.Join(home, "agent.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "secret-of-the-webhook"
	watch(t, secret, server.Passphrase, strings.Split(server.EncryptedKey, "\n")[1])
	a := start(t, f, settings{args: []string{"--config", file}, env: []string{
		"SHOP_KEY=" + server.EncryptedKey, "SHOP_PASSPHRASE=" + server.Passphrase, "SHOP_WEBHOOK=" + secret,
	}})

	c, err := client.New(client.Options{Server: a.url, Key: a.key("run")})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// The clone at the start is told.
	told := mirrored(t, c, "updated", 1)
	if got := fileOf(t, c, told, "onMirrorUpdatedShop"); got.Vendor != "mirror" || got.Event != "updated" || got.Filter != "shop" || got.Cause != "" || got.Payload.SHA != first {
		t.Errorf("after the start the function got %+v", got)
	}
	has := func(want string) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(home, "shop", "index.html"))
		if err != nil || string(data) != want {
			t.Errorf("index.html is %q, %v; want %q", data, err, want)
		}
		if _, err := os.Stat(filepath.Join(home, "trigger")); err != nil {
			t.Error(err)
		}
	}
	has("1")

	// A push, by the mirror's own webhook, with edits in the way.
	if err := os.WriteFile(filepath.Join(home, "shop", "index.html"), []byte("edited"), 0o644); err != nil {
		t.Fatal(err)
	}
	second := shop.Commit("main", "second", gittest.Write("index.html", "2"))
	body := payload(t, "push", f, edits{
		"repository.clone_url": "https://127.0.0.1/" + fullName + ".git", "ref": "refs/heads/main", "before": first, "after": second, "head_commit.id": second,
	})
	send := func(signature string) (int, string) {
		t.Helper()
		response, answer, err := a.hook("/gwg/shop", body, map[string]string{
			"Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": rand.Text(), "X-Hub-Signature-256": signature,
		})
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, answer
	}
	if status, answer := send(sign("another secret", body)); status != http.StatusUnauthorized {
		t.Errorf("a delivery of somebody else's: %d %s", status, answer)
	}
	status, answer := send(sign(secret, body))
	if status != http.StatusAccepted {
		t.Fatalf("%d %s", status, answer)
	}
	cause := a.remember([]byte(answer)).ID
	next := mirrored(t, c, "updated", 2)
	if got := fileOf(t, c, next, "onMirrorUpdatedShop"); got.Cause != cause || got.Depth != 1 || got.Payload.SHA != second || got.Payload.Before != first || !got.Payload.Touched {
		t.Errorf("after a push the function got %+v", got)
	}
	has("2")

	// The branch is deleted, which the next look finds.
	shop.Delete("main")
	for range 2 { // the second failure is the first one
		if err := c.SyncMirror(t.Context(), "shop", v1.SyncMirror{}); err != nil {
			t.Fatal(err)
		}
	}
	failed := mirrored(t, c, "failed", 1)
	if got := fileOf(t, c, failed, "onMirrorFailed"); got.Payload.Reason != "the ref is gone" {
		t.Errorf("after a failure the function got %+v", got)
	}
	list, err := c.Mirrors(t.Context())
	if err != nil || len(list.Mirrors) != 1 {
		t.Fatalf("mirrors are %+v, %v", list, err)
	}
	if m := list.Mirrors[0]; m.SHA != second || !strings.Contains(m.Error, "has no refs/heads/main") || m.Directory != filepath.Join(home, "shop") {
		t.Errorf("the mirror is %+v", m)
	}
	has("2")
}

// mirrored waits until a mirror has told something so many times, and returns the id
// of the last one.
func mirrored(t *testing.T, c *client.Client, name string, many int) string {
	t.Helper()
	id := ""
	until(t, fmt.Sprintf("%d events of a mirror that was %s", many, name), patience, func() bool {
		page, err := c.Events(t.Context(), client.EventFilter{Vendor: "mirror", Name: name})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Events) > many {
			t.Fatalf("there are %d", len(page.Events))
		}
		if len(page.Events) == many {
			id = page.Events[0].ID
		}
		return id != ""
	})
	return id
}

// mirrorFile is the event file of a mirror's event.
type mirrorFile struct {
	Vendor, Event, Filter, Cause string
	Depth                        int
	Payload                      struct {
		SHA, Before, Reason string
		Touched             bool
	}
}

// fileOf waits until the function has ended that an event calls, which returns its
// event file.
func fileOf(t *testing.T, c *client.Client, event, function string) (file mirrorFile) {
	t.Helper()
	var output string
	until(t, function+" has ended", patience, func() bool {
		e, err := c.Event(t.Context(), event)
		if err != nil {
			t.Fatal(err)
		}
		calls, err := c.Calls(t.Context(), client.CallFilter{Run: e.Runs[0].ID})
		if err != nil {
			t.Fatal(err)
		}
		if state := e.Runs[0].State; state == "failed" || state == "invalid" || state == "skipped" {
			t.Fatalf("the run is %s: %s, %+v", state, e.Runs[0].Reason, calls.Calls)
		}
		for _, call := range calls.Calls {
			if call.Function == function && call.State == "succeeded" {
				output = call.Output
			}
		}
		return output != ""
	})
	if err := json.Unmarshal([]byte(output), &file); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return file
}
