package dispatcher

import (
	"bytes"
	_ "embed" // for the schema
)

//go:embed plan.schema.json
var planSchema []byte

// PlanSchema returns the JSON Schema (draft 2020-12) of a [View].
func PlanSchema() []byte { return bytes.Clone(planSchema) }
