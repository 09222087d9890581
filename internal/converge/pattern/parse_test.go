package pattern_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/converge/pattern"
	"github.com/franela/pocketci/internal/schematest"
)

func text(s string) *pattern.Action { return &pattern.Action{Text: s} }

var valid = map[string]struct {
	yaml string
	want []pattern.Command
}{
	"nothing": {yaml: `commands: []`},
	"JSON":    {yaml: `{"commands": [{"id": "a", "check": "true", "change": "b\u00e9"}]}`, want: []pattern.Command{{ID: "a", Check: text("true"), Change: text("bé")}}},
	"every key": {
		yaml: `
exec: [sh, -c]
env: {A: "1", EMPTY: ""}
dir: /srv
timeout: 5m
commands:
- id: first
  check: test -e x
  change: touch x
- id: second
  check: [test, -e, "y z"]
  change: |
    touch 'y z'
  remove: rm 'y z'
  always: true
  on-change: [third, "event:changed"]
  on-fail: [/th.*/, "event:failed"]
  on-remove: [first]
  remove-after: true
  change-ignore: true
  answer: text/plain
  stdin: input
  env: {A: "2"}
  env-prefix: SECOND
  dir: sub
  exec: [bash, -c]
  timeout: 90s
- {id: third, change: touch z}
`,
		want: []pattern.Command{
			{ID: "first", Check: text("test -e x"), Change: text("touch x"), Env: map[string]string{"A": "1", "EMPTY": ""}, Dir: "/srv", Exec: []string{"sh", "-c"}, Timeout: 5 * time.Minute},
			{
				ID: "second", Check: &pattern.Action{Args: []string{"test", "-e", "y z"}}, Change: text("touch 'y z'\n"), Remove: text("rm 'y z'"), Always: true,
				OnChange: []string{"third"}, OnFail: []string{"third"}, OnRemove: []string{"first"}, ChangeEvents: []string{"changed"}, FailEvents: []string{"failed"},
				RemoveAfter: true, ChangeIgnore: true, Answer: "text/plain", Stdin: "input", Env: map[string]string{"A": "2", "EMPTY": ""}, EnvPrefix: "SECOND",
				Dir: "sub", Exec: []string{"bash", "-c"}, Timeout: 90 * time.Second,
			},
			{ID: "third", Change: text("touch z"), Env: map[string]string{"A": "1", "EMPTY": ""}, Dir: "/srv", Exec: []string{"sh", "-c"}, Timeout: 5 * time.Minute},
		},
	},
	"lists within the list": {
		yaml: `commands: [[{id: a, check: x, change: y, on-change: [c]}, [{id: b, always: true, change: y}]], {id: c, change: z}]`,
		want: []pattern.Command{
			{ID: "a", Check: text("x"), Change: text("y"), OnChange: []string{"c"}}, {ID: "b", Always: true, Change: text("y")}, {ID: "c", Change: text("z")},
		},
	},
	"groups": {
		yaml: `
commands:
- {id: a, always: true, change: x, on-change: [g]}
- id: g
  dir: /g
  commands:
  - {id: b, change: y}
  - id: h
    commands: [{id: c, change: z}]
`,
		want: []pattern.Command{
			{ID: "a", Always: true, Change: text("x"), OnChange: []string{"b", "c"}},
			{ID: "b", Group: []string{"g"}, Dir: "/g", Change: text("y")}, {ID: "c", Group: []string{"g", "h"}, Dir: "/g", Change: text("z")},
		},
	},
	"only a check": {yaml: `commands: [{id: a, check: test -e /etc}]`, want: []pattern.Command{{ID: "a", Check: text("test -e /etc")}}},
	"an anchor":    {yaml: "commands:\n- &a {id: a, check: x, change: y}\n- {<<: *a, id: b}", want: []pattern.Command{{ID: "a", Check: text("x"), Change: text("y")}, {ID: "b", Check: text("x"), Change: text("y")}}},
}

func TestParse(t *testing.T) {
	schema := schematest.Compile(t, pattern.Schema())
	for name, c := range valid {
		t.Run(name, func(t *testing.T) {
			got, err := pattern.Parse("p.yaml", []byte(c.yaml))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Commands); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
			if err := schema.Validate(schematest.Value(t, c.yaml)); err != nil {
				t.Error(err)
			}
			// What is kept of a pattern is the same pattern.
			data, err := json.Marshal(got.Commands)
			if err != nil {
				t.Fatal(err)
			}
			var kept []pattern.Command
			if err := json.Unmarshal(data, &kept); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, kept); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
		})
	}
}

// What only JSON writes in that way.
func TestParseJSON(t *testing.T) {
	got, err := pattern.Parse("p.json", []byte(`{"commands": [{"id": "\/ \\/ \ud83d\ude00", "check": "\u00e9"}]}`+"\n"))
	if err == nil {
		t.Fatalf("an id that begins with a slash is taken: %v", got)
	}
	if got, err = pattern.Parse("p.json", []byte(`{"commands": [{"id": "a\/ \\/ \ud83d\ude00", "check": "\u00e9"}]}`+"\n")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]pattern.Command{{ID: "a/ \\/ 😀", Check: text("é")}}, got.Commands); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

var invalid = map[string]struct {
	yaml, err string
	// schema says that an editor sees it as well.
	schema bool
}{
	"an empty file":            {``, `p.yaml:1:1: the pattern is empty`, false},
	"no commands":              {`exec: [sh]`, `p.yaml:1:1: a pattern needs commands`, true},
	"a list":                   {`[]`, `p.yaml:1:1: the pattern must be a mapping`, true},
	"an unknown key":           {`comands: []`, `p.yaml:1:1: unknown key "comands" in the pattern; did you mean "commands"?`, true},
	"an unknown key below":     {`commands: [{id: a, check: x, onchange: [b]}]`, `p.yaml:1:30: unknown key "onchange" in a command; did you mean "on-change"?`, true},
	"without an id":            {`commands: [{check: x}]`, `p.yaml:1:12: a command needs an id`, true},
	"an empty id":              {`commands: [{id: "", check: x}]`, `id is empty`, true},
	"an id with a line":        {`commands: [{id: "a\nb", check: x}]`, `id must be printable text`, false},
	"an id like an event":      {`commands: [{id: "event:x", check: x}]`, `id must not begin with "event:"`, true},
	"an id twice":              {"commands:\n- {id: a, check: x}\n- {id: a, check: y}", `p.yaml:3:8: the id "a" is there twice, first in line 2`, false},
	"an id twice, in a group":  {"commands:\n- {id: a, check: x}\n- {id: g, commands: [{id: a, check: y}]}", `the id "a" is there twice`, false},
	"a group like a command":   {"commands:\n- {id: a, check: x}\n- {id: a, commands: []}", `the id "a" is there twice`, false},
	"nothing to do":            {`commands: [{id: a, remove: x}]`, `has neither check nor change`, true},
	"never runs":               {`commands: [{id: a, change: x}]`, `p.yaml:1:12: the command "a" would never run: it has no check, is not always`, false},
	"never runs, in a group":   {`commands: [{id: g, commands: [{id: a, change: x}]}]`, `the command "a" would never run`, false},
	"only a check, and remove": {`commands: [{id: a, check: x, remove: y}]`, `it only checks`, false},
	"triggers itself":          {`commands: [{id: a, check: x, change: y, on-change: [a]}]`, `on-change: a command cannot name itself`, false},
	"triggers an earlier one":  {`commands: [{id: a, check: x, change: y}, {id: b, check: x, change: y, on-change: [a]}]`, `on-change: "a" does not come later; move it`, false},
	"removes a later one":      {`commands: [{id: a, check: x, change: y, on-remove: [b]}, {id: b, check: x, change: y}]`, `on-remove: "b" does not come earlier`, false},
	"triggers nothing":         {`commands: [{id: a, check: x, change: y, on-change: [bb]}, {id: bbb, check: x, change: y}]`, `on-change: there is no command "bb"`, false},
	"triggers a check":         {`commands: [{id: a, check: x, change: y, on-change: [b]}, {id: b, check: x}]`, `on-change: "b" has no change`, false},
	"triggers another list":    {`commands: [{id: a, check: x, change: y, on-change: [b]}, {id: g, commands: [{id: b, check: x, change: y}]}]`, `on-change: "b" is in another list`, false},
	"matches nothing":          {`commands: [{id: a, check: x, change: y, on-change: [/a/]}]`, `no command that comes later in the same list matches "/a/"`, false},
	"matches with nonsense":    {`commands: [{id: a, check: x, change: y, on-change: ["/(/"]}]`, `is not a regular expression`, false},
	"removes an event":         {`commands: [{id: a, check: x, change: y, on-remove: ["event:x"]}]`, `on-remove cannot name an event`, false},
	"an event's name":          {`commands: [{id: a, check: x, change: y, on-change: ["event:A b"]}]`, `an event's name must be small letters`, false},
	"an empty trigger":         {`commands: [{id: a, check: x, change: y, on-change: []}]`, `on-change is an empty list`, true},
	"an empty action":          {`commands: [{id: a, check: ""}]`, `check is empty`, true},
	"an empty list":            {`commands: [{id: a, check: []}]`, `check is an empty list; begin it with a program`, true},
	"a number":                 {`commands: [{id: a, check: 1}]`, `check must be a string, not a number; put it in quotes`, true},
	"a zero byte":              {`commands: [{id: a, check: "x\0y"}]`, `check holds a zero byte`, false},
	"a variable of pocketci":   {`{env: {POCKETCI_RUN: x}, commands: []}`, `must not begin with POCKETCI_`, true},
	"a variable's name":        {`{env: {a-b: x}, commands: []}`, `must be the name of a variable`, true},
	"a variable's value":       {`{env: {A: 1}, commands: []}`, `the variable A must be a string`, true},
	"a timeout":                {`{timeout: 5, commands: []}`, `timeout must be a string`, true},
	"a negative timeout":       {`{timeout: -5s, commands: []}`, `timeout must be a duration above zero`, true},
	"a group with a change":    {`commands: [{id: g, change: x, commands: []}]`, `change belongs to a command, not to a group`, true},
	"an answer":                {`commands: [{id: a, check: x, change: y, answer: text}]`, `answer must be the content type`, false},
	"not YAML":                 {"commands: [", `p.yaml:1:1: not valid YAML`, false},
}

func TestParseRefuses(t *testing.T) {
	schema := schematest.Compile(t, pattern.Schema())
	for name, c := range invalid {
		t.Run(name, func(t *testing.T) {
			_, err := pattern.Parse("p.yaml", []byte(c.yaml))
			if err == nil || !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), "p.yaml:") {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if c.schema && schema.Validate(schematest.Value(t, c.yaml)) == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range valid {
		f.Add([]byte(c.yaml))
	}
	for _, c := range invalid {
		f.Add([]byte(c.yaml))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := pattern.Parse("p.yaml", data)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("an error without words")
			}
			return
		}
		seen := map[string]bool{}
		for _, c := range p.Commands {
			if seen[c.ID] || c.ID == "" || c.Check == nil && c.Change == nil {
				t.Errorf("the command %+v", c)
			}
			seen[c.ID] = true
		}
	})
}
