package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/gwg"
)

// importLimit is the most that is read of a file.
const importLimit = 2 << 20

func newImport() *cobra.Command {
	return group("import", "Turn the configuration of another program into agent.yaml", newImportGwg())
}

func newImportGwg() *cobra.Command {
	return &cobra.Command{
		Use:   "gwg FILE",
		Short: "Turn a configuration of gwg into the mirrors of an agent.yaml",
		Long: `Import gwg reads config.yaml, config.json or config.toml of gwg and prints an
agent.yaml that has its repositories as mirrors. What stood in the file as clear
text comes from variables of the agent's environment then: their names are
printed to standard error, with where to find the values, and so is every key
that has no place in an agent.yaml, with what to do about it.

It exits with 0 if every key has a place, and with 1 if some have none; what is
printed is whole in both cases. It exits with 2 if the file cannot be read.`,
		Args:    cobra.ExactArgs(1),
		Example: "  pocketci import gwg /etc/gwg/config.yaml > agent.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readLimited(args[0])
			if err != nil {
				return err
			}
			result, err := gwg.Import(args[0], data)
			if err != nil {
				return err
			}
			if _, err := cmd.OutOrStdout().Write(result.YAML); err != nil {
				return err
			}
			s := newScreen(cmd.ErrOrStderr())
			for _, v := range result.Variables {
				s.printf("set %s to the value of %s\n", v.Name, v.Key)
			}
			for _, u := range result.Unmapped {
				s.printf("not mapped: %s: %s\n", u.Key, u.Advice)
			}
			if len(result.Unmapped) > 0 {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
}

// readLimited reads no more of a file than is needed to see that it is too large.
func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, importLimit))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return data, nil
}
