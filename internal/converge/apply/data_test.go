package apply_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/converge/apply"
)

// Whatever reaches commands from outside stays data.
func TestHostileData(t *testing.T) {
	const hostile = "$(touch pwned1) `touch pwned2` ; touch pwned3 \" ' ${IFS} \n touch pwned4 && %s \\"
	h := newHost(t)
	h.env, h.stdin = []string{"POCKETCI_REQUEST_QUERY=" + hostile}, []byte(hostile)
	got := h.apply(`commands:
- {id: variable, always: true, change: 'printf %s "$POCKETCI_REQUEST_QUERY" > variable'}
- {id: input, always: true, change: cat > input}
- {id: output, always: true, change: 'printf %s "$POCKETCI_REQUEST_QUERY"', env-prefix: OUT}
- {id: handed on, always: true, change: 'printf %s "$OUT_CHANGE_OUT" > handed'}`)
	if got.Err != "" {
		t.Fatal(got.Err)
	}
	if diff := cmp.Diff([]string{"handed", "input", "variable"}, h.files()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for _, name := range h.files() {
		if h.read(name) != hostile {
			t.Errorf("%s is %q", name, h.read(name))
		}
	}
}

// What a source does not allow is not run.
func TestFixedExec(t *testing.T) {
	for name, yaml := range map[string]string{
		"a list":         `commands: [{id: a, always: true, change: [touch, a]}]`,
		"an exec":        `commands: [{id: a, always: true, exec: [sh, -c], change: touch a}]`,
		"for everything": `{exec: [sh, -c], commands: [{id: a, always: true, change: touch a}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.applier.Host.Exec, h.applier.Host.Fixed = []string{"env", "-i", "bash", "-c"}, true
			for _, got := range []apply.Result{h.preview(yaml), h.apply(yaml)} {
				if !strings.Contains(got.Err, "does not allow") || len(h.files()) > 0 {
					t.Errorf("error %q, files %v", got.Err, h.files())
				}
			}
		})
	}
}
