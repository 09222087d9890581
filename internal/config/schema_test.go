package config_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/schematest"
)

func TestSchemaAcceptsWhatParseAccepts(t *testing.T) {
	schema := schematest.Compile(t, config.Schema())
	for _, tc := range valid {
		t.Run(tc.name, func(t *testing.T) {
			if err := schema.Validate(schematest.Value(t, tc.yaml)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSchemaRefuses(t *testing.T) {
	schema := schematest.Compile(t, config.Schema())
	for _, tc := range invalid {
		if !tc.schema {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			if err := schema.Validate(schematest.Value(t, tc.yaml)); err == nil {
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
	schema := schematest.Compile(t, config.Schema())
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllSubmatch(text, -1)
	if len(blocks) < 5 {
		t.Fatalf("found %d YAML blocks", len(blocks))
	}
	all := ""
	for _, block := range blocks {
		if _, err := config.Parse(reference, block[1]); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
		if err := schema.Validate(schematest.Value(t, string(block[1]))); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
		all += string(block[1])
	}
	for _, key := range []string{"module-path", "modules", "path", "paths", "secrets", "name", "from-env", "from-agent", "from-provider", "git", "functions", "vendor", "event", "filter", "base", "on-changes", "schedule", "timeout", "runs-on", "args", "after", "concurrency", "group", "cancel", "filters", "is-equal-to", "is-not-equal-to", "matches", "does-not-match", "exists", "converge", "ids", "on"} {
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
