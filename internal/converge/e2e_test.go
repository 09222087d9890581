package converge_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/converge"
)

const (
	// pushed is a host that is pushed to.
	pushed = `
listen: 127.0.0.1:0
state-dir: {{state}}
keys: ["{{key}}"]
dir: {{dir}}
sources:
- {name: listen, push: true, env: {NAME: web1}}
`
	writeAndCopy = `commands:
- {id: write a file, always: true, change: echo $NAME > hostname, on-change: [copy file], remove: rm hostname}
- {id: copy file, change: cp hostname hostname2, remove: rm hostname2}`
	newFile = `commands:
- {id: write a new file, check: test -e newfile, change: echo new > newfile, remove: rm newfile}`
)

// check compares a reply and the files on the host.
func (h *host) check(what string, r converge.Reply, changed, removed, files []string) {
	h.t.Helper()
	got := [][]string{r.Changed, r.Removed, h.files()}
	want := [][]string{changed, removed, files}
	for i := range want {
		want[i] = append([]string{}, want[i]...)
	}
	if diff := cmp.Diff(want, got); diff != "" || r.Err != "" || r.Exit != 0 {
		h.t.Errorf("%s: error %q, exit %d; changed, removed, files (-want +got):\n%s", what, r.Err, r.Exit, diff)
	}
}

// The tutorial, by push.
func TestPush(t *testing.T) {
	t.Parallel()
	h := newHost(t, pushed)
	h.start()

	status, r := h.push("listen", h.sign(h.stranger, writeAndCopy))
	if status != http.StatusUnauthorized || r.Err != "not signed by a trusted key" || r.Exit == 0 || len(h.files()) > 0 {
		t.Errorf("with another key: %d %q, files %v", status, r.Err, h.files())
	}
	if status, r = h.push("nobody", h.sign(h.key, writeAndCopy)); status != http.StatusUnauthorized || r.Err != "not signed by a trusted key" {
		t.Errorf("to another source: %d %q", status, r.Err)
	}
	first := h.sign(h.key, writeAndCopy)
	status, r = h.push("listen", first)
	if status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	h.check("the first pattern", r, []string{"write a file", "copy file"}, nil, []string{"hostname", "hostname2"})
	if h.read("hostname2") != "web1\n" {
		t.Errorf("hostname2 is %q", h.read("hostname2"))
	}
	if status, r = h.push("listen", first); status != http.StatusConflict || !strings.Contains(r.Err, "accepted before") {
		t.Errorf("the same token again: %d %q", status, r.Err)
	}
	_, r = h.push("listen", h.sign(h.key, newFile))
	h.check("the second pattern", r, []string{"write a new file"}, []string{"copy file", "write a file"}, []string{"newfile"})
	_, r = h.push("listen", h.sign(h.key, newFile))
	h.check("the second pattern again", r, nil, nil, []string{"newfile"})

	_, metrics, _ := h.request(http.MethodGet, "/metrics", "", nil)
	for _, line := range []string{
		`pocketci_converge_commands_total{command="copy file",mode="change",result="ok",source="listen"} 1`,
		`pocketci_converge_commands_total{command="copy file",mode="remove",result="ok",source="listen"} 1`,
		`pocketci_converge_commands_total{command="write a new file",mode="check",result="needed",source="listen"} 1`,
		`pocketci_converge_commands_total{command="write a new file",mode="check",result="ok",source="listen"} 1`,
		`pocketci_converge_runs_total{result="changed",source="listen",trigger="push"} 2`,
		`pocketci_converge_runs_total{result="unchanged",source="listen",trigger="push"} 1`,
		`pocketci_converge_refused_total{reason="key",source="listen"} 1`,
		`pocketci_converge_refused_total{reason="old",source="listen"} 1`,
		`pocketci_converge_last_run_commands{mode="change",source="listen"} 0`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics have no %s", line)
		}
	}
	if info, err := os.Stat(h.state); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the state directory: %v %v", info, err)
	}
	h.stop()
	if strings.Contains(h.log.String(), "POCKETCI") || strings.Contains(h.log.String(), first) {
		t.Errorf("the log says too much:\n%s", h.log)
	}
}

const pulled = `
listen: 127.0.0.1:0
state-dir: {{state}}
keys: ["{{key}}"]
dir: {{dir}}
sources:
- {name: listen, pull: [/nonexistent/listen.jwt, "{{dir}}/listen.jwt"], every: 100ms}
`

// The tutorial, by pull.
func TestPull(t *testing.T) {
	t.Parallel()
	h := newHost(t, pulled)
	h.start()
	refused := func() string {
		_, metrics, _ := h.request(http.MethodGet, "/metrics", "", nil)
		return metrics
	}
	h.until("nothing is there", func() bool { return strings.Contains(h.log.String(), "no such file or directory") })
	h.write("listen.jwt", h.sign(h.stranger, writeAndCopy))
	h.until("the wrong key is refused", func() bool {
		return strings.Contains(refused(), `pocketci_converge_refused_total{reason="key",source="listen"}`) && strings.Contains(h.log.String(), "not signed by a trusted key")
	})
	h.write("listen.jwt", h.sign(h.key, writeAndCopy))
	h.until("the first pattern", func() bool { return slices.Equal(h.files(), []string{"hostname", "hostname2", "listen.jwt"}) })
	h.write("listen.jwt", h.sign(h.stranger, newFile))
	h.until("the wrong key is refused again", func() bool { return strings.Count(h.log.String(), "not signed by a trusted key") > 1 })
	if !slices.Equal(h.files(), []string{"hostname", "hostname2", "listen.jwt"}) {
		t.Errorf("a bad token changed something: %v", h.files())
	}
	h.write("listen.jwt", h.sign(h.key, newFile))
	h.until("the second pattern", func() bool { return slices.Equal(h.files(), []string{"listen.jwt", "newfile"}) })
	// What was signed anew is no reason to run, and neither is what has not
	// changed.
	h.until("the end of the run", func() bool { return strings.Count(h.log.String(), "a run ended") == 2 })
	h.write("listen.jwt", h.sign(h.key, newFile))
	h.until("two more pulls", func() bool {
		data, err := os.ReadFile(filepath.Join(h.state, "listen", "token.json"))
		return err == nil && strings.Contains(string(data), h.read("listen.jwt"))
	})
	h.stop()
	if runs := strings.Count(h.log.String(), "a run ended"); runs != 2 {
		t.Errorf("%d runs:\n%s", runs, h.log)
	}
	results, err := h.once()
	if err != nil {
		t.Fatal(err)
	}
	h.check("once more", results["listen"], nil, nil, []string{"listen.jwt", "newfile"})
}

// A process that is killed amid a change or a remove, and between two commands, goes on
// after its restart.
func TestKill(t *testing.T) {
	t.Parallel()
	// Each command waits for a file that lets it go on, and says that it is there.
	const slow = `commands:
- {id: a, check: grep -q a is, change: 'echo a >> log; touch at-a; until test -e go-a; do sleep 0.01; done; echo a >> is', on-change: [c], remove: 'touch at-ra; until test -e go-ra; do sleep 0.01; done; echo -a >> log'}
- {id: b, always: true, change: echo b >> log, remove: 'touch at-rb; until test -e go-rb; do sleep 0.01; done; echo -b >> log'}
- {id: c, change: 'touch at-c; until test -e go-c; do sleep 0.01; done; echo c >> log'}`
	h := newHost(t, pushed)
	h.write("is", "")
	h.start()
	sent := make(chan struct{})
	send := func(token string) {
		sent = make(chan struct{})
		url := h.url
		go func() {
			defer close(sent)
			if response, err := http.Post(url+"/push/listen", "", strings.NewReader(token)); err == nil {
				response.Body.Close()
			}
		}()
	}
	at := func(name string) func() bool { return func() bool { return slices.Contains(h.files(), "at-"+name) } }
	restart := func() {
		h.kill()
		<-sent
		h.start()
	}
	send(h.sign(h.key, slow))
	h.until("the change of a", at("a"))
	restart() // amid the change of a, which is made again
	h.write("go-a", "")
	h.until("the change of c", at("c"))
	restart() // amid the change of c: neither a nor b is made again
	h.write("go-c", "")
	h.until("the end of the run", func() bool { return strings.Contains(h.log.String(), "a run ended") })
	if diff := cmp.Diff("a\na\nb\nc\n", h.read("log")); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	send(h.sign(h.key, `commands: []`))
	h.until("the remove of b", at("rb"))
	h.write("go-rb", "")
	h.until("the remove of a", at("ra"))
	restart()
	h.write("go-ra", "")
	h.until("the end of the run", func() bool { return strings.Contains(h.log.String(), "a run ended") })
	if diff := cmp.Diff("a\na\nb\nc\n-b\n-a\n", h.read("log")); diff != "" {
		t.Errorf("changes and removes (-want +got):\n%s", diff)
	}
	h.stop()
}

// A restart proves the token again: what does not hold is not run, and is still
// removed by what comes next.
func TestRestart(t *testing.T) {
	t.Parallel()
	h := newHost(t, pushed)
	h.start()
	_, r := h.push("listen", h.sign(h.key, newFile))
	h.check("the pattern", r, []string{"write a new file"}, nil, []string{"newfile"})
	h.stop()

	os.Remove(filepath.Join(h.dir, "newfile"))
	h.start()
	h.until("the pattern is applied again", func() bool { return slices.Equal(h.files(), []string{"newfile"}) })
	h.stop()

	os.Remove(filepath.Join(h.dir, "newfile"))
	h.key = signer(t, "rotated")
	h.configure(pushed)
	h.start()
	h.until("the token is refused", func() bool {
		return strings.Contains(h.log.String(), "the token that was accepted last does not hold any more: not signed by a trusted key")
	})
	if len(h.files()) > 0 {
		t.Errorf("it was run: %v", h.files())
	}
	h.write("newfile", "")
	_, r = h.push("listen", h.sign(h.key, `commands: []`))
	h.check("another pattern", r, nil, []string{"write a new file"}, nil)
	h.stop()
}

// A dry run says what would change and keeps nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	h := newHost(t, strings.Replace(pulled, "every: 100ms", "every: 1h", 1))
	token := h.sign(h.key, writeAndCopy)
	h.write("listen.jwt", token)
	for range 2 {
		results, err := h.once("--dry-run")
		if err != nil || !results["listen"].Dry {
			t.Fatalf("%v %+v", err, results)
		}
		h.check("a dry run", results["listen"], []string{"write a file", "copy file"}, nil, []string{"listen.jwt"})
	}
	results, err := h.once()
	if err != nil {
		t.Fatal(err)
	}
	h.check("a run", results["listen"], []string{"write a file", "copy file"}, nil, []string{"hostname", "hostname2", "listen.jwt"})
	h.write("listen.jwt", h.sign(h.key, newFile))
	if results, err = h.once("--dry-run"); err != nil {
		t.Fatal(err)
	}
	h.check("another dry run", results["listen"], []string{"write a new file"}, []string{"copy file", "write a file"}, []string{"hostname", "hostname2", "listen.jwt"})
	h.write("listen.jwt", h.sign(h.stranger, newFile))
	if results, err = h.once(); err == nil || !strings.Contains(results["listen"].Err, "not signed by a trusted key") {
		t.Errorf("%v %+v", err, results)
	}
}
