package config

import (
	_ "embed" // for the schema
	"slices"
)

//go:embed converge.schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of the file, for editors. It accepts
// every file that [Parse] accepts; not every mistake can be expressed in it.
func Schema() []byte { return slices.Clone(schema) }
