package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/settings"
)

func TestLoad(t *testing.T) {
	for name, c := range map[string]struct {
		files   map[string]string
		path    string // below the directory, empty for none
		forks   settings.Forks
		noFile  bool
		problem string
	}{
		"no file":                    {noFile: true},
		"in the data directory":      {files: map[string]string{"agent.yaml": "forks: never"}, forks: settings.ForksNever},
		"somewhere else":             {files: map[string]string{"agent.yaml": "forks: never", "x": "forks: no-secrets"}, path: "x", forks: settings.ForksNoSecrets},
		"named and missing":          {files: map[string]string{"agent.yaml": ""}, path: "x", problem: "no such file"},
		"a directory":                {files: map[string]string{"x/y": ""}, path: "x", problem: "is a directory"},
		"a mistake":                  {files: map[string]string{"agent.yaml": "\nfork: never"}, problem: `agent.yaml:2:1: unknown key "fork"`},
		"another ending":             {files: map[string]string{"agent.yml": ""}, problem: "agent.yml:1:1: the agent reads agent.yaml; rename the file"},
		"the name of a repository's": {files: map[string]string{"pocketci.yaml": ""}, problem: "pocketci.yaml:1:1: the agent reads agent.yaml"},
		"another ending beside it":   {files: map[string]string{"agent.yaml": "", "agent.yml": ""}},
		"too large":                  {files: map[string]string{"agent.yaml": "#" + strings.Repeat("x", settings.MaxSize)}, problem: "larger than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range c.files {
				path := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			path := ""
			if c.path != "" {
				path = filepath.Join(dir, c.path)
			}
			got, err := settings.Load(path, dir)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("got %v, want %q", err, c.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Forks != c.forks || (got.File == "") != c.noFile {
				t.Errorf("got %+v", got)
			}
		})
	}
}
