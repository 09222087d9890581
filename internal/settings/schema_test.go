package settings_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/franela/pocketci/internal/schematest"
	"github.com/franela/pocketci/internal/settings"
)

func TestSchemaAcceptsWhatParseAccepts(t *testing.T) {
	schema := schematest.Compile(t, settings.Schema())
	for name, c := range valid {
		t.Run(name, func(t *testing.T) {
			if err := schema.Validate(schematest.Value(t, c.yaml)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSchemaRefuses(t *testing.T) {
	schema := schematest.Compile(t, settings.Schema())
	for name, c := range invalid {
		if !c.schema {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if err := schema.Validate(schematest.Value(t, c.yaml)); err == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

// The reference shows nothing that does not work, and every key.
func TestReference(t *testing.T) {
	const reference = "../../docs/agent-yaml.md"
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	schema := schematest.Compile(t, settings.Schema())
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllSubmatch(text, -1)
	if len(blocks) < 2 {
		t.Fatalf("found %d YAML blocks", len(blocks))
	}
	for _, block := range blocks {
		if _, err := settings.Parse(reference, block[1]); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
		if err := schema.Validate(schematest.Value(t, string(block[1]))); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
	}
	for _, key := range []string{
		"forks", "forks-share-engine", "runners", "name", "host", "labels", "untrusted", "modules", "remote", "forges", "vendor", "url",
		"webhook-secrets", "username", "token", "app", "id", "private-key", "repositories", "statuses", "secrets", "env", "named",
		"providers", "events", "refs", "from-env", "from-file",
		"schedules", "cron", "every", "at", "hourly", "daily", "weekly", "time-zone", "catch-up", "max-age", "jitter",
		"registries", "insecure", "docker-config", "webhook-secret", "watch", "repository", "interval", "versions", "prereleases", "match",
		"mirrors", "mirror-workers", "directory", "branch", "tag", "remote", "ssh-key", "passphrase", "known-hosts", "trigger", "retry-count",
		"retry-delay", "webhook", "path", "every", "on", "atomic", "keep",
		"ignore-tags", "pinned-tag", "auto-deploy", "deploy-attempts", "calls", "ref", "clone-url", "module", "converge",
		"webhooks", "verify", "hmac", "header", "prefix", "algorithm", "encoding", "timestamp", "tolerance", "before", "after", "bearer", "tokens",
		"basic", "passwords", "none", "methods", "content-types", "max-size", "filter", "dedup", "pointer", "headers", "query", "filters", "wait",
		"timeout", "content-type", "trusted",
		"signed", "keys", "sources", "push", "pull", "paths", "every", "headers", "allow-older", "allow-no-expiry", "filters",
		"web", "public",
	} {
		if !regexp.MustCompile(`\b` + key + `:`).Match(blocks[0][1]) {
			t.Errorf("the first example has no %s", key)
		}
		if !regexp.MustCompile("`[^`\n]*\\b" + key + "\\b[^`\n]*`").Match(text) {
			t.Errorf("%s is not described", key)
		}
	}
}
