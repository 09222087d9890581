package doctest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/settings"
)

// The page about signed tokens, word for word but for the agent's address: its
// agent.yaml with the key that was made, and every command.
func TestSignedPage(t *testing.T) {
	const address = "https://ci.example.com"
	s := newShell(t)
	page := readPage(t, "docs/signed.md")
	var scripts []string
	var config string
	for _, b := range page.blocks {
		switch b.language {
		case "sh":
			scripts = append(scripts, b.text)
		case "yaml":
			config = b.text
		}
	}
	if len(scripts) != 7 {
		t.Fatalf("the page has %d scripts", len(scripts))
	}
	public := strings.TrimSpace(s.must("", scripts[0]))
	printed, err := settings.Parse("docs/signed.md", []byte(config))
	if err != nil {
		t.Fatal(err)
	}
	example := printed.Signed[0].Keys[0].String()
	if !strings.Contains(config, example) {
		t.Fatalf("the example has not the key %s", example)
	}
	file := filepath.Join(t.TempDir(), "agent.yaml")
	config = strings.NewReplacer(example, public, "/srv/tokens/web.jwt", filepath.Join(t.TempDir(), "web.jwt")).Replace(config)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	a := startAgent(t, s.env, "--listen", "127.0.0.1:0", "--data-dir", t.TempDir(), "--config", file)

	said := make([]string, len(scripts))
	for i, script := range scripts[1:] {
		said[i+1] = s.must("", strings.ReplaceAll(script, address, a.url))
	}
	for i, want := range map[int]string{2: `"version": "1.2.3"`, 3: "run 1 of event ", 4: "run 2 of event "} {
		if !strings.Contains(said[i], want) {
			t.Errorf("%s\nsays %q, want %q", scripts[i], said[i], want)
		}
	}
	var accepted struct{ Number int }
	if err := json.Unmarshal([]byte(said[5]), &accepted); err != nil || accepted.Number != 3 {
		t.Errorf("%s\nsays %q", scripts[5], said[5])
	}
	// What the page says of a second time.
	if out, err := s.run("", strings.ReplaceAll(scripts[3], address, a.url)); err == nil || !strings.Contains(err.Error(), "token was accepted before") {
		t.Errorf("the second push says %s, %v", out, err)
	}
	for _, row := range page.table(t, "Claims", "claim").rows {
		if !strings.Contains(row[0], "`") {
			t.Errorf("%q is no claim", row[0])
		}
	}
}
