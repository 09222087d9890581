package pattern

import (
	_ "embed" // for the schema
	"slices"
)

//go:embed pattern.schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of patterns, for editors. It accepts
// every pattern that [Parse] accepts; not every mistake can be expressed in it.
func Schema() []byte { return slices.Clone(schema) }
