package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sampleEvent is the event of a payload in testdata with a fixed id and time.
func sampleEvent(t testing.TB, kind, file string) events.Event {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join("../testdata/payloads/github", file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := github.Parse(kind, payload)
	if err != nil {
		t.Fatal(err)
	}
	e.ID = "019cb0d1-5a00-7000-8000-000000000001"
	e.Delivery = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
	e.ReceivedAt = time.Date(2026, 3, 2, 9, 15, 31, 250_000_000, time.FixedZone("CET", 3600))
	return e
}

type fileCase struct {
	name    string
	event   events.Event
	changes []string
}

func fileCases(t testing.TB) []fileCase {
	repo := &events.Repository{FullName: "octo/hello", CloneURL: "https://github.com/octo/hello.git"}
	manual := events.Manual(repo, "refs/heads/main", strings.Repeat("ab", 20), "mona")
	manual.ID = "local"
	tick := events.Event{ID: "t1", Vendor: events.VendorTime, Name: events.NameTick, Kind: events.NameTick, Filter: "nightly", Trusted: true}
	tick.OccurredAt = time.Date(2026, 3, 29, 3, 0, 0, 0, time.FixedZone("CEST", 7200))
	tick = events.Follow(&manual, tick)
	return []fileCase{
		{"push", sampleEvent(t, "push", "push"), []string{"README.md", "cmd/hello/de.go", "a <b> & c, d\n\u2028ü"}},
		{"tag", sampleEvent(t, "push", "push_tag"), nil},
		{"pull_request_fork", sampleEvent(t, "pull_request", "pull_request_fork"), []string{}},
		{"manual", manual, nil},
		{"without_repository", tick, nil},
	}
}

func TestEncodeFileGolden(t *testing.T) {
	t.Parallel()
	for _, c := range fileCases(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// The payload is checked byte for byte elsewhere.
			c.event.Payload = json.RawMessage(`{"zen":  "Keep it <logically> awesome."}`)
			got, err := events.EncodeFile(&c.event, c.changes)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "file", c.name+".json")
			if *update {
				if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("event file (-golden +got):\n%s", diff)
			}
		})
	}
}

func TestEncodeFileFitsSchema(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	for _, c := range fileCases(t) {
		data, err := events.EncodeFile(&c.event, c.changes)
		if err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// The schema describes every field that is written, and no other.
func TestSchemaIsComplete(t *testing.T) {
	t.Parallel()
	var schema struct {
		Required   []string       `json:"required"`
		Properties map[string]any `json:"properties"`
	}
	if err := json.Unmarshal(events.FileSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	data, err := events.EncodeFile(&fileCases(t)[0].event, nil)
	if err != nil {
		t.Fatal(err)
	}
	var written map[string]any
	if err := json.Unmarshal(data, &written); err != nil {
		t.Fatal(err)
	}
	var fields, properties []string
	for field := range written {
		fields = append(fields, field)
	}
	for property := range schema.Properties {
		properties = append(properties, property)
	}
	slices.Sort(fields)
	slices.Sort(properties)
	slices.Sort(schema.Required)
	if diff := cmp.Diff(fields, properties); diff != "" {
		t.Errorf("properties (-written +schema):\n%s", diff)
	}
	if diff := cmp.Diff(fields, schema.Required); diff != "" {
		t.Errorf("required (-written +schema):\n%s", diff)
	}
}

func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	for path, value := range map[string]any{
		"version": 2, "sha": "HEAD", "pr_number": -1, "changes": "README.md", "trusted": nil,
		"received_at": "yesterday", "ref": "main", "repository": "octo/hello", "event": "",
	} {
		var file map[string]any
		data, err := events.EncodeFile(&fileCases(t)[0].event, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		file[path] = value
		if err := schema.Validate(file); err == nil {
			t.Errorf("%s may be %v", path, value)
		}
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(events.FileSchema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft7) // The document must say itself that it is 2020-12.
	compiler.AssertFormat()
	if err := compiler.AddResource("event.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("event.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if schema.DraftVersion != 2020 {
		t.Errorf("schema is of draft %d", schema.DraftVersion)
	}
	return schema
}

func TestFileKeepsPayload(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]string{
		"HTML":              `{"a":"<b>&'\u003c\/\u2028","n":1}`,
		"line separators":   "{\"a\":\"\u2028\u2029\"}",
		"spaces":            "{\n\t\"a\" :  [ 1 ,2 ]\r\n}",
		"numbers":           `[1.0, 1e400, 12345678901234567890, -0, 1E+2]`,
		"duplicate keys":    `{"a":1,"a":2}`,
		"lone surrogate":    `"\ud800"`,
		"ends like a file":  "null",
		"surrounding space": " {} \n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := events.Event{ID: "1", Vendor: "github", Name: "push", Kind: "push", Payload: json.RawMessage(payload)}
			data, err := events.EncodeFile(&e, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(data, []byte(payload)) {
				t.Errorf("the file does not hold the payload as it was sent:\n%s", data)
			}
			f, err := events.DecodeFile(data)
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.TrimSpace(payload); string(f.Payload) != want {
				t.Errorf("payload %q, want %q", f.Payload, want)
			}
		})
	}
}

func TestEncodeFileIsDeterministic(t *testing.T) {
	t.Parallel()
	e := sampleEvent(t, "push", "push")
	first, err := events.EncodeFile(&e, []string{"b", "a"})
	if err != nil {
		t.Fatal(err)
	}
	// Neither the zone of the clock nor its monotonic part may be seen.
	e.ReceivedAt = e.ReceivedAt.UTC()
	second, err := events.EncodeFile(&e, []string{"b", "a"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(first), string(second)); diff != "" {
		t.Errorf("two files of one event differ:\n%s", diff)
	}
}

func TestEncodeFileRefuses(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]events.Event{
		"payload cut off":    {Payload: json.RawMessage(`{"a":`)},
		"payload not UTF-8":  {Payload: json.RawMessage("\"\xff\"")},
		"two payloads":       {Payload: json.RawMessage(`{}, "sha": "x"`)},
		"year out of bounds": {ReceivedAt: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if data, err := events.EncodeFile(&e, nil); err == nil {
			t.Errorf("%s: wrote %s", name, data)
		}
	}
}

func TestFileRoundTrip(t *testing.T) {
	t.Parallel()
	for _, c := range fileCases(t) {
		data, err := events.EncodeFile(&c.event, c.changes)
		if err != nil {
			t.Fatal(err)
		}
		f, err := events.DecodeFile(data)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		e := c.event
		want := &events.File{
			Version: 1, ID: e.ID, Delivery: e.Delivery, Vendor: e.Vendor, Event: e.Name, Filter: e.Filter,
			Repository: e.Repository, Ref: e.Ref, Branch: e.Branch, Tag: e.Tag, SHA: e.SHA, Before: e.Before,
			BaseRef: e.BaseRef, BaseSHA: e.BaseSHA, Changes: c.changes, Sender: e.Sender, Trusted: e.Trusted,
			ReceivedAt: e.ReceivedAt.UTC(), OccurredAt: e.OccurredAt.UTC(), Cause: e.Cause, Depth: e.Depth, EventType: e.Kind, PRNumber: e.PullRequest,
			Payload: bytes.TrimSpace(e.Payload),
		}
		if e.Repository != nil {
			want.RepositoryName = e.Repository.FullName
		}
		if e.OccurredAt.IsZero() {
			want.OccurredAt = want.ReceivedAt
		}
		if e.Payload == nil {
			want.Payload = json.RawMessage("null")
		}
		if diff := cmp.Diff(want, f); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestDecodeFileRefuses(t *testing.T) {
	t.Parallel()
	valid := func(replacements ...string) string {
		data, err := events.EncodeFile(&fileCases(t)[0].event, nil)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer(replacements...).Replace(string(data))
		if len(replacements) > 0 && text == string(data) {
			t.Fatalf("%q replaced nothing", replacements)
		}
		return text
	}
	tests := []struct{ name, data, want string }{
		{"empty", "", "line 1, column 1: is empty, want a JSON object"},
		{"not JSON", "version: 1", "line 1, column 1: invalid character 'v' looking for beginning of value"},
		{"payload instead of an event file", `{"ref": "refs/heads/main"}`, "version: is missing; this is not an event file"},
		{"version zero", `{"version": 0}`, "version: is 0, and versions start at 1"},
		{"newer", `{"version": 2, "id": {}}`, "version: is 2, and this pocketci reads up to 1; use a newer one"},
		{"version is text", `{"version": "1"}`, "line 1, column 15: version: is a string, want a whole number"},
		{"no id", valid(`"id": "019cb0d1-5a00-7000-8000-000000000001"`, `"id": ""`), "id: is missing"},
		{"bad sha", valid(`"sha": "6b1f`, `"sha": "xxxx`), `sha: "xxxx53303a732ccc8c6aae6640399827c15250e3" is not a commit: want 40 or 64 hexadecimal digits`},
		{"bad ref", valid(`"ref": "refs/heads/main",`, `"ref": "main",`), `ref: "main" is not a full ref: want refs/…`},
		{"branch and tag", valid(`"tag": ""`, `"tag": "v1"`), "tag: is given together with a branch"},
		{"negative number", valid(`"pr_number": 0`, `"pr_number": -7`), "pr_number: is below zero"},
		{"another name", valid(`"repository_name": "octo/hello"`, `"repository_name": "octo/other"`), "repository_name: is not repository.full_name"},
		{"no repository", valid(`"repository": {`, `"repositoryX": {`), "repository: is missing, and repository_name is given"},
		{"no payload", valid(`"payload": {`, `"payloadX": {`), "payload: is missing"},
		{"bad time", valid(`"2026-03-02T08:15:31.25Z"`, `"yesterday"`), `parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := events.DecodeFile([]byte(test.data))
			var bad *events.MalformedError
			if !errors.As(err, &bad) {
				t.Fatalf("error %v, want a MalformedError", err)
			}
			if err.Error() != test.want {
				t.Errorf("error %q, want %q", err, test.want)
			}
		})
	}
	if _, err := events.DecodeFile([]byte(valid(`"version": 1`, `"version": 1, "added_later": [1]`))); err != nil {
		t.Errorf("a field that was added later: %v", err)
	}
}
