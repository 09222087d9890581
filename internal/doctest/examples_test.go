package doctest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"go/format"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	converge "github.com/franela/pocketci/internal/converge/config"
	"github.com/franela/pocketci/internal/converge/pattern"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/settings"
)

var update = flag.Bool("update", false, "write the copies of the schemas in docs")

// schemas are the published schemas by their file in docs.
func schemas(t testing.TB) map[string][]byte {
	t.Helper()
	functions, err := os.ReadFile(filepath.Join(root, "cmd/pocketci/functions.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"agent.schema.json":     settings.Schema(),
		"converge.schema.json":  converge.Schema(),
		"event.schema.json":     events.FileSchema(),
		"functions.schema.json": functions,
		"pattern.schema.json":   pattern.Schema(),
		"plan.schema.json":      dispatcher.PlanSchema(),
		"pocketci.schema.json":  config.Schema(),
		"report.schema.json":    report.Schema(),
	}
}

// The schemas in docs are those that the programs have.
func TestSchemasAreCopies(t *testing.T) {
	for name, want := range schemas(t) {
		file := filepath.Join(root, "docs", name)
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%v; run the test with -update", err)
			continue
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("docs/%s is not what the program has; run the test with -update (-want +got):\n%s", name, diff)
		}
	}
}

// compile returns the schemas ready to validate with, by their file.
func compile(t testing.TB) map[string]*jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	ids := map[string]string{}
	for name, data := range schemas(t) {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		id, ok := document.(map[string]any)["$id"].(string)
		if !ok {
			t.Fatalf("%s has no $id", name)
		}
		ids[name] = id
		if err := compiler.AddResource(id, document); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	list := map[string]*jsonschema.Schema{}
	for name, id := range ids {
		schema, err := compiler.Compile(id)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list[name] = schema
	}
	return list
}

// schemaFor tells by its fields what a JSON example is of; empty for others.
func schemaFor(value any) string {
	object, _ := value.(map[string]any)
	has := func(keys ...string) bool {
		return !slices.ContainsFunc(keys, func(k string) bool { _, ok := object[k]; return !ok })
	}
	switch {
	case has("event_type"):
		return "event.schema.json"
	case has("calls", "skipped"):
		return "plan.schema.json"
	case has("type", "run"):
		return "report.schema.json"
	}
	return ""
}

// JSON examples parse and are what they are examples of.
func TestJSON(t *testing.T) {
	compiled := compile(t)
	seen := map[string]bool{}
	for _, p := range pages(t) {
		for _, b := range p.blocksOf("json") {
			decoder := json.NewDecoder(strings.NewReader(b.text))
			for {
				var raw json.RawMessage
				err := decoder.Decode(&raw)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Errorf("%s:%d: %v", p.name, b.line, err)
					break
				}
				value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
				if err != nil {
					t.Errorf("%s:%d: %v", p.name, b.line, err)
					break
				}
				name := schemaFor(value)
				seen[name] = true
				if name == "" {
					continue
				}
				if err := compiled[name].Validate(value); err != nil {
					t.Errorf("%s:%d: %v", p.name, b.line, err)
				}
				if name == "event.schema.json" {
					if _, err := events.DecodeFile(raw); err != nil {
						t.Errorf("%s:%d: %v", p.name, b.line, err)
					}
				}
			}
		}
	}
	for _, name := range []string{"event.schema.json", "plan.schema.json", "report.schema.json"} {
		if !seen[name] {
			t.Errorf("there is no example of %s", name)
		}
	}
}

// YAML examples are pocketci.yaml files without a mistake, or agent.yaml,
// converge.yaml or pattern.yaml files if they begin with that name. The pages about these files have tests of their
// own.
func TestYAML(t *testing.T) {
	seen := 0
	for _, p := range pages(t) {
		if p.name == "docs/pocketci-yaml.md" || p.name == "docs/agent-yaml.md" {
			continue
		}
		for _, b := range p.blocksOf("yaml") {
			seen++
			_, err := config.Parse(config.FileName, []byte(b.text))
			switch first, _, _ := strings.Cut(b.text, "\n"); first {
			case "# " + settings.FileName:
				_, err = settings.Parse(settings.FileName, []byte(b.text))
			case "# converge.yaml":
				_, err = converge.Parse("converge.yaml", []byte(b.text))
			case "# pattern.yaml":
				_, err = pattern.Parse("pattern.yaml", []byte(b.text))
			}
			if err != nil {
				t.Errorf("%s:%d: %v", p.name, b.line, err)
			}
		}
	}
	if seen == 0 {
		t.Error("there is no example")
	}
}

// Go examples are as gofmt writes them.
func TestGo(t *testing.T) {
	seen := 0
	for _, p := range pages(t) {
		for _, b := range p.blocksOf("go") {
			seen++
			formatted, err := format.Source([]byte(b.text))
			if err != nil {
				t.Errorf("%s:%d: %v", p.name, b.line, err)
				continue
			}
			if diff := cmp.Diff(string(formatted), b.text); diff != "" {
				t.Errorf("%s:%d: not formatted (-want +got):\n%s", p.name, b.line, diff)
			}
		}
	}
	if seen == 0 {
		t.Error("there is no example")
	}
}

// The table of the event file has every field, in the order of the file.
func TestEventFields(t *testing.T) {
	var schema struct {
		Required   []string                   `json:"required"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(events.FileSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	var described []string
	for _, row := range readPage(t, "docs/event-file.md").table(t, "Fields", "field").rows {
		described = append(described, strings.Trim(row[0], "`"))
	}
	if diff := cmp.Diff(schema.Required, described); diff != "" {
		t.Errorf("fields (-schema +table):\n%s", diff)
	}
	slices.Sort(described)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(schema.Properties)), described); diff != "" {
		t.Errorf("fields (-schema +table):\n%s", diff)
	}
}
