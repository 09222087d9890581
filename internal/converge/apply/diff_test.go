package apply_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/converge/apply"
	"github.com/franela/pocketci/internal/converge/pattern"
)

func commands(t testing.TB, yaml string) []pattern.Command {
	t.Helper()
	p, err := pattern.Parse("pattern.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return p.Commands
}

// What is taken back and what is made again when a pattern is followed by another
// one.
func TestCompare(t *testing.T) {
	const ab = `commands:
- {id: a, check: test -e a, change: touch a, remove: rm a}
- {id: b, check: test -e b, change: touch b, remove: rm b}`
	for name, c := range map[string]struct {
		old, new                        string
		keep                            bool
		remove, after, forget, replaced []string
	}{
		"nothing before":            {old: `commands: []`, new: ab},
		"the same":                  {old: ab, new: ab},
		"in another order":          {old: ab, new: "commands:\n- {id: b, check: test -e b, change: touch b, remove: rm b}\n- {id: a, check: test -e a, change: touch a, remove: rm a}"},
		"everything gone, reversed": {old: ab, new: `commands: []`, remove: []string{"b", "a"}},
		"one gone":                  {old: ab, new: `commands: [{id: b, check: test -e b, change: touch b, remove: rm b}]`, remove: []string{"a"}},
		"renamed": {
			old: `commands: [{id: a, check: test -e a, change: touch a, remove: rm a}]`, new: `commands: [{id: c, check: test -e a, change: touch a, remove: rm a}]`,
			remove: []string{"a"},
		},
		"another change": {
			old: `commands: [{id: a, always: true, change: echo 1 > a, remove: rm a}]`, new: `commands: [{id: a, always: true, change: echo 2 > a, remove: rm a}]`,
			remove: []string{"a"}, replaced: []string{"a"},
		},
		"another change, which is ignored": {
			old: `commands: [{id: a, always: true, change: echo 1 > a, remove: rm a}]`, new: `commands: [{id: a, always: true, change: echo 2 > a, remove: rm a, change-ignore: true}]`,
		},
		"another change, removed after": {
			old: `commands: [{id: a, always: true, change: echo 1 > a, remove: rm a}]`, new: `commands: [{id: a, always: true, change: echo 2 > a, remove: rm a, remove-after: true}]`,
			after: []string{"a"}, replaced: []string{"a"},
		},
		"gone, removed after": {
			old: `commands: [{id: a, always: true, change: touch a, remove: rm a, remove-after: true}]`, new: `commands: []`,
			after: []string{"a"},
		},
		"another change without a remove": {
			old: `commands: [{id: a, always: true, change: echo 1 > a}]`, new: `commands: [{id: a, always: true, change: echo 2 > a}]`,
			replaced: []string{"a"},
		},
		"another environment": {
			old: `{env: {N: "1"}, commands: [{id: a, always: true, change: echo $N > a, remove: rm a}]}`, new: `{env: {N: "2"}, commands: [{id: a, always: true, change: echo $N > a, remove: rm a}]}`,
			remove: []string{"a"}, replaced: []string{"a"},
		},
		"another input": {
			old: `commands: [{id: a, always: true, change: cat > a, stdin: "1", remove: rm a}]`, new: `commands: [{id: a, always: true, change: cat > a, stdin: "2", remove: rm a}]`,
			remove: []string{"a"}, replaced: []string{"a"},
		},
		"another exec": {
			old: `{exec: [sh, -c], commands: [{id: a, always: true, change: touch a, remove: rm a}]}`, new: `{exec: [bash, -c], commands: [{id: a, always: true, change: touch a, remove: rm a}]}`,
			remove: []string{"a"}, replaced: []string{"a"},
		},
		"another directory": {
			old: `{dir: /x, commands: [{id: a, always: true, change: touch a, remove: rm a}]}`, new: `{dir: /y, commands: [{id: a, always: true, change: touch a, remove: rm a}]}`,
			remove: []string{"a"}, replaced: []string{"a"},
		},
		"a text becomes a list": {
			old: `commands: [{id: a, always: true, change: touch a, remove: rm a}]`, new: `commands: [{id: a, always: true, change: [touch, a], remove: rm a}]`,
			remove: []string{"a"}, replaced: []string{"a"},
		},
		"another check alone":   {old: ab, new: "commands:\n- {id: a, check: test -s a, change: touch a, remove: rm a}\n- {id: b, check: test -e b, change: touch b, remove: rm b}"},
		"another remove alone":  {old: ab, new: "commands:\n- {id: a, check: test -e a, change: touch a, remove: rm -f a}\n- {id: b, check: test -e b, change: touch b, remove: rm b}"},
		"another timeout alone": {old: ab, new: "timeout: 1m\n" + ab},
		"another trigger alone": {old: ab, new: "commands:\n- {id: a, check: test -e a, change: touch a, remove: rm a, on-change: [b]}\n- {id: b, check: test -e b, change: touch b, remove: rm b}"},
		"another group alone":   {old: ab, new: "commands:\n- id: g\n  commands:\n  - {id: a, check: test -e a, change: touch a, remove: rm a}\n  - {id: b, check: test -e b, change: touch b, remove: rm b}"},
		"gone without a remove": {old: `commands: [{id: a, always: true, change: touch a}]`, new: `commands: []`, forget: []string{"a"}},
		"nothing is removed":    {old: ab, new: `commands: []`, keep: true, forget: []string{"b", "a"}},
		"nothing is removed, another change": {
			old: `commands: [{id: a, always: true, change: echo 1 > a, remove: rm a}]`, new: `commands: [{id: a, always: true, change: echo 2 > a, remove: rm a}]`,
			keep: true, replaced: []string{"a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var applied []apply.Entry
			for _, command := range commands(t, c.old) {
				applied = append(applied, apply.Entry{Command: command})
			}
			d := apply.Compare(applied, commands(t, c.new), c.keep)
			ids := func(entries []apply.Entry) (list []string) {
				for _, e := range entries {
					list = append(list, e.ID)
				}
				return list
			}
			got := [][]string{ids(d.Remove), ids(d.RemoveAfter), d.Forget, d.Replaced}
			if diff := cmp.Diff([][]string{c.remove, c.after, c.forget, c.replaced}, got); diff != "" {
				t.Errorf("removed, removed after, forgotten, replaced (-want +got):\n%s", diff)
			}
		})
	}
}
