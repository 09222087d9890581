package doctest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/internal/settings"
)

// The versions in the table are in the order that their rules give them.
func TestTableOfVersions(t *testing.T) {
	for _, row := range readPage(t, "docs/registry.md").table(t, "Versions", "rule").rows {
		text := "registries: [{name: a, host: x, watch: [{repository: b, versions: " + code(row[0])[0] + "}]}]"
		conf, err := settings.Parse(settings.FileName, []byte(text))
		if err != nil {
			t.Errorf("%v in %s", err, text)
			continue
		}
		v := conf.Registries[0].Watch[0].Versions
		rule := registry.Semver(v.Prereleases)
		if v.Match != "" {
			if rule, err = registry.Pattern(v.Match); err != nil {
				t.Fatal(err)
			}
		}
		versions := code(row[1])
		for i, version := range versions {
			if !rule.IsVersion(version) || i > 0 && rule.Compare(versions[i-1], version) >= 0 {
				t.Errorf("%s: %s is no version, or not newer than the one before", code(row[0])[0], version)
			}
		}
		if len(versions) < 3 {
			t.Errorf("%s has %d versions", row[0], len(versions))
		}
	}
}

// The events in the table, and the payload's fields, are those of the source.
func TestEventsOfRegistries(t *testing.T) {
	page := readPage(t, "docs/registry.md")
	want := []string{registry.NameTag, registry.NameRelease, registry.NameDigest, registry.NameDeploy}
	rows := page.table(t, "Events", "event").rows
	for i, row := range rows {
		if i >= len(want) || code(row[0])[0] != want[i] {
			t.Errorf("row %d is of %s", i, row[0])
		}
	}
	for _, b := range page.blocksOf("json") {
		decoder := json.NewDecoder(strings.NewReader(b.text))
		decoder.DisallowUnknownFields()
		var payload registry.Payload
		if err := decoder.Decode(&payload); err != nil {
			t.Errorf("the payload: %v", err)
		}
		if again, err := json.MarshalIndent(payload, "", "  "); err != nil || string(again)+"\n" != b.text {
			t.Errorf("the payload is written as\n%s", again)
		}
	}
	if len(rows) != len(want) {
		t.Errorf("%d events are described, want %d", len(rows), len(want))
	}
}
