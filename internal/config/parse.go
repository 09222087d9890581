package config

import (
	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/yamlfile"
)

// MaxSize is the greatest size of the file in bytes.
const MaxSize = yamlfile.MaxSize

// Error is one thing that is wrong in the file.
type Error = yamlfile.Error

// Errors is everything that is wrong in the file, sorted by position. It has at
// least one entry.
type Errors = yamlfile.Errors

// reader reads one file.
type reader struct {
	*yamlfile.Reader
	// paths are the nodes that module paths come from, by module.
	paths []*yaml.Node
}

func newReader(name string) *reader { return &reader{Reader: yamlfile.NewReader(name)} }

// Parse reads a configuration file. The name is used in errors only. An error
// is an [Errors] with everything that is wrong, never only the first thing.
//
// Parse does not look at any other file. A file that says nothing, or nothing
// about where the module is, gives a module whose path is empty; [Load] fills
// it in.
func Parse(name string, data []byte) (*Config, error) {
	r := newReader(name)
	c := r.parse(data)
	if r.Failed() {
		return nil, r.Errors()
	}
	return c, nil
}

func (r *reader) parse(data []byte) *Config {
	if document := r.Document(data); document != nil {
		return r.config(document)
	}
	return &Config{Modules: []Module{{Line: 1}}}
}
