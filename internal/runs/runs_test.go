package runs_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/internal/runs"
)

func TestOpenWritesTheEventFile(t *testing.T) {
	for name, c := range map[string]struct {
		changes mirror.Changes
		want    []string
	}{
		"changes":         {mirror.Changes{Files: []string{"a"}}, []string{"a"}},
		"no changes":      {mirror.Changes{}, []string{}},
		"unknown changes": {mirror.Changes{Unknown: "no diff"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "events")
			event := events.Event{ID: "1", Vendor: "github", Name: "push", Kind: "push", Payload: []byte(`{"a": 1}`)}
			s, err := runs.Open(event, &mirror.Snapshot{Changes: c.changes}, dispatcher.Place{Source: "."}, dir)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(s.Place.EventFile)
			if err != nil {
				t.Fatal(err)
			}
			if string(data) != string(s.EventFile) {
				t.Error("the file on disk is not what functions get")
			}
			file, err := events.DecodeFile(data)
			if err != nil {
				t.Fatal(err)
			}
			if (file.Changes == nil) != (c.want == nil) || len(file.Changes) != len(c.want) {
				t.Errorf("changes are %#v, want %#v", file.Changes, c.want)
			}
			info, err := os.Stat(s.Place.EventFile)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("mode is %v: a payload is private", info.Mode())
			}
		})
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{"old.json": 2 * time.Hour, "new.json": 0} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := runs.Prune(dir, time.Hour); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "new.json" {
		t.Errorf("left are %v, %v, want new.json", left, err)
	}
	if err := runs.Prune(filepath.Join(dir, "none"), time.Hour); err != nil {
		t.Errorf("a directory that is not there: %v", err)
	}
}
