package gwg_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/gwg"
	"github.com/franela/pocketci/internal/settings"
)

var update = flag.Bool("update", false, "write what is made of the samples to testdata")

// secretsIn are the values in the samples that must not come out.
var secretsIn = []string{"webhookPassword", "sshPassPhrase-123", "superSecret-repo-2", "abc", "hunter2"}

func TestGolden(t *testing.T) {
	// The README's sample means the same in each format.
	for name, golden := range map[string]string{
		"readme.yaml": "readme", "readme.json": "readme", "readme.toml": "readme", "whole.yaml": "whole", "problems.yaml": "problems",
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			result, err := gwg.Import(name, data)
			if err != nil {
				t.Fatal(err)
			}
			var notes strings.Builder
			for _, v := range result.Variables {
				fmt.Fprintf(&notes, "set %s to %s\n", v.Name, v.Key)
			}
			for _, u := range result.Unmapped {
				fmt.Fprintf(&notes, "%s: %s\n", u.Key, u.Advice)
			}
			made := strings.Replace(string(result.YAML), "# Made of "+name, "# Made of "+golden, 1)
			for file, got := range map[string]string{golden + ".agent.golden": made, golden + ".notes.golden": notes.String()} {
				path := filepath.Join("testdata", file)
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("%s (write it with -update): %s", file, diff)
				}
				for _, secret := range secretsIn {
					if strings.Contains(got, secret) {
						t.Errorf("%s shows the secret %s", file, secret)
					}
				}
			}
			if _, err := settings.Parse("agent.yaml", result.YAML); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct{ file, data, want string }{
		"another format":    {"config.ini", "x", "config.ini: its name must end with yaml, yml, json or toml, as gwg's own does"},
		"broken YAML":       {"c.yaml", "a: b\nsecret: [hunter2\nb: c", "c.yaml: it is not valid YAML, in line 1"},
		"a list":            {"c.yml", "- hunter2", "c.yml: it is not a mapping of names to values, or has a name twice"},
		"a name twice":      {"c.yaml", "a: hunter2\na: hunter2", "c.yaml: it is not a mapping of names to values, or has a name twice"},
		"broken JSON":       {"c.json", "{\n\"secret\": hunter2}", "c.json: it is not a JSON object, in line 2"},
		"a value of JSON":   {"c.json", `"hunter2"`, "c.json: it is not a JSON object, in line 1"},
		"broken TOML":       {"c.toml", "a = 1\nsecret = hunter2\n", "c.toml: it is not valid TOML, in line 2"},
		"a file too large":  {"c.toml", strings.Repeat("#", 1<<20+1), "c.toml: it is larger than 1048576 bytes"},
		"nothing, in YAML":  {"c.yaml", "", ""},
		"no repos, in JSON": {"c.json", "{}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := gwg.Import(c.file, []byte(c.data))
			if got := fmt.Sprint(err); c.want != "" && got != c.want || c.want == "" && err != nil {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// What is made can always be read, and repeats no secret.
func FuzzImport(f *testing.F) {
	for _, name := range []string{"readme.yaml", "readme.json", "readme.toml", "problems.yaml"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(filepath.Ext(name), string(data))
	}
	f.Fuzz(func(t *testing.T, ext, data string) {
		result, err := gwg.Import("c"+ext, []byte(data))
		if err != nil {
			if strings.Contains(err.Error(), "refused") {
				t.Fatal(err)
			}
			return
		}
		if _, err := settings.Parse("f", result.YAML); err != nil {
			t.Fatal(err)
		}
	})
}
