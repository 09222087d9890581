// Package gwg turns the configuration of gwg, which keeps directories up to date by
// GitHub's webhooks, into agent.yaml. The format is that of gwg v0.0.9: its README,
// and its config.go for what the README leaves open.
package gwg

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/settings"
)

// Result is what a configuration comes to.
type Result struct {
	// YAML is an agent.yaml.
	YAML []byte
	// Variables hold what stood in the file as clear text and does no more.
	Variables []Variable
	// Unmapped are the keys that have no place in an agent.yaml, in the order of
	// the file's structure. No value of a secret is in them.
	Unmapped []Unmapped
}

// Variable is one of the agent's environment that must be set.
type Variable struct {
	Name string
	// Key is where its value stands in gwg's file, such as repos[0].secret.
	Key string
}

// Unmapped is a key that is not in the result.
type Unmapped struct {
	// Key is where it stands, such as repos[0].url.
	Key string
	// Advice says why, and what to do.
	Advice string
}

// file is the part of an agent.yaml that there can be.
type file struct {
	MirrorWorkers int      `yaml:"mirror-workers,omitempty"`
	Mirrors       []mirror `yaml:"mirrors"`
}

type mirror struct {
	Name       string   `yaml:"name"`
	URL        string   `yaml:"url"`
	Directory  string   `yaml:"directory"`
	Branch     string   `yaml:"branch,omitempty"`
	Tag        string   `yaml:"tag,omitempty"`
	Remote     string   `yaml:"remote,omitempty"`
	SSHKey     *secret  `yaml:"ssh-key,omitempty,flow"`
	Passphrase *secret  `yaml:"passphrase,omitempty,flow"`
	Trigger    string   `yaml:"trigger,omitempty"`
	RetryCount int      `yaml:"retry-count,omitempty"`
	RetryDelay string   `yaml:"retry-delay,omitempty"`
	Webhook    *webhook `yaml:"webhook,omitempty"`
}

type webhook struct {
	Path    string   `yaml:"path,omitempty"`
	Secrets []secret `yaml:"webhook-secrets,flow"`
}

type secret struct {
	Env  string `yaml:"from-env,omitempty"`
	File string `yaml:"from-file,omitempty"`
}

// Import reads a configuration in the format that the end of its name says: yaml, yml,
// json or toml. An error means that it cannot be read, and repeats no value.
func Import(name string, data []byte) (*Result, error) {
	root, err := decode(filepath.Ext(name), data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	i := &importer{names: map[string]int{}, paths: map[string]bool{}, directories: map[string]bool{}}
	out := i.file(root)
	data, err = marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write agent.yaml: %w", err)
	}
	if _, err := settings.Parse(settings.FileName, data); err != nil {
		return nil, fmt.Errorf("%s: what is made of it is refused: %w", name, err)
	}
	head := "# Made of " + strings.Map(printable, filepath.Base(name)) + " by pocketci import gwg.\n"
	return &Result{YAML: append([]byte(head), data...), Variables: i.variables, Unmapped: slices.Clip(i.unmapped)}, nil
}

func marshal(f file) ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	err := encoder.Encode(f)
	return b.Bytes(), err
}

// printable keeps control characters out of what people read.
func printable(c rune) rune {
	if c < ' ' || c == 0x7f {
		return '?'
	}
	return c
}
