package e2e_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/report"
)

// reportSchema is the published schema of the lines of a report.
var reportSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	const base = "https://github.com/franela/pocketci/"
	compiler := jsonschema.NewCompiler()
	for name, data := range map[string][]byte{"report.schema.json": report.Schema(), "plan.schema.json": dispatcher.PlanSchema()} {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if err := compiler.AddResource(base+name, document); err != nil {
			return nil, err
		}
	}
	return compiler.Compile(base + "report.schema.json")
})

// checkReport checks lines of a report, masked as they are, with the schema.
func checkReport(t *testing.T, lines [][]byte) {
	t.Helper()
	schema, err := reportSchema()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err == nil {
			err = schema.Validate(instance)
		}
		if err != nil {
			t.Errorf("a line of the report is not as its schema says: %v\n%s", err, line)
		}
	}
}
