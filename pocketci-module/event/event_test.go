package event_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"dagger/pocketci/event"
)

// The commits of the payloads.
const (
	after  = "6b1f53303a732ccc8c6aae6640399827c15250e3"
	middle = "2f22765d04931a078909145ca628d2264c852d7d"
	before = "1197955e4244c18bdb9b375076bcb6ca05414672"
	head   = "e88b9eb4a293437625227c529460d0e00a216e9d"
)

// payload reads a payload by vendor and name. Those of GitHub are the ones that
// pocketci itself is tested with.
func payload(t testing.TB, vendor, name string) json.RawMessage {
	t.Helper()
	dir := filepath.Join("testdata", vendor)
	if vendor == "github" {
		dir = filepath.Join("..", "..", "testdata", "payloads", "github")
	}
	data, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fields are those of an event file by their names in it.
type fields map[string]any

// open writes an event file with a payload and reads it.
func open(t testing.TB, vendor, word string, payload json.RawMessage, more fields) *event.File {
	t.Helper()
	f, err := event.Decode(write(t, vendor, word, payload, more))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t testing.TB, vendor, word string, payload json.RawMessage, more fields) []byte {
	t.Helper()
	all := fields{
		"version": 1, "id": "019cb0d1-5a00-7000-8000-000000000001", "delivery": "", "vendor": vendor, "event": word, "filter": "",
		"repository": fields{
			"full_name": "octo/hello", "clone_url": "https://github.com/octo/hello.git", "web_url": "https://github.com/octo/hello",
			"default_branch": "main", "private": false,
		},
		"ref": "", "branch": "", "tag": "", "sha": "", "before": "", "base_ref": "", "base_sha": "", "changes": nil,
		"sender": "mona", "trusted": true, "received_at": "2026-03-02T08:15:31.25Z", "event_type": word,
		"repository_name": "octo/hello", "pr_number": 0, "payload": payload,
	}
	for name, value := range more {
		all[name] = value
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
