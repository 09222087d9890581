package report

import (
	"bytes"
	_ "embed" // for the schema
)

//go:embed report.schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of a [Line].
func Schema() []byte { return bytes.Clone(schema) }
