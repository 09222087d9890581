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
	var show bool
	var module, repository, ref, cause string
	cmd := &cobra.Command{
		Use:   "call FUNCTION [--arg NAME=VALUE ...]",
		Short: "Call one function by hand",
		Long: `Call one function of the repository's modules, whatever its name. Values are
checked against the types of the function's arguments; --show says what they are.
A secret is given by reference, as env://NAME, a file or directory by its path in
the repository; src and eventTrigger are filled in.

With --repo the agent calls the function, at the given ref of the repository or
the head of its default branch. The agent must have received an event of it, or it is
.modules/NAME, which is a module that pocketci module deploy has stored.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci call build --arg version=1.2 --arg strict=true
  pocketci call api/ci:publish --arg token=env://REGISTRY_TOKEN
  pocketci call build --show
  pocketci call build --repo you/hello --ref main --arg version=1.2 --fail
  pocketci call deploy --repo .modules/site --arg notes=docs/notes.md`,
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
			if err := allOrNone(cmd, "repo", repository != "", []string{"ref", "cause", "wait", "fail", "logs"}); err != nil {
				return err
			}
			if show && repository != "" {
				return showThere(cmd, &r, repository, ref, module, args[0], in.json)
			}
			if repository != "" {
				w.json = in.json
				return callThere(cmd, &r, &w, v1.CallRequest{Repository: repository, Ref: ref, Module: module, Function: args[0], Args: values, Cause: cause})
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
			if show {
				return showHere(cmd, mod, fn, in.json)
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
	cmd.Flags().StringVar(&cause, "cause", "", "the id of the `EVENT` that this call follows from, for functions that call others")
	cmd.Flags().BoolVar(&show, "show", false, "show the function with its arguments and their defaults, and call nothing")
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

// showHere shows a function of a local directory.
func showHere(cmd *cobra.Command, mod *modules.Module, fn *modules.Function, asJSON bool) error {
	path, view, err := pick([]v1.DeclaredModule{v1.Declare(mod)}, "", fn.Name)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), view)
	}
	return showFunction(cmd.OutOrStdout(), path, view)
}

// showThere shows a function of an agent's repository.
func showThere(cmd *cobra.Command, r *remote, repository, ref, module, function string, asJSON bool) error {
	if path, name := modules.CutQualified(function); path != "" {
		module, function = path, name
	}
	c, err := r.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := c.Declared(cmd.Context(), repository, ref)
	if err != nil {
		return err
	}
	path, view, err := pick(list.Modules, module, function)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), view)
	}
	return showFunction(cmd.OutOrStdout(), path, view)
}

// errNoFunction says that no module has the function.
var errNoFunction = errors.New("no such function")
