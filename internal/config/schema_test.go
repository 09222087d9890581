package config_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/config"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("pocketci.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("pocketci.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON is what an editor's YAML server would hand to the schema.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		t.Fatal(err)
	}
	if node.Kind == 0 {
		return nil
	}
	return plainValue(t, &node)
}

func plainValue(t *testing.T, n *yaml.Node) any {
	t.Helper()
	switch n.Kind {
	case yaml.DocumentNode:
		return plainValue(t, n.Content[0])
	case yaml.AliasNode:
		return plainValue(t, n.Alias)
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, plainValue(t, item))
		}
		return list
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Value == "<<" {
				for key, value := range plainValue(t, n.Content[i+1]).(map[string]any) {
					m[key] = value
				}
				continue
			}
			m[n.Content[i].Value] = plainValue(t, n.Content[i+1])
		}
		return m
	}
	if n.ShortTag() == "!!timestamp" {
		return n.Value
	}
	var value any
	if err := n.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestSchemaAcceptsWhatParseAccepts(t *testing.T) {
	schema := compileSchema(t)
	for _, tc := range valid {
		t.Run(tc.name, func(t *testing.T) {
			if err := schema.Validate(asJSON(t, tc.yaml)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSchemaRefuses(t *testing.T) {
	schema := compileSchema(t)
	for _, tc := range invalid {
		if !tc.schema {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			if err := schema.Validate(asJSON(t, tc.yaml)); err == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

// The reference shows nothing that does not work, and every key.
func TestReference(t *testing.T) {
	const reference = "../../docs/pocketci-yaml.md"
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	schema := compileSchema(t)
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllSubmatch(text, -1)
	if len(blocks) < 5 {
		t.Fatalf("found %d YAML blocks", len(blocks))
	}
	all := ""
	for _, block := range blocks {
		if _, err := config.Parse(reference, block[1]); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
		if err := schema.Validate(asJSON(t, string(block[1]))); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
		all += string(block[1])
	}
	for _, key := range []string{"module-path", "modules", "path", "paths", "secrets", "name", "from-env", "git", "functions", "vendor", "event", "filter", "base", "on-changes", "schedule", "timeout", "runs-on", "args", "after", "concurrency", "group", "cancel"} {
		if !regexp.MustCompile(`\b` + key + `:`).MatchString(all) {
			t.Errorf("no example has %s", key)
		}
	}
	for _, key := range []string{"after", "concurrency", "filters"} {
		if !strings.Contains(string(text), "`"+key+"`") {
			t.Errorf("%s is not mentioned", key)
		}
	}
}
