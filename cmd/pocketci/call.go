package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/dispatcher"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/secretref"
	"github.com/franela/pocketci/modules"
)

func newCall() *cobra.Command {
	in := input{event: manualEvent, lines: true}
	var r remote
	var w waiting
	var given []string
	var module, repository, ref string
	cmd := &cobra.Command{
		Use:   "call FUNCTION [--arg NAME=VALUE ...]",
		Short: "Call one function by hand",
		Long: `Call one function of the repository's modules, whatever its name. Values are
checked against the types of the function's arguments. A secret is given by
reference, as env://NAME; src and eventTrigger are filled in.

With --repo the agent calls the function, at the given ref of the repository or
the head of its default branch. The agent must have received an event of it.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci call build --arg version=1.2 --arg strict=true
  pocketci call api/ci:publish --arg token=env://REGISTRY_TOKEN
  pocketci call build --repo you/hello --ref main --arg version=1.2 --fail`,
		RunE: func(cmd *cobra.Command, args []string) error {
			values := map[string]string{}
			for _, text := range given {
				name, value, ok := strings.Cut(text, "=")
				if !ok || name == "" {
					return fmt.Errorf("--arg %q: write it as NAME=VALUE", text)
				}
				values[name] = value
				// Whoever types a reference owns the variable it names.
				if variable, ok := strings.CutPrefix(value, secretref.EnvScheme); ok {
					in.allow = append(in.allow, variable)
				}
			}
			if err := r.instead(cmd, repository); err != nil {
				return err
			}
			if err := allOrNone(cmd, "repo", repository != "", []string{"ref", "wait", "fail", "logs"}); err != nil {
				return err
			}
			if repository != "" {
				w.json = in.json
				return callThere(cmd, &r, &w, v1.CallRequest{Repository: repository, Ref: ref, Module: module, Function: args[0], Args: values})
			}
			local, err := in.open(cmd)
			if err != nil {
				return err
			}
			defer local.Close()
			mod, fn, pinned, err := local.find(cmd.Context(), module, args[0])
			if err != nil {
				return err
			}
			call, err := dispatcher.ByHand(mod.Path, fn, values, local.snapshot.Tree)
			if err != nil {
				return err
			}
			call.Commit = pinned[mod.Path]
			outcomes := local.direct.Dispatch(cmd.Context(), local.runID(), local.snapshot, &dispatcher.Plan{
				Event: local.snapshot.Event, Changes: local.snapshot.Changes, Calls: []dispatcher.Call{call}, Pinned: pinned,
			})
			if outcomes[0].State != dispatcher.StateSucceeded {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
	in.dirFlags(cmd)
	r.flags(cmd)
	w.flags(cmd)
	cmd.Flags().StringVar(&repository, "repo", "", "have the agent call it on this `REPOSITORY`, by its full name")
	cmd.Flags().StringVar(&ref, "ref", "", "a `REF` of that repository: a branch, a tag or a full sha")
	cmd.Flags().StringArrayVar(&given, "arg", nil, "an argument as `NAME=VALUE`; lists with commas or as JSON (repeatable)")
	cmd.Flags().StringVar(&module, "module", "", "the `path` of the function's module, where several have it")
	cmd.Flags().BoolVar(&in.json, "json", false, "print one JSON object a line (see pocketci schema report); with --repo one, as the agent's API has it")
	return cmd
}

// callThere has an agent call a function.
func callThere(cmd *cobra.Command, r *remote, w *waiting, request v1.CallRequest) error {
	if module, function := modules.CutQualified(request.Function); module != "" {
		request.Module, request.Function = module, function
	}
	c, err := r.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	accepted, err := c.StartCall(cmd.Context(), request)
	if err != nil {
		return err
	}
	return w.accepted(cmd, c, accepted)
}

// errNoFunction says that no module has the function.
var errNoFunction = errors.New("no such function")
