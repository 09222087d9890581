package main

import (
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

var fullSHA = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

func newApprove() *cobra.Command {
	var r remote
	var sha string
	var trust bool
	cmd := &cobra.Command{
		Use:   "approve RUN --sha SHA",
		Short: "Let a run begin that waits for an approval",
		Long: `Approve says that somebody has looked at a commit, by its full sha. Code of a
fork then runs by pocketci.yaml and the modules of the target branch, without secrets.

With --trust it runs as if it came from a branch of the repository: by its own
pocketci.yaml and modules, and with secrets. That needs a key with the scope admin.`,
		Args:    cobra.ExactArgs(1),
		Example: "  pocketci approve 42 --sha 3f2a1b9c0d124e5f60718293a4b5c6d7e8f90a1b",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !fullSHA.MatchString(sha) {
				return fmt.Errorf("--sha %q: give the full sha of the commit that was looked at", sha)
			}
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.Approve(cmd.Context(), args[0], v1.Approve{SHA: sha, Trust: trust}); err != nil {
				return err
			}
			newScreen(cmd.OutOrStdout()).printf("approved %s for run %s\n", shortSHA(sha), args[0])
			return nil
		},
	}
	r.flags(cmd)
	cmd.Flags().StringVar(&sha, "sha", "", "the full `SHA` of the commit that was looked at")
	cmd.Flags().BoolVar(&trust, "trust", false, "run it as if it came from a branch of the repository, with secrets")
	cmd.MarkFlagRequired("sha")
	return cmd
}
