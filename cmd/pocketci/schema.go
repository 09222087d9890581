package main

import (
	_ "embed" // for the schema
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	converge "github.com/franela/pocketci/internal/converge/config"
	"github.com/franela/pocketci/internal/converge/pattern"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/settings"
)

//go:embed functions.schema.json
var functionsSchema []byte

// schemas are the forms that programs may rely on, by the names they are asked
// for by.
var schemas = map[string]func() []byte{
	"pocketci.yaml": config.Schema,
	"agent":         settings.Schema,
	"event":         events.FileSchema,
	"plan":          dispatcher.PlanSchema,
	"report":        report.Schema,
	"converge":      converge.Schema,
	"pattern":       pattern.Schema,
	"functions":     func() []byte { return functionsSchema },
}

func newSchema() *cobra.Command {
	names := slices.Sorted(maps.Keys(schemas))
	return &cobra.Command{
		Use:       "schema NAME",
		Short:     "Print the JSON Schema of a format: " + strings.Join(names, ", "),
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: names,
		Example:   "  pocketci schema pocketci.yaml > pocketci.schema.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", strings.TrimRight(string(schemas[args[0]]()), "\n"))
			return err
		},
	}
}
