package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/secrets"
)

func newCall() *cobra.Command {
	in := input{event: manualEvent, lines: true}
	var given []string
	var module string
	cmd := &cobra.Command{
		Use:   "call FUNCTION [--arg NAME=VALUE ...]",
		Short: "Call one function by hand",
		Long: `Call one function of the repository's modules, whatever its name. Values are
checked against the types of the function's arguments. A secret is given by
reference, as env://NAME; src and eventTrigger are filled in.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci call build --arg version=1.2 --arg strict=true
  pocketci call api/ci:publish --arg token=env://REGISTRY_TOKEN`,
		RunE: func(cmd *cobra.Command, args []string) error {
			values := map[string]string{}
			for _, text := range given {
				name, value, ok := strings.Cut(text, "=")
				if !ok || name == "" {
					return fmt.Errorf("--arg %q: write it as NAME=VALUE", text)
				}
				values[name] = value
				// Whoever types a reference owns the variable it names.
				if variable, ok := strings.CutPrefix(value, secrets.Scheme); ok {
					in.allow = append(in.allow, variable)
				}
			}
			local, err := in.open(cmd)
			if err != nil {
				return err
			}
			defer local.Close()
			mod, fn, err := local.find(cmd.Context(), module, args[0])
			if err != nil {
				return err
			}
			call, err := dispatcher.ByHand(mod.Path, fn, values)
			if err != nil {
				return err
			}
			outcomes := local.runner.Dispatch(cmd.Context(), local.runID(), local.snapshot, &dispatcher.Plan{
				Event: local.snapshot.Event, Changes: local.snapshot.Changes, Calls: []dispatcher.Call{call},
			})
			if outcomes[0].State != dispatcher.StateSucceeded {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
	in.dirFlags(cmd)
	cmd.Flags().StringArrayVar(&given, "arg", nil, "an argument as `NAME=VALUE`; lists with commas or as JSON (repeatable)")
	cmd.Flags().StringVar(&module, "module", "", "the `path` of the function's module, where several have it")
	cmd.Flags().BoolVar(&in.json, "json", false, "print one JSON object a line (see pocketci schema report)")
	return cmd
}

// errNoFunction says that no module has the function.
var errNoFunction = errors.New("no such function")
