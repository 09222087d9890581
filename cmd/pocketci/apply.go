package main

import (
	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

func newApply() *cobra.Command {
	var r remote
	var w waiting
	var request v1.ApplyRequest
	cmd := &cobra.Command{
		Use:   "apply MODULE --repo REPOSITORY",
		Short: "Have a module converge to what it should be",
		Long: `Apply has an agent do at once what an event does that has a module converge: what
is not in the module's list any more is removed, the rest checked and changed. The
commit is the given ref of the repository or the head of its default branch.`,
		Args:    cobra.ExactArgs(1),
		Example: "  pocketci apply ./deploy --repo you/shop --fail",
		RunE: func(cmd *cobra.Command, args []string) error {
			request.Module = args[0]
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			accepted, err := c.Apply(cmd.Context(), request)
			if err != nil {
				return err
			}
			return w.accepted(cmd, c, accepted)
		},
	}
	r.flags(cmd)
	w.flags(cmd)
	cmd.Flags().StringVar(&request.Repository, "repo", "", "the `REPOSITORY` of the module, by its full name")
	cmd.Flags().StringVar(&request.Ref, "ref", "", "a `REF` of that repository: a branch, a tag or a full sha that was pushed")
	cmd.Flags().BoolVar(&w.json, "json", false, "print one JSON object, as the agent's API has it")
	cmd.MarkFlagRequired("repo")
	return cmd
}
